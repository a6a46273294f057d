"""What inspectors found on the spot, beside what the platform believed at that instant."""

from django.db import migrations

_SQL = """
CREATE TABLE compliance_visit (
  visit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  recorded_at timestamptz NOT NULL,
  recorded_by text NOT NULL CHECK (recorded_by <> ''),
  sample_id bigint REFERENCES compliance_sample,
  operator_id text COLLATE "C" NOT NULL,
  connector_id text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL CHECK (at <= recorded_at),
  result text NOT NULL CHECK (result IN ('charged', 'failed', 'untested')),
  energy_kwh numeric CHECK (energy_kwh >= 0),
  photo text NOT NULL,
  note text NOT NULL CHECK (note <> '' OR result <> 'untested'),
  state text,
  reason text,
  status text,
  profile text NOT NULL,
  settings text NOT NULL,
  corrects bigint UNIQUE REFERENCES compliance_visit CHECK (corrects < visit_id),
  FOREIGN KEY (sample_id, operator_id, connector_id) REFERENCES compliance_sample_unit,
  CHECK (energy_kwh IS NOT NULL OR result <> 'charged')
);
COMMENT ON COLUMN compliance_visit.state IS
  'what the platform took the connector for at `at`, from what it knew then; null: it knew nothing of it';
COMMENT ON COLUMN compliance_visit.status IS 'the last status announced by then';
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_visit
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0002_orders")]
    operations = [migrations.RunSQL(_SQL, migrations.RunSQL.noop)]
