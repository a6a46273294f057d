"""Checked rows into the store: what is new or changed becomes a new version, nothing is removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from chargewatch.errors import Refusal
from registry.problems import Row
from registry.tables import TABLES, Kind, Table


@dataclass(frozen=True, slots=True)
class Change:
    """How many rows of one table an import added, changed and found unchanged."""

    table: str
    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Who imports, from where, and the SHA-256 of what was read."""

    imported_by: str
    source: str
    sha256: str


def take_in(
    connection: psycopg.Connection, rows: Mapping[str, list[Row]], origin: Origin, recorded_at: datetime
) -> list[Change]:
    """Add the new and the changed rows as versions recorded at that time; must run in one transaction.

    An import that changes nothing leaves no trace.
    """
    row = connection.execute(
        "SELECT max(recorded_at), nextval(pg_get_serial_sequence('registry_imports', 'import_id'))"
        " FROM registry_imports"
    ).fetchone()
    assert row is not None
    latest, import_id = row
    if latest is not None and latest > recorded_at:
        raise Refusal(
            f"the database's clock says {recorded_at}, before the last import at {latest}", "a clock that is right"
        )
    changes = [
        _table(connection, table, rows[table.name], import_id, recorded_at) for table in TABLES if table.name in rows
    ]
    touched = sum(change.added + change.changed for change in changes)
    if touched:
        connection.execute(
            "INSERT INTO registry_imports (import_id, recorded_at, imported_by, source, sha256, rows)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [import_id, recorded_at, origin.imported_by, origin.source, origin.sha256, touched],
        )
        connection.execute(
            "INSERT INTO connector_keys (operator_id, connector_id)"
            ' SELECT DISTINCT operator_id COLLATE "C", connector_id COLLATE "C" FROM registry_connectors AS c'
            " WHERE import_id = %s AND NOT EXISTS (SELECT 1 FROM connector_keys AS k"
            " WHERE k.operator_id = c.operator_id AND k.connector_id = c.connector_id) ORDER BY 1, 2",
            [import_id],
        )
    return changes


_INSERT = """
WITH in_force AS (
  SELECT DISTINCT ON ({key}) * FROM {table} ORDER BY {key}, recorded_at DESC, row_id DESC
), compared AS (
  SELECT given.*, in_force.row_id IS NULL AS is_added,
    in_force.row_id IS NOT NULL AND ({given}) IS DISTINCT FROM ({stored}) AS is_changed
  FROM given LEFT JOIN in_force ON {same}
), inserted AS (
  INSERT INTO {table} (import_id, recorded_at, {columns})
  SELECT %s, %s, {columns} FROM compared WHERE is_added OR is_changed ORDER BY {key}
)
SELECT count(*) FILTER (WHERE is_added), count(*) FILTER (WHERE is_changed), count(*) FROM compared
"""


def _table(
    connection: psycopg.Connection, table: Table, rows: list[Row], import_id: int, recorded_at: datetime
) -> Change:
    stored = sql.Identifier(f"registry_{table.name}")
    columns = sql.SQL(", ").join(map(sql.Identifier, table.names))
    connection.execute("DROP TABLE IF EXISTS given")
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE given ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(columns, stored)
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY given ({}) FROM STDIN").format(columns)) as copy,
    ):
        for row in rows:
            copy.write_row([row.cells[name] for name in table.names])
    connection.execute("ANALYZE given")
    statement = sql.SQL(_INSERT).format(
        table=stored,
        columns=columns,
        key=sql.SQL(", ").join(map(sql.Identifier, table.key)),
        given=sql.SQL(", ").join(sql.Identifier("given", name) for name in table.names),
        stored=sql.SQL(", ").join(sql.Identifier("in_force", name) for name in table.names),
        same=sql.SQL(" AND ").join(_same(table, name) for name in table.key),
    )
    counted = connection.execute(statement, [import_id, recorded_at]).fetchone()
    assert counted is not None
    added, changed, offered = counted
    return Change(table.name, added, changed, offered - added - changed)


def _same(table: Table, name: str) -> sql.Composable:
    """Equal keys, an empty part being equal to an empty part; written so that the rows can be hashed."""
    column = table.column(name)
    given, stored = sql.Identifier("given", name), sql.Identifier("in_force", name)
    if column.required:
        return sql.SQL("{} = {}").format(given, stored)
    empty = sql.SQL("DATE '-infinity'" if column.kind is Kind.DATE else "''")
    return sql.SQL("coalesce({}, {}) = coalesce({}, {})").format(given, empty, stored, empty)
