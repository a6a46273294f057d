"""The operators' accounts at the broker: who opened, renewed or closed which, and when. Never edited."""

from typing import Any

from django.db import migrations

ACCOUNT = """
CREATE TABLE operator_account (
  entry_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  operator_id text NOT NULL,
  action text NOT NULL CHECK (action IN ('add', 'rotate', 'suspend', 'resume')),
  password_hash text,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  recorded_by text NOT NULL,
  CHECK ((action IN ('add', 'rotate')) = (password_hash IS NOT NULL))
);
COMMENT ON COLUMN operator_account.password_hash IS
  'As the broker''s password file has it; the secret itself is nowhere.';
CREATE UNIQUE INDEX operator_account_once ON operator_account (operator_id) WHERE action = 'add';
CREATE TRIGGER operator_account_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_account
  FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();
"""


def forwards(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(ACCOUNT)


class Migration(migrations.Migration):
    dependencies = [("collector", "0001_facts")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
