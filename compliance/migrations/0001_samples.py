"""Inspection samples as they were drawn: everything that is needed to draw them again."""

from django.db import migrations

_SQL = """
CREATE TABLE compliance_sample (
  sample_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  recorded_at timestamptz NOT NULL,
  drawn_by text NOT NULL CHECK (drawn_by <> ''),
  design text NOT NULL CHECK (design IN ('risk', 'equal')),
  first_day date NOT NULL,
  last_day date NOT NULL CHECK (last_day > first_day),
  as_of timestamptz NOT NULL,
  rules text NOT NULL,
  rules_text text NOT NULL,
  profile text NOT NULL,
  settings text NOT NULL,
  limits text NOT NULL,
  seed text NOT NULL CHECK (seed <> ''),
  seed_given boolean NOT NULL,
  frame text NOT NULL,
  frame_sha256 text NOT NULL CHECK (length(frame_sha256) = 64),
  connectors integer NOT NULL,
  drawn integer NOT NULL CHECK (drawn BETWEEN 1 AND connectors)
);
COMMENT ON COLUMN compliance_sample.frame IS
  'exact canonical JSON, as it was hashed: [operator_id, connector_id, size] of every connector that could be drawn';
CREATE TABLE compliance_sample_unit (
  sample_id bigint NOT NULL REFERENCES compliance_sample,
  operator_id text COLLATE "C" NOT NULL,
  connector_id text COLLATE "C" NOT NULL,
  station_id text NOT NULL,
  district text NOT NULL,
  size bigint NOT NULL CHECK (size > 0),
  numerator numeric NOT NULL CHECK (numerator > 0),
  denominator numeric NOT NULL CHECK (denominator >= numerator),
  PRIMARY KEY (sample_id, operator_id, connector_id)
);
COMMENT ON COLUMN compliance_sample_unit.numerator IS 'numerator / denominator: its probability to be drawn, exactly';
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_sample
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_sample_unit
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("chargewatch", "0001_store")]
    operations = [migrations.RunSQL(_SQL, migrations.RunSQL.noop)]
