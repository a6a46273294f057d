"""How registry rows came to say what they say: each change of a row, with who made it and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from registry.tables import TABLES, Table


@dataclass(frozen=True, slots=True)
class Version:
    """One recorded version of a row: its columns, and the import that it came with."""

    cells: dict[str, Any]
    recorded_at: datetime
    import_id: int
    imported_by: str
    source: str


@dataclass(frozen=True, slots=True)
class Story:
    """A row by its key, with all its versions in the order in which they were recorded."""

    table: Table
    key: tuple[Any, ...]
    versions: tuple[Version, ...]

    def at(self, moment: datetime) -> Version | None:
        """The version in force at a knowledge time; None before the first."""
        return next((one for one in reversed(self.versions) if one.recorded_at <= moment), None)


def differences(before: Version | None, after: Version, table: Table) -> dict[str, tuple[Any, Any]]:
    """Columns that differ between two versions, with what stood there before (None where there was no row) and after.

    Of a new row the columns that are filled.
    """
    old: dict[str, Any] = {} if before is None else before.cells
    return {
        name: (old.get(name), after.cells[name])
        for name in table.names
        if old.get(name) != after.cells[name] and (before is not None or name not in table.key)
    }


def stories(
    connection: psycopg.Connection,
    *,
    tables: tuple[Table, ...] = TABLES,
    operator: str | None = None,
    names: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[Story]:
    """Rows recorded anew after `since` and by `until`, each with every version recorded by `until`, by table and key.

    `operator`: only that operator's rows; `names`: only rows with that id as a part of their key.
    """
    for table in tables:
        yield from _of_table(connection, table, operator, names, since, until)


def _of_table(
    connection: psycopg.Connection,
    table: Table,
    operator: str | None,
    names: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Iterator[Story]:
    conditions: list[sql.Composable] = [sql.SQL("(%(until)s::timestamptz IS NULL OR version.recorded_at <= %(until)s)")]
    if operator is not None:
        if "operator_id" not in table.names:
            return
        conditions.append(sql.SQL("operator_id = %(operator)s"))
    if names is not None:
        ids = [sql.SQL("{}::text = %(names)s").format(sql.Identifier(name)) for name in table.key]
        conditions.append(sql.SQL("({})").format(sql.SQL(" OR ").join(ids)))
    query = sql.SQL(
        "SELECT * FROM (SELECT {columns}, version.recorded_at, import_id, imported_by, source, row_id,"
        " bool_or(%(since)s::timestamptz IS NULL OR version.recorded_at > %(since)s) OVER (PARTITION BY {key}) AS anew"
        " FROM {table} AS version JOIN registry_imports USING (import_id) WHERE {conditions}) AS all_versions"
        " WHERE anew ORDER BY {order}, recorded_at, row_id"
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier(name) for name in table.names),
        key=sql.SQL(", ").join(map(sql.Identifier, table.key)),
        table=sql.Identifier(f"registry_{table.name}"),
        conditions=sql.SQL(" AND ").join(conditions),
        order=sql.SQL(", ").join(
            sql.SQL('{}::text COLLATE "C" NULLS FIRST').format(sql.Identifier(name)) for name in table.key
        ),
    )
    asked = {"since": since, "until": until, "operator": operator, "names": names}
    width = len(table.names)
    key: tuple[Any, ...] | None = None
    versions: list[Version] = []
    with connection.cursor(binary=True) as cursor:
        for row in cursor.execute(query, asked):
            cells = dict(zip(table.names, row, strict=False))
            recorded_at, import_id, imported_by, source = row[width : width + 4]
            mine = tuple(cells[name] for name in table.key)
            if versions and mine != key:
                yield Story(table, key or (), tuple(versions))
                versions = []
            key = mine
            versions.append(Version(cells, recorded_at, import_id, imported_by, source))
    if versions:
        yield Story(table, key or (), tuple(versions))


def changes(story: Story, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Each change of a row as rows for people: one a new row, one a changed column.

    recorded_at, imported_by, source, import_id, table, key (what names the row), change (`added` or `changed`), column,
    before, after.
    """
    before = None
    for version in story.versions:
        if since is None or version.recorded_at > since:
            told = {
                "recorded_at": version.recorded_at,
                "imported_by": version.imported_by,
                "source": version.source,
                "import_id": version.import_id,
                "table": story.table.name,
                "key": dict(zip(story.table.key, story.key, strict=True)),
            }
            differing = differences(before, version, story.table)
            if before is None:
                filled = {name: after for name, (_, after) in differing.items()}
                yield {**told, "change": "added", "column": None, "before": None, "after": filled}
            else:
                for name, (old, new) in differing.items():
                    yield {**told, "change": "changed", "column": name, "before": old, "after": new}
        before = version
