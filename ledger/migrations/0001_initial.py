"""The ledger's two tables; no row of either is ever changed or removed."""

from django.db import migrations

_SQL = """
CREATE TABLE ledger_record (
  seq bigint PRIMARY KEY CHECK (seq > 0),
  kind text NOT NULL,
  subject text NOT NULL,
  as_of timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  body text NOT NULL,
  body_sha256 text NOT NULL CHECK (length(body_sha256) = 64),
  supersedes bigint UNIQUE REFERENCES ledger_record (seq) CHECK (supersedes < seq),
  difference text,
  difference_sha256 text CHECK (length(difference_sha256) = 64),
  previous text UNIQUE CHECK (length(previous) = 64),
  hash text NOT NULL UNIQUE CHECK (length(hash) = 64),
  CHECK ((supersedes IS NULL) = (difference IS NULL)),
  CHECK ((difference IS NULL) = (difference_sha256 IS NULL)),
  CHECK ((seq = 1) = (previous IS NULL))
);
CREATE INDEX ledger_record_subject ON ledger_record (kind, subject, seq);
COMMENT ON COLUMN ledger_record.body IS 'exact canonical JSON, as it was hashed';

CREATE TABLE ledger_head (
  day date PRIMARY KEY,
  last_seq bigint NOT NULL CHECK (last_seq >= 0),
  tree_head text NOT NULL CHECK (length(tree_head) = 64),
  recorded_at timestamptz NOT NULL,
  previous text UNIQUE CHECK (length(previous) = 64),
  hash text NOT NULL UNIQUE CHECK (length(hash) = 64)
);
COMMENT ON COLUMN ledger_head.day IS 'policy day at whose end the ledger held the records up to last_seq';

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_record
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_head
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("chargewatch", "0001_store")]
    operations = [migrations.RunSQL(_SQL)]
