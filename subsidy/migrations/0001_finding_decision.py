"""What people decided of findings. Written once, never edited."""

from django.db import migrations

TABLE = """
CREATE TABLE subsidy_finding_decision (
  finding_id text PRIMARY KEY,
  rule text NOT NULL,
  operator_id text NOT NULL,
  subject text NOT NULL,
  accepted boolean NOT NULL,
  decided_by text NOT NULL CHECK (decided_by <> ''),
  reason text NOT NULL CHECK (reason <> ''),
  recorded_at timestamptz NOT NULL
);
CREATE TRIGGER subsidy_finding_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON subsidy_finding_decision
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("chargewatch", "0001_store")]
    operations = [migrations.RunSQL(TABLE, migrations.RunSQL.noop)]
