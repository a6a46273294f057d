"""Service intervals kept as changes of state, and what goes on from them: derived, made again when facts come late.

Replaces the table of a day's intervals, which held a whole city's every day again.
"""

from django.db import migrations

TABLES = """
DROP TABLE service_interval;
DROP TABLE connector_day;
DROP TABLE availability_day;

-- What is kept stands on everything recorded by as_of, for the time before until.
CREATE TABLE kept (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  settings text NOT NULL,
  until timestamptz NOT NULL,
  as_of timestamptz NOT NULL,
  last_message bigint NOT NULL,
  last_import bigint NOT NULL
);
-- The names of what is kept by number, written by the job.
CREATE TABLE state_name (state smallint PRIMARY KEY, name text NOT NULL);
CREATE TABLE reason_name (reason smallint PRIMARY KEY, name text NOT NULL);
-- A connector is in a state from its change to the next one; before its first there is no data.
CREATE TABLE state_change (
  connector_no integer NOT NULL,
  at timestamptz NOT NULL,
  state smallint NOT NULL,
  reason smallint NOT NULL,
  PRIMARY KEY (connector_no, at) INCLUDE (state, reason)
);
-- What stands at an instant (uptime.standing), to go on from there.
CREATE TABLE standing (
  at timestamptz NOT NULL,
  connector_no integer NOT NULL,
  state smallint NOT NULL,
  reason smallint NOT NULL,
  status_at timestamptz[] NOT NULL,
  heard_at timestamptz,
  heard_in_time_at timestamptz,
  used_from timestamptz,
  used_in_time_from timestamptz,
  PRIMARY KEY (at, connector_no)
);
-- What a connector's intervals stand on in the registry: another one, and they are made again.
CREATE TABLE kept_basis (connector_no integer PRIMARY KEY, basis text NOT NULL);
-- A connector's first item on a policy day (of commissioning), or ever (since -infinity); null: none.
CREATE TABLE first_item (
  connector_no integer NOT NULL,
  since timestamptz NOT NULL,
  at timestamptz,
  PRIMARY KEY (connector_no, since)
);
CREATE TABLE connector_day (
  day date NOT NULL,
  operator_id text NOT NULL,
  connector_id text NOT NULL,
  charger_id text NOT NULL,
  station_id text NOT NULL,
  district text NOT NULL,
  bound boolean NOT NULL,
  up_s numeric NOT NULL,
  down_s numeric NOT NULL,
  unknown_s numeric NOT NULL,
  deducted_s numeric NOT NULL
);
CREATE INDEX ON connector_day (day, operator_id);
CREATE VIEW service_interval AS
  SELECT operator_id, connector_id, state_change.at AS started_at,
    coalesce(lead(state_change.at) OVER (PARTITION BY connector_no ORDER BY state_change.at), until) AS ended_at,
    state_name.name AS state, reason_name.name AS reason
  FROM state_change JOIN connector_keys USING (connector_no) JOIN state_name USING (state)
  JOIN reason_name USING (reason) CROSS JOIN kept;
"""


class Migration(migrations.Migration):
    dependencies = [("uptime", "0002_contests"), ("registry", "0001_tables")]
    operations = [migrations.RunSQL(TABLES, migrations.RunSQL.noop)]
