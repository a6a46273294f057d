"""The ledger in the database: what is issued goes in here once, and never changes afterwards."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row

from chargewatch.database import now, writing
from chargewatch.errors import Refusal
from ledger.canonical import dumps, loads, without_as_of
from ledger.chain import Head, Record, Tree, head_hash, record_hash, sha256, sha256_of_text
from ledger.difference import changes

_LOCK = 0x63770004  # one writer of the ledger at a time, on any machine
_RECORD = ", ".join(Record.__slots__)
_HEAD = ", ".join(Head.__slots__)


def issue(
    conn: psycopg.Connection,
    *,
    kind: str,
    subject: str,
    body: object,
    as_of: datetime,
    inputs: Sequence[dict[str, object]] = (),
) -> Record:
    """The ledger's record of this document: a new one, or the last one if that says the same.

    The same body (apart from its `as_of`) of the same kind and subject adds nothing, and neither does one computed at
    an earlier `as_of` than the last. Any other body supersedes the last; the new record's difference holds `changes`,
    each changed row and field, and `inputs`, what the caller says has come in since.
    """
    text = dumps(body).decode()
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        before = last(conn, kind, subject)
        if before and (as_of < before.as_of or _same(before.body, text)):
            return before
        difference = None
        if before:
            changed = changes(loads(before.body), loads(text))
            difference = dumps({"changes": changed, "inputs": list(inputs)}).decode()
        with writing(conn) as recorded_at:
            end = _end(conn)
            record = Record(
                seq=end.seq + 1 if end else 1,
                kind=kind,
                subject=subject,
                as_of=as_of,
                recorded_at=_in_order(conn, recorded_at),
                body=text,
                body_sha256=sha256(text.encode()),
                supersedes=before.seq if before else None,
                difference=difference,
                difference_sha256=sha256_of_text(difference),
                previous=end.hash if end else None,
                hash="",
            )
            return _insert(conn, record)


def last(conn: psycopg.Connection, kind: str, subject: str, as_of: datetime | None = None) -> Record | None:
    """The record in force of a kind and subject, now or as it was known at `as_of`; None if none was issued."""
    return _one(
        conn,
        "WHERE kind = %s AND subject = %s AND (%s::timestamptz IS NULL OR recorded_at <= %s) ORDER BY seq DESC LIMIT 1",
        kind,
        subject,
        as_of,
        as_of,
    )


def record(conn: psycopg.Connection, seq: int) -> Record | None:
    """One record by its number; None if there is none."""
    return _one(conn, "WHERE seq = %s", seq)


def all_records(conn: psycopg.Connection, kind: str | None = None) -> Iterator[Record]:
    """Every record (of one kind) by seq, a few hundred in memory at a time."""
    with conn.transaction(), conn.cursor(name="ledger", row_factory=class_row(Record)) as cursor:
        cursor.itersize = 500
        yield from cursor.execute(
            f"SELECT {_RECORD} FROM ledger_record WHERE %s::text IS NULL OR kind = %s ORDER BY seq", [kind, kind]
        )


def firsts(conn: psycopg.Connection, kind: str) -> Iterator[Record]:
    """The first record of each subject of a kind, by seq: money moves with that one."""
    with conn.transaction(), conn.cursor(name="firsts", row_factory=class_row(Record)) as cursor:
        cursor.itersize = 100
        yield from cursor.execute(
            f"SELECT {_RECORD} FROM ledger_record WHERE kind = %s AND supersedes IS NULL ORDER BY seq", [kind]
        )


def all_heads(conn: psycopg.Connection) -> list[Head]:
    """Every sealed day's head, by day."""
    with conn.cursor(row_factory=class_row(Head)) as cursor:
        return cursor.execute(f"SELECT {_HEAD} FROM ledger_head ORDER BY day").fetchall()


def last_head(conn: psycopg.Connection) -> Head | None:
    """The head of the day sealed last; None before the first."""
    with conn.cursor(row_factory=class_row(Head)) as cursor:
        return cursor.execute(f"SELECT {_HEAD} FROM ledger_head ORDER BY day DESC LIMIT 1").fetchone()


@contextmanager
def contents(conn: psycopg.Connection) -> Iterator[tuple[int, Iterator[Record], list[Head]]]:
    """All of the ledger as it stands at one moment: how many records, the records, the heads."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = conn.execute("SELECT count(*) FROM ledger_record").fetchone()
        assert row is not None
        yield row[0], all_records(conn), all_heads(conn)


def seal(conn: psycopg.Connection, day: date, until: datetime) -> Head:
    """The head of a closed policy day that ends at `until`, over all records up to then; a sealed day stays as it is.

    Refusal where the day has not ended, or a later one is sealed already.
    """
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        heads = all_heads(conn)
        for head in heads:
            if head.day == day:
                return head
        if heads and heads[-1].day > day:
            raise Refusal(f"{day} is to be sealed after {heads[-1].day}", "days sealed in their order")
        if now(conn) < until:
            raise Refusal(f"the day {day} has not ended yet", "a closed policy day")
        hashes = conn.execute("SELECT hash FROM ledger_record WHERE recorded_at < %s ORDER BY seq", [until]).fetchall()
        with writing(conn) as recorded_at:
            head = Head(
                day=day,
                last_seq=len(hashes),
                tree_head=Tree(row[0] for row in hashes).head(),
                recorded_at=_in_order(conn, recorded_at),
                previous=heads[-1].hash if heads else None,
                hash="",
            )
            return _insert_head(conn, head)


def _same(before: str, after: str) -> bool:
    return dumps(without_as_of(loads(before))) == dumps(without_as_of(loads(after)))


def _insert(conn: psycopg.Connection, record: Record) -> Record:
    record = replace(record, hash=record_hash(record))
    _write(conn, "ledger_record", record)
    return record


def _insert_head(conn: psycopg.Connection, head: Head) -> Head:
    head = replace(head, hash=head_hash(head))
    _write(conn, "ledger_head", head)
    return head


def _write(conn: psycopg.Connection, table: str, row: Record | Head) -> None:
    names = row.__slots__
    conn.execute(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})",
        [getattr(row, name) for name in names],
    )


def _end(conn: psycopg.Connection) -> Record | None:
    return _one(conn, "ORDER BY seq DESC LIMIT 1")


def _in_order(conn: psycopg.Connection, moment: datetime) -> datetime:
    # A clock that was set back must not bring a record under a head that is sealed already.
    row = conn.execute(
        "SELECT greatest(%s::timestamptz, (SELECT max(recorded_at) FROM ledger_record),"
        " (SELECT max(recorded_at) FROM ledger_head))",
        [moment],
    ).fetchone()
    assert row is not None
    latest: datetime = row[0]
    return latest


def _one(conn: psycopg.Connection, where: str, *values: object) -> Record | None:
    with conn.cursor(row_factory=class_row(Record)) as cursor:
        return cursor.execute(f"SELECT {_RECORD} FROM ledger_record {where}", values).fetchone()
