"""The quarantine as one reads it: what was refused at the door and waits there."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from chargewatch.errors import Refusal
from chargewatch.instants import iso
from collector import capture

COLUMNS = ("quarantine_id", "received_at", "operator_id", "kind", "reason", "detail", "place")
SUMMARY = ("reason", "operator_id", "kind", "items", "first_received_at", "last_received_at", "quarantine_id", "detail")
_AT_A_TIME = 500

WAITING: LiteralString = """
  NOT EXISTS (SELECT FROM quarantine_retry AS r WHERE r.quarantine_id = q.quarantine_id)
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
  AND (%(operator)s::text IS NULL OR q.operator_id = %(operator)s)
"""
"""Condition on `quarantine AS q`: not yet moved by a retry, and of this reason and operator if they are given."""

WHOLE: LiteralString = "(m.boot_id IS NULL OR q.reason = 'too_large' OR m.sha256 = sha256(q.payload))"
"""Whether the bytes are those of the whole message `m` and not of one of its items."""


def waiting(
    connection: psycopg.Connection,
    *,
    reason: str | None,
    operator_id: str | None,
    limit: int,
    before: int | None = None,
) -> list[dict[str, Any]]:
    """Refused items that still wait, the latest first, those `before` a number: COLUMNS, times as RFC 3339."""
    rows = connection.execute(
        "SELECT q.quarantine_id, q.received_at, q.operator_id, q.kind, q.reason, q.detail, q.place"
        " FROM quarantine AS q WHERE" + WAITING
        + " AND (%(before)s::bigint IS NULL OR q.quarantine_id < %(before)s)"
        " ORDER BY q.quarantine_id DESC LIMIT %(limit)s",
        {"reason": reason, "operator": operator_id, "limit": limit, "before": before},
    )  # fmt: skip
    return [{**dict(zip(COLUMNS, row, strict=True)), "received_at": iso(row[1])} for row in rows]


def summary(connection: psycopg.Connection, *, reason: str | None, operator_id: str | None) -> list[dict[str, Any]]:
    """How many wait for which reason, of whom, since when, and the latest of them: SUMMARY, the most first."""
    rows = connection.execute(
        "WITH counted AS (SELECT q.reason, q.operator_id, q.kind, count(*) AS items, min(q.received_at) AS first,"
        " max(q.received_at) AS last, max(q.quarantine_id) AS quarantine_id FROM quarantine AS q WHERE" + WAITING
        + " GROUP BY q.reason, q.operator_id, q.kind)"
        " SELECT counted.*, latest.detail FROM counted JOIN quarantine AS latest USING (quarantine_id)"
        " ORDER BY items DESC, reason, operator_id, kind",
        {"reason": reason, "operator": operator_id},
    )  # fmt: skip
    return [dict(zip(SUMMARY, (*row[:4], iso(row[4]), iso(row[5]), *row[6:]), strict=True)) for row in rows]


def one(connection: psycopg.Connection, quarantine_id: int) -> dict[str, Any]:
    """All that is known of one refused item, its bytes as text; Refusal if there is none of that number."""
    row = connection.execute(
        "SELECT q.quarantine_id, q.received_at, q.recorded_at, q.topic, q.operator_id, q.kind, q.place, q.message_id,"
        " encode(m.sha256, 'hex'), q.reason, q.detail, r.outcome, r.recorded_at, r.message_id, q.payload"
        " FROM quarantine AS q LEFT JOIN quarantine_retry AS r USING (quarantine_id)"
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
        "message_sha256", "reason", "detail", "retried", "retried_at", "read_again_as", "payload",
    )  # fmt: skip
    shown = dict(zip(names, row, strict=True))
    for name in ("received_at", "recorded_at", "retried_at"):
        shown[name] = None if shown[name] is None else iso(shown[name])
    shown["payload"] = bytes(row[-1]).decode("utf-8", "backslashreplace")
    return shown


def lines(connection: psycopg.Connection, *, reason: str | None, operator_id: str | None) -> Iterator[bytes]:
    """What waits as lines of a capture file (contract 2), the first refused first, each with its reason.

    An item alone stands in a message of its own, with the envelope of the one that it came in.
    """
    with connection.transaction(), connection.cursor("quarantine") as cursor:
        cursor.itersize = _AT_A_TIME
        cursor.execute(
            "SELECT q.topic, q.payload, q.received_at, q.quarantine_id, q.reason, q.detail, q.place, q.kind, m.boot_id,"
            f" m.seq, m.sent_at, {WHOLE} FROM quarantine AS q"
            " JOIN message AS m ON m.message_id = q.message_id AND m.received_at = q.received_at"
            " WHERE" + WAITING + " ORDER BY q.quarantine_id",
            {"reason": reason, "operator": operator_id},
        )
        for row in cursor:
            topic, payload, received_at, quarantine_id, why, detail, place, kind, boot_id, seq, sent_at, whole = row
            message = payload if whole else alone(kind, boot_id, seq, sent_at, payload)
            told = {"quarantine_id": quarantine_id, "reason": why, "detail": detail, "place": place}
            yield capture.line(topic, message, received_at)[:-2] + b"," + json.dumps(told).encode()[1:] + b"\n"


def alone(kind: str, boot_id: str, seq: int, sent_at: datetime, item: bytes) -> bytes:
    """A message that holds one item, with the envelope of the message that it came in."""
    head = {"schema": f"ev.{kind}/1", "boot_id": boot_id, "seq": seq, "sent_at": iso(sent_at)}
    return json.dumps(head).encode()[:-1] + b', "items": [' + item + b"]}"
