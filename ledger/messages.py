"""Messages as evidence, from the store."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row

from ledger.canonical import loads
from ledger.chain import Record
from ledger.evidence import Message, line

_OF_A_DAY = """
SELECT %(day)s AS day, message_id, operator_id, kind, topic, boot_id, seq, received_at, recorded_at,
  encode(sha256, 'hex') AS sha256, bytes
FROM message WHERE recorded_at >= %(start)s AND recorded_at < %(end)s ORDER BY recorded_at, message_id
"""


def first(conn: psycopg.Connection) -> datetime | None:
    """When the first message was recorded; None before it."""
    row = conn.execute("SELECT min(recorded_at) FROM message").fetchone()
    assert row is not None
    moment: datetime | None = row[0]
    return moment


def of_day(conn: psycopg.Connection, day: date, start: datetime, end: datetime) -> Iterator[Message]:
    """The messages recorded on a policy day, in the order of recording, a few thousand in memory at a time."""
    with conn.transaction(), conn.cursor(name="messages", row_factory=class_row(Message)) as cursor:
        cursor.itersize = 5000
        yield from cursor.execute(_OF_A_DAY, {"day": day, "start": start, "end": end})


def lines(conn: psycopg.Connection, records: Iterable[Record]) -> Iterator[bytes]:
    """The messages of every day of these records of kind `evidence`, by day: what an export can be held against."""
    latest = {record.subject: loads(record.body) for record in records}
    for day, body in sorted(latest.items()):
        start, end = (datetime.fromisoformat(body[name]) for name in ("from", "to"))
        yield from map(line, of_day(conn, date.fromisoformat(day), start, end))
