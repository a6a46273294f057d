"""The one module that knows about TimescaleDB.

A time series is a hypertable where the extension is there and a table partitioned by month where it is not; everything
else sees a table. There is no default partition: a partition could not be added once it held rows, so whoever inserts
calls `ensure` first, for any month since 2010.
"""

from datetime import UTC, datetime
from typing import Any, Literal

import psycopg

Edition = Literal["community", "apache", "plain"]

CHUNK = "7 days"


def edition(connection: psycopg.Connection) -> Edition:
    """What the store runs on: TimescaleDB's Community or Apache edition, or plain PostgreSQL."""
    row = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    if row is None:
        return "plain"
    licence = connection.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    return "community" if licence is not None and licence[0] == "timescale" else "apache"


def install(cursor: Any) -> None:
    """In the first migration: the extension where the server offers it, else what makes monthly partitions."""
    cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'")
    if cursor.fetchone() is not None:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    cursor.execute(_MAKE_PARTITION)


def create(cursor: Any, table: str, column: str) -> None:
    """Make a time series of an empty table that a migration has just created `PARTITION`-less.

    `table` must have been created with its primary or unique key containing `column`. On plain PostgreSQL the table is
    created again as a partitioned one with the same columns, defaults and keys.
    """
    cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")
    if cursor.fetchone() is not None:
        cursor.execute(
            "SELECT create_hypertable(%s::regclass, %s::name, chunk_time_interval => %s::interval,"
            " create_default_indexes => false)",
            [table, column, CHUNK],
        )
        return
    cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_shape")
    cursor.execute(
        f"CREATE TABLE {table} (LIKE {table}_shape INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES"
        f" INCLUDING IDENTITY INCLUDING STORAGE INCLUDING COMPRESSION) PARTITION BY RANGE ({column})"
    )
    cursor.execute(f"DROP TABLE {table}_shape")


def ensure(connection: psycopg.Connection, table: str, first: datetime, last: datetime) -> None:
    """Partitions of a time series for every month from `first` to `last`; nothing to do on hypertables."""
    months = _months(first.astimezone(UTC), last.astimezone(UTC))
    known = _KNOWN.setdefault((connection.info.dsn, connection.info.backend_pid), set())
    missing = [month for month in months if (table, month) not in known]
    if missing:
        connection.execute(
            "SELECT chargewatch_partition(%s, month::date) FROM unnest(%s::text[]) AS month", [table, missing]
        )
        known.update((table, month) for month in missing)


_KNOWN: dict[tuple[str, int], set[tuple[str, str]]] = {}
"""Months already ensured, by connection: asking again costs a round trip per batch."""


def _months(first: datetime, last: datetime) -> list[str]:
    start, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    return [f"{month // 12:04d}-{month % 12 + 1:02d}-01" for month in range(start, end + 1)]


# Made beside the table and attached, which locks the table against other changes of its shape but not against readers
# or writers. It does nothing on a hypertable.
_MAKE_PARTITION = """
CREATE OR REPLACE FUNCTION chargewatch_partition(series text, month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := series || '_' || to_char(month, 'YYYY_MM');
  column_name text;
BEGIN
  IF to_regclass(name) IS NOT NULL
     OR NOT EXISTS (SELECT 1 FROM pg_partitioned_table WHERE partrelid = series::regclass) THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('chargewatch_partition'));
  -- Not to_regclass again: it would remember that there was none before the lock was had.
  IF EXISTS (SELECT FROM pg_class JOIN pg_inherits ON inhrelid = oid
             WHERE inhparent = series::regclass AND relname = name) THEN
    RETURN;
  END IF;
  SELECT attname INTO column_name FROM pg_partitioned_table
    JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0] WHERE partrelid = series::regclass;
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', name, series);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', series, name,
                 month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
  -- Triggers of a statement are not inherited: what refuses TRUNCATE of the table refuses it of its parts, too.
  IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = series::regclass AND tgtype & 32 <> 0) THEN
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION chargewatch_refuse()', name);
  END IF;
END $$;
"""
