"""The quarantine: what was refused at the door, and what moves into the store once its connector is registered."""

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.instants import iso
from collector import contract
from collector.contract import Rejected
from collector.facts import Arrival, Evidence
from collector.store import Store, directory

COLUMNS = ("quarantine_id", "received_at", "operator_id", "kind", "reason", "detail", "place")
_BATCH = 2000

_WAITING: LiteralString = """
  FROM quarantine AS q WHERE NOT EXISTS (SELECT FROM quarantine_retry AS r WHERE r.quarantine_id = q.quarantine_id)
"""


def waiting(
    connection: psycopg.Connection, *, reason: str | None, operator_id: str | None, limit: int
) -> list[dict[str, Any]]:
    """Refused items that still wait, the latest first: COLUMNS, times as RFC 3339."""
    rows = connection.execute(
        "SELECT quarantine_id, received_at, operator_id, kind, reason, detail, place" + _WAITING
        + " AND (%(reason)s::text IS NULL OR reason = %(reason)s)"
        " AND (%(operator)s::text IS NULL OR operator_id = %(operator)s)"
        " ORDER BY quarantine_id DESC LIMIT %(limit)s",
        {"reason": reason, "operator": operator_id, "limit": limit},
    )  # fmt: skip
    return [{**dict(zip(COLUMNS, row, strict=True)), "received_at": iso(row[1])} for row in rows]


def one(connection: psycopg.Connection, quarantine_id: int) -> dict[str, Any]:
    """All that is known of one refused item, its bytes as text; Refusal if there is none of that number."""
    row = connection.execute(
        "SELECT q.quarantine_id, q.received_at, q.recorded_at, q.topic, q.operator_id, q.kind, q.place, q.message_id,"
        " encode(m.sha256, 'hex'), q.reason, q.detail, r.outcome, q.payload FROM quarantine AS q"
        " LEFT JOIN quarantine_retry AS r USING (quarantine_id)"
        " LEFT JOIN message AS m ON m.message_id = q.message_id AND m.received_at = q.received_at"
        " WHERE q.quarantine_id = %s",
        [quarantine_id],
    ).fetchone()
    if row is None:
        raise Refusal(
            f"there is no item {quarantine_id} in the quarantine", "a number of `chargewatch quarantine list`"
        )
    names = (
        "quarantine_id", "received_at", "recorded_at", "topic", "operator_id", "kind", "place", "message_id",
        "message_sha256", "reason", "detail", "retried", "payload",
    )  # fmt: skip
    shown = dict(zip(names, row, strict=True))
    shown["received_at"], shown["recorded_at"] = iso(row[1]), iso(row[2])
    shown["payload"] = bytes(row[-1]).decode("utf-8", "backslashreplace")
    return shown


def retry(connection: psycopg.Connection, *, operator_id: str | None) -> list[dict[str, Any]]:
    """Try again what waits as unknown_connector, with the registry as it is now; counts by kind.

    An item is judged as at its own receipt, and what succeeds keeps that receipt and the evidence of its message; it is
    recorded now. What does not succeed goes on waiting.
    """
    store, by_kind = Store(connection), dict[str, dict[str, Any]]()
    connectors, last = directory(connection).connectors, 0
    while True:
        rows = connection.execute(
            "SELECT q.quarantine_id, q.operator_id, q.kind, q.payload, q.place, q.message_id, q.received_at, m.boot_id,"
            " m.seq FROM quarantine AS q"
            " JOIN message AS m ON m.message_id = q.message_id AND m.received_at = q.received_at"
            " WHERE q.reason = 'unknown_connector' AND q.quarantine_id > %s"
            " AND (%s::text IS NULL OR q.operator_id = %s)"
            " AND NOT EXISTS (SELECT FROM quarantine_retry AS r WHERE r.quarantine_id = q.quarantine_id)"
            " ORDER BY q.quarantine_id LIMIT %s",
            [last, operator_id, operator_id, _BATCH],
        ).fetchall()
        if not rows:
            return [by_kind[kind] for kind in sorted(by_kind)]
        last = rows[-1][0]
        read = [(row, contract.item(row[2], row[3], row[4], row[6], connectors.get(row[1], {}))) for row in rows]
        outcomes = _move(store, [(row, item) for row, item in read if not isinstance(item, Rejected)])
        for row, _ in read:
            line = by_kind.setdefault(
                row[2],
                {"kind": row[2], "tried": 0, "stored": 0, "duplicate": 0, "conflicts": 0, "still_quarantined": 0},
            )
            outcome = outcomes.get(row[0])
            line["tried"] += 1
            line["stored"] += outcome == "stored"
            line["duplicate"] += outcome in ("duplicate", "conflict")
            line["conflicts"] += outcome == "conflict"
            line["still_quarantined"] += outcome is None


def _move(store: Store, read: Sequence[tuple[Any, Any]]) -> dict[int, str]:
    """Record the items that were read; what became of each, by quarantine_id."""
    if not read:
        return {}
    store.make_room(item for _, item in read)
    with database.writing(store.connection) as recorded_at:
        # One retry at a time: what another one has moved meanwhile is seen, and left alone.
        store.connection.execute("LOCK TABLE quarantine_retry IN SHARE ROW EXCLUSIVE MODE")
        numbers = [row[0] for row, _ in read]
        moved = store.connection.execute(
            "SELECT quarantine_id FROM quarantine_retry WHERE quarantine_id = ANY(%s)", [numbers]
        )
        taken = set(numbers) - {row[0] for row in moved}
        arrivals: dict[type, list[Arrival]] = {}
        for row, item in read:
            if row[0] in taken:
                evidence = Evidence(row[1], row[6], recorded_at, row[5], row[7], row[8])
                arrivals.setdefault(type(item), []).append(Arrival(row[0], evidence, item))
        duplicates, conflicts = store.record(arrivals)
        outcomes = {
            number: "conflict" if conflicts[number] else "duplicate" if duplicates[number] else "stored"
            for number in taken
        }
        with store.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO quarantine_retry VALUES (%s, %s, %s)",
                [(number, recorded_at, outcome) for number, outcome in sorted(outcomes.items())],
            )
    return outcomes
