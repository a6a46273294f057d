"""What the jobs did and when, for people and dashboards; which issued records were looked at again."""

from django.db import migrations

_SQL = """
CREATE TABLE job_run (
  run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job text NOT NULL,
  host text NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  outcome text NOT NULL CHECK (outcome IN ('done', 'failed')),
  summary text NOT NULL
);
CREATE INDEX job_run_job ON job_run (job, ended_at);

CREATE TABLE issue_check (
  seq bigint NOT NULL REFERENCES ledger_record (seq),
  as_of timestamptz NOT NULL,
  PRIMARY KEY (seq, as_of)
);
COMMENT ON TABLE issue_check IS 'the record was computed again as of then and came out the same; only saves work';
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("chargewatch", "0001_store"), ("ledger", "0001_initial")]
    operations = [migrations.RunSQL(_SQL)]
