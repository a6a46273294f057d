"""Messages, a registry of their connectors, and what the store holds afterwards; for the collector's tests."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from collector.contract import Decoded, decode
from collector.store import Fates, Store, directory

START = datetime(2023, 6, 1, tzinfo=UTC)
FACTS = ("status_fact", "meter_fact", "heartbeat_fact", "session_fact")

Sent = tuple[str, bytes, datetime]
"""Topic, payload, receipt."""


def register(connection: psycopg.Connection, operators: int = 3, connectors: int = 10) -> None:
    """Operators op0, op1 …, each with connectors c0, c1 …"""
    connection.execute(
        "INSERT INTO connector_keys (operator_id, connector_id) SELECT 'op' || o, 'c' || c"
        " FROM generate_series(0, %s) AS o, generate_series(0, %s) AS c",
        [operators - 1, connectors - 1],
    )


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def message(
    kind: str, items: Iterable[dict[str, Any]], *, operator: str = "op0", seq: int = 0, boot: str = "b",
    receipt_s: float = 0.0, **changes: Any,
) -> Sent:  # fmt: skip
    body = {"schema": f"ev.{kind}/1", "boot_id": boot, "seq": seq, "sent_at": at(receipt_s), "items": list(items)}
    payload = json.dumps({**body, **changes}).encode()
    return f"ev/1/{operator}/{kind}", payload, START + timedelta(seconds=receipt_s)


def status(connector: int, seconds: float, status: str = "available", **more: Any) -> dict[str, Any]:
    return {"connector_id": f"c{connector}", "at": at(seconds), "status": status, **more}


def decoded(connection: psycopg.Connection, sent: Iterable[Sent]) -> list[Decoded]:
    known = directory(connection)
    return [decode(topic, payload, receipt, known) for topic, payload, receipt in sent]


def write(connection: psycopg.Connection, sent: Iterable[Sent], sizes: Iterable[int] = ()) -> Fates:
    """Write messages in batches of these sizes, the rest in one."""
    store, fates, rest = Store(connection), Fates(), decoded(connection, sent)
    for size in sizes:
        fates.add(store.write(rest[:size]))
        rest = rest[size:]
    fates.add(store.write(rest))
    return fates


def facts(connection: psycopg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Of every identity the row that counts, without what recording added (recorded_at, message_id, copy)."""
    identities = {
        "status_fact": "connector_no, at, status",
        "meter_fact": "connector_no, at",
        "heartbeat_fact": "connector_no, at",
        "session_fact": "operator_id, session_id, revision, content_sha256, at",
    }
    found = {}
    for table, identity in identities.items():
        rows = connection.execute(
            f"SELECT DISTINCT ON ({identity}) to_jsonb(f) - 'recorded_at' - 'message_id' - 'copy' FROM {table} AS f"
            f" ORDER BY {identity}, received_at, boot_id, seq, place, copy DESC".encode()
        )
        found[table] = [tuple(sorted((key, json.dumps(value)) for key, value in row[0].items())) for row in rows]
    return found


def totals(connection: psycopg.Connection) -> dict[tuple[str | None, str], tuple[int, ...]]:
    """The view `fates`: offered, stored, duplicate, quarantined by operator and kind."""
    rows = connection.execute("SELECT operator_id, kind, offered, stored, duplicate, quarantined FROM fates")
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}
