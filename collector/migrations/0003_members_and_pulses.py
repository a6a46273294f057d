"""Who collects, the platform's own pulse, and each state of a link once, however many collectors hear of it."""

from django.db import migrations

# Not a fact: a member's row says how it is doing now and is written over every few seconds. What the platform's working
# is proven by are the pulses, which are kept.
MEMBERS = """
CREATE TABLE collector_member (
  client_id text PRIMARY KEY,
  share text,
  host text NOT NULL,
  subscriptions text[] NOT NULL,
  session_expiry_s integer NOT NULL,
  started_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  retired_at timestamptz
);
COMMENT ON COLUMN collector_member.share IS 'Group whose messages it shares; NULL for one that receives them all.';
COMMENT ON COLUMN collector_member.subscriptions IS 'Topic filters that the broker may hold for this client.';
COMMENT ON COLUMN collector_member.last_seen_at IS 'When it was last connected to broker and database.';
"""

# The same pulse may be received twice (a redelivery, two collectors outside of a group): the earliest receipt counts,
# so that the order of recording is of no matter.
PULSES = """
CREATE TABLE pulse (
  client_id text COLLATE "C" NOT NULL,
  boot_id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  sent_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX pulse_received ON pulse (received_at);
CREATE INDEX pulse_recorded ON pulse (recorded_at);
CREATE TRIGGER pulse_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pulse
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
"""

# Every member of a group hears of every link. One at a time, and compared to what happened just before and just after
# by the time of receipt, as another member may have recorded later events already.
LINKS = """
CREATE FUNCTION chargewatch_link_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1668743171);
  IF (SELECT (boot_id, state) FROM link_event WHERE operator_id = NEW.operator_id
      AND received_at <= NEW.received_at ORDER BY received_at DESC, recorded_at DESC LIMIT 1)
     IS NOT DISTINCT FROM (NEW.boot_id, NEW.state)
  OR (SELECT (boot_id, state) FROM link_event WHERE operator_id = NEW.operator_id
      AND received_at > NEW.received_at ORDER BY received_at, recorded_at LIMIT 1)
     IS NOT DISTINCT FROM (NEW.boot_id, NEW.state) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER link_event_once BEFORE INSERT ON link_event FOR EACH ROW EXECUTE FUNCTION chargewatch_link_once();
"""


class Migration(migrations.Migration):
    dependencies = [("collector", "0002_operator_account")]
    operations = [migrations.RunSQL(MEMBERS), migrations.RunSQL(PULSES), migrations.RunSQL(LINKS)]
