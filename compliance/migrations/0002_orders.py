"""Rectification orders and every step of theirs."""

from django.db import migrations

_SQL = """
CREATE TABLE compliance_order (
  order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  record_seq bigint NOT NULL REFERENCES ledger_record (seq),
  subject text NOT NULL,
  level text NOT NULL,
  operator_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  breach text NOT NULL,
  rules text NOT NULL,
  rules_text text NOT NULL,
  due_on date NOT NULL,
  window_end date NOT NULL CHECK (window_end > due_on),
  measurable_on date NOT NULL CHECK (measurable_on >= window_end),
  UNIQUE (record_seq, level, operator_id, id)
);
CREATE INDEX compliance_order_subject ON compliance_order (subject, level, operator_id, id);
COMMENT ON COLUMN compliance_order.breach IS 'canonical JSON of the row in breach, as it stands in the record';
CREATE TABLE compliance_step (
  order_id bigint NOT NULL REFERENCES compliance_order,
  step integer NOT NULL CHECK (step > 0),
  event text NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'closed', 'escalated', 'withdrawn')),
  recorded_at timestamptz NOT NULL,
  recorded_by text NOT NULL CHECK (recorded_by <> ''),
  reason text NOT NULL,
  evidence text,
  PRIMARY KEY (order_id, step),
  CHECK (reason <> '' OR event NOT IN ('withdrawn', 'settled'))
);
COMMENT ON COLUMN compliance_step.evidence IS 'canonical JSON: what the step stands on';
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_order
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_step
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_samples"), ("ledger", "0001_initial")]
    operations = [migrations.RunSQL(_SQL, migrations.RunSQL.noop)]
