"""What the database itself asks of a payment record: it balances, and the same content is there once."""

from django.db import migrations

_SQL = """
CREATE FUNCTION ledger_balanced(body text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(sum((posting ->> 'fen')::bigint), 0) = 0 FROM jsonb_array_elements(body::jsonb -> 'postings') posting
$$;
ALTER TABLE ledger_record ADD CONSTRAINT ledger_record_payment CHECK (
  kind <> 'payment' OR (subject = body_sha256 AND supersedes IS NULL AND ledger_balanced(body))
);
CREATE UNIQUE INDEX ledger_record_payment_once ON ledger_record (subject) WHERE kind = 'payment';
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(_SQL)]
