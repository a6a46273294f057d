"""Evidence from the store: the registry's rows with the import that brought them, and the messages of orders."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from chargewatch.instants import from_us, iso
from subsidy.entitlement import Entitlement
from subsidy.versions import Row

Evidence = dict[str, Any]


def registered(
    connection: psycopg.Connection, table: str, key: tuple[str, ...], row: Row | None, as_of: datetime
) -> list[Evidence]:
    """The recorded version of a registry row that was in force as of then, and its import; `key` names its columns."""
    if row is None:
        return []
    columns = [*key, *(["valid_from"] if "valid_from" in row else [])]
    query = sql.SQL(
        "SELECT row_id, import_id, version.recorded_at, imported_by, source, sha256"
        " FROM {table} AS version JOIN registry_imports USING (import_id)"
        " WHERE version.recorded_at <= {as_of} AND {same} ORDER BY version.recorded_at DESC, row_id DESC LIMIT 1"
    ).format(
        table=sql.Identifier(f"registry_{table}"),
        as_of=sql.Literal(as_of),
        same=sql.SQL(" AND ").join(
            sql.SQL("{} IS NOT DISTINCT FROM {}").format(sql.Identifier(name), sql.Literal(row[name]))
            for name in columns
        ),
    )
    what = f"registry {table} {'/'.join(str(row[name]) for name in columns if row[name] is not None)}"
    names = ("row_id", "import_id", "recorded_at", "imported_by", "source", "sha256")
    return [
        {"what": what, **{name: iso(value) if isinstance(value, datetime) else value for name, value in told.items()}}
        for told in (dict(zip(names, one, strict=True)) for one in connection.execute(query))
    ]


def messages(connection: psycopg.Connection, due: Entitlement, rows: Iterable[int]) -> dict[int, list[Evidence]]:
    """By position the message that each order came in: its id, topic, place in it, and SHA-256."""
    told = due.sessions.iloc[list(rows)]
    asked = {
        "rows": [int(row) for row in told.index],
        "messages": [int(one) for one in told["message_id"]],
        "moments": [from_us(int(one)) for one in told["received_us"]],
        "places": [int(one) for one in told["place"]],
    }
    found = connection.execute(_MESSAGES.encode(), asked).fetchall()
    names = ("message_id", "topic", "boot_id", "seq", "place", "received_at", "sha256")
    return {
        int(row): [
            {
                "what": f"session {due.sessions['session_id'].iloc[int(row)]}",
                **{
                    name: iso(value) if isinstance(value, datetime) else value
                    for name, value in zip(names, cells, strict=True)
                },
            }
        ]
        for row, *cells in found
    }


_MESSAGES = """
    SELECT asked.row, message_id, topic, boot_id, seq, asked.place, received_at, encode(sha256, 'hex')
    FROM unnest(%(rows)s::bigint[], %(messages)s::bigint[], %(moments)s::timestamptz[], %(places)s::int[])
      AS asked(row, message_id, received_at, place)
    JOIN message USING (message_id, received_at)
"""
