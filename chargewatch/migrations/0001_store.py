"""The store itself: whether it is a rehearsal, and what its time series are made with."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from chargewatch import timeseries

STORE = """
CREATE TABLE store (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  rehearsal boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO store DEFAULT VALUES;
CREATE FUNCTION chargewatch_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: what was recorded is never changed', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


def make_store(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    with editor.connection.cursor() as cursor:
        timeseries.install(cursor)
        cursor.execute(STORE)


class Migration(migrations.Migration):
    initial = True
    operations = [migrations.RunPython(make_store, migrations.RunPython.noop)]
