"""Documents of closed months into the ledger: issued once due, superseded when something that came in changes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import psycopg

from chargewatch.database import is_rehearsal, now, watermark
from chargewatch.instants import day_start_us, from_us
from ledger.canonical import dumps, loads, without_as_of
from ledger.chain import Record
from ledger.store import issue, last
from scheduler import late
from scheduler.closed import closed_months
from subsidy.periods import Period


@dataclass(frozen=True, slots=True)
class Document:
    """A kind of document that every closed month gets."""

    kind: str
    zone: ZoneInfo
    issued_after_days: int
    compute: Callable[[psycopg.Connection, Period, datetime], object]
    changes_on: Callable[[Period], Iterable[date]] = lambda _: ()
    """Policy days on which the document changes by the passing of time alone."""
    inputs: Callable[[psycopg.Connection, Period, datetime, datetime], list[dict[str, object]]] | None = None
    """What changed it between two knowledge times; None: whatever came in that can have (scheduler.late)."""
    waits_for: Callable[[psycopg.Connection, Period, datetime], str | None] = lambda *_: None
    """What keeps it from being issued for now, as known then."""


def issue_due(conn: psycopg.Connection, document: Document) -> str:
    """Issue or supersede this document for every closed month that needs it; what was done, for people."""
    first = first_receipt(conn)
    if first is None:
        return "nothing has been received yet"
    done: list[str] = []
    months = closed_months(first, now(conn), document.zone, document.issued_after_days)
    for month in months:
        before = last(conn, document.kind, month.name)
        if before is not None and not _to_be_checked(conn, document, month, before):
            continue
        as_of = watermark(conn)
        if obstacle := document.waits_for(conn, month, as_of):
            done.append(f"{month.name} waits for {obstacle}")
            continue
        body = document.compute(conn, month, as_of)
        inputs = _inputs(conn, document, month, before, as_of) if before and _differs(before, body) else []
        record = issue(conn, kind=document.kind, subject=month.name, body=body, as_of=as_of, inputs=inputs)
        if before is None:
            done.append(f"{month.name} issued as record {record.seq}")
        elif record.seq != before.seq:
            done.append(f"{month.name} superseded by record {record.seq}")
        else:
            _note_check(conn, record, as_of)
    return "; ".join(done) or f"all {len(months)} closed months stand as issued"


def _differs(before: Record, body: object) -> bool:
    return dumps(without_as_of(loads(before.body))) != dumps(without_as_of(loads(dumps(body))))


def _inputs(
    conn: psycopg.Connection, document: Document, month: Period, before: Record, as_of: datetime
) -> list[dict[str, object]]:
    if document.inputs is not None:
        return document.inputs(conn, month, before.as_of, as_of)
    return late.inputs(conn, _start(month.end_day, document.zone), before.as_of, as_of)


def first_receipt(conn: psycopg.Connection) -> datetime | None:
    """When the platform received its first fact, with which its days and months begin; None before that."""
    row = conn.execute("SELECT min(received_at) FROM message WHERE stored > 0").fetchone()
    assert row is not None
    moment: datetime | None = row[0]
    return moment


def _to_be_checked(conn: psycopg.Connection, document: Document, month: Period, before: Record) -> bool:
    if is_rehearsal(conn):
        return True  # the senders' clock may run back: what came in later can be recorded earlier
    since = _checked(conn, before)
    for day in document.changes_on(month):
        if since < _start(day, document.zone) <= now(conn):
            return True
    return late.anything(conn, _start(month.end_day, document.zone), since)


def _checked(conn: psycopg.Connection, record: Record) -> datetime:
    row = conn.execute(
        "SELECT greatest(%s::timestamptz, max(as_of)) FROM issue_check WHERE seq = %s", [record.as_of, record.seq]
    ).fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def _note_check(conn: psycopg.Connection, record: Record, as_of: datetime) -> None:
    # Only saves work: without these rows the same months are computed again, with the same result.
    conn.execute("INSERT INTO issue_check (seq, as_of) VALUES (%s, %s) ON CONFLICT DO NOTHING", [record.seq, as_of])


def _start(day: date, zone: ZoneInfo) -> datetime:
    return from_us(day_start_us(day, zone))
