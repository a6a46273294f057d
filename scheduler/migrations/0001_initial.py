"""What the jobs did and when: for people and dashboards. No job asks it what is due."""

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
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON job_run
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("chargewatch", "0001_store")]
    operations = [migrations.RunSQL(_SQL)]
