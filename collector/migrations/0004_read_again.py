"""A refused message that can be read by now: its one quarantined item is withdrawn, its items come in its place."""

from django.db import migrations

FORWARDS = """
ALTER TABLE quarantine_retry ADD COLUMN message_id bigint;
ALTER TABLE quarantine_retry DROP CONSTRAINT quarantine_retry_outcome_check;
ALTER TABLE quarantine_retry ADD CONSTRAINT quarantine_retry_outcome_check
  CHECK (outcome IN ('stored', 'duplicate', 'conflict', 'read_again'));
ALTER TABLE quarantine_retry ADD CONSTRAINT quarantine_retry_message_check
  CHECK ((outcome = 'read_again') = (message_id IS NOT NULL));
COMMENT ON COLUMN quarantine_retry.message_id IS
  'read_again: the message that its items were recorded under, with its own fates; the refused one counts no more.';
CREATE OR REPLACE VIEW fates AS
SELECT operator_id, kind, sum(offered)::bigint AS offered, sum(stored)::bigint AS stored,
       sum(duplicate)::bigint AS duplicate, sum(quarantined)::bigint AS quarantined, sum(conflicts)::bigint AS conflicts
FROM (
  SELECT operator_id, kind, offered, stored, duplicate, quarantined, conflicts FROM message
  UNION ALL
  SELECT operator_id, kind, -(outcome = 'read_again')::int, (outcome = 'stored')::int,
         (outcome IN ('duplicate', 'conflict'))::int, -1, (outcome = 'conflict')::int
  FROM quarantine_retry JOIN quarantine USING (quarantine_id)
) AS every_fate
GROUP BY operator_id, kind HAVING sum(offered) > 0;
COMMENT ON VIEW fates IS
  'Per operator and kind: offered = stored + duplicate + quarantined; what a retry moved out of quarantine is counted '
  'where it went, and a message that was read again as the items that it has.';
"""


class Migration(migrations.Migration):
    dependencies = [("collector", "0003_members_and_pulses")]
    operations = [migrations.RunSQL(FORWARDS, migrations.RunSQL.noop)]
