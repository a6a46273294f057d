"""What the daily job found, for dashboards: made again when facts come late. Reports are computed from facts."""

from django.db import migrations

TABLES = """
CREATE TABLE availability_day (
  day date PRIMARY KEY,
  profile text NOT NULL,
  settings text NOT NULL,
  as_of timestamptz NOT NULL,
  last_message bigint NOT NULL,
  last_import bigint NOT NULL,
  sha256 text NOT NULL
);
CREATE TABLE connector_day (
  day date NOT NULL REFERENCES availability_day ON DELETE CASCADE,
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
CREATE TABLE service_interval (
  day date NOT NULL REFERENCES availability_day ON DELETE CASCADE,
  operator_id text NOT NULL,
  connector_id text NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  state text NOT NULL,
  reason text NOT NULL,
  effect text NOT NULL
);
CREATE INDEX ON service_interval (operator_id, connector_id, started_at);
CREATE INDEX ON service_interval (day);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("chargewatch", "0001_store")]
    operations = [migrations.RunSQL(TABLES, migrations.RunSQL.noop)]
