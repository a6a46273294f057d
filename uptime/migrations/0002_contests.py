"""Contests: what operators contest of their time, and how the commission decided it. Written once, never edited."""

from django.db import migrations

TABLES = """
CREATE TABLE uptime_contest (
  contest_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  recorded_at timestamptz NOT NULL,
  filed_by text NOT NULL,
  operator_id text NOT NULL,
  reference text NOT NULL,
  connector_nos integer[] NOT NULL CHECK (cardinality(connector_nos) > 0),
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  ground text NOT NULL,
  CHECK (started_at < ended_at),
  UNIQUE (operator_id, reference)
);
CREATE TABLE uptime_contest_decision (
  contest_no bigint PRIMARY KEY REFERENCES uptime_contest,
  recorded_at timestamptz NOT NULL,
  decided_by text NOT NULL,
  granted boolean NOT NULL,
  reason text NOT NULL
);
CREATE TRIGGER uptime_contest_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON uptime_contest
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
CREATE TRIGGER uptime_contest_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON uptime_contest_decision
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("uptime", "0001_availability")]
    operations = [migrations.RunSQL(TABLES, migrations.RunSQL.noop)]
