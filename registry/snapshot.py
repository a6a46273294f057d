"""What the registry said at any time, from the store."""

from datetime import datetime

import pandas as pd
import psycopg
from psycopg import sql

from registry.contents import Registry
from registry.tables import TABLES, Kind, Table

__all__ = ["Registry", "load"]


def load(connection: psycopg.Connection, as_of: datetime) -> Registry:
    """The registry in force as of that knowledge time: of each key the row recorded last, by then."""
    tables = {table.name: _table(connection, table, as_of) for table in TABLES}
    numbers = pd.DataFrame(
        connection.execute("SELECT operator_id, connector_id, connector_no FROM connector_keys").fetchall(),
        columns=["operator_id", "connector_id", "connector_no"],
    ).astype({"connector_no": "int64"})
    connectors = tables["connectors"].merge(numbers, how="left", on=["operator_id", "connector_id"])
    connectors["connector_no"] = connectors["connector_no"].astype("int64")
    return Registry({**tables, "connectors": connectors}, _published_hours(connection, as_of))


_HOURS = """
SELECT operator_id, station_id, valid_from, opening_hours, recorded_at FROM (
  SELECT *, lag(opening_hours) OVER (PARTITION BY operator_id, station_id, valid_from ORDER BY recorded_at, row_id)
    AS before
  FROM registry_stations WHERE recorded_at <= %s
) AS version WHERE opening_hours IS DISTINCT FROM before
ORDER BY operator_id COLLATE "C", station_id COLLATE "C", recorded_at, row_id
"""


def _published_hours(connection: psycopg.Connection, as_of: datetime) -> pd.DataFrame:
    """Each time that the opening hours of a station's row became others, and when the registry learnt of it."""
    names = ["operator_id", "station_id", "valid_from", "opening_hours", "recorded_at"]
    rows = connection.execute(_HOURS, [as_of]).fetchall()
    return pd.DataFrame(rows, columns=names, dtype=object)


def _table(connection: psycopg.Connection, table: Table, as_of: datetime) -> pd.DataFrame:
    key = sql.SQL(", ").join(_by_code(table, name) for name in table.key)
    query = sql.SQL(
        "SELECT {columns} FROM (SELECT DISTINCT ON ({key}) * FROM {table} WHERE recorded_at <= %s"
        " ORDER BY {order}, recorded_at DESC, row_id DESC) AS in_force ORDER BY {order}"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, table.names)),
        table=sql.Identifier(f"registry_{table.name}"),
        key=key,
        order=sql.SQL(", ").join(sql.SQL("{} NULLS FIRST").format(_by_code(table, name)) for name in table.key),
    )
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(query, [as_of]).fetchall()
    return pd.DataFrame(rows, columns=list(table.names), dtype=object)


def _by_code(table: Table, name: str) -> sql.Composable:
    """A key column; text in the order of its code points, whatever the database's language."""
    if table.column(name).kind is Kind.DATE:
        return sql.Identifier(name)
    return sql.SQL('{} COLLATE "C"').format(sql.Identifier(name))
