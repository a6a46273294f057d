"""The database as everybody calls it: where it is, what time it is there, who may write.

Facts name when they were committed (`recorded_at`), and a figure names the `as_of` it was computed at. So that nothing
appears below an `as_of` afterwards, every writer holds a shared lock from before it reads its `recorded_at` until its
commit, and a watermark is read while that lock is held alone (semantics 1).
"""

import contextlib
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg

from chargewatch import embedded
from chargewatch.errors import Refusal
from chargewatch.instants import EPOCH
from chargewatch.settings import load

_WRITERS_LOCK = 0x63770001  # "cw": shared by those who record, alone for who asks for a watermark

_CONNECTION: dict[str, Any] = {
    "application_name": "chargewatch",
    "connect_timeout": 10,
    # A network that has broken is noticed within half a minute, not after two hours.
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000,
}  # fmt: skip


def dsn() -> str:
    """Connection string of the store: `CHARGEWATCH_DSN`, else the embedded server's, started if need be."""
    settings = load()
    return settings.dsn or embedded.ensure(settings.home)


def connect(*, autocommit: bool = True) -> psycopg.Connection:
    """A connection in UTC; Refusal if the server cannot be reached or the DSN cannot be read."""
    where = dsn()
    try:
        connection = psycopg.connect(where, autocommit=True, **_CONNECTION)
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise Refusal(
            f"the database cannot be reached: {reason}",
            "CHARGEWATCH_DSN to name a running PostgreSQL, or to be unset for the embedded one",
            "README.md, Settings",
        ) from None
    connection.execute("SET TIME ZONE 'UTC'")
    connection.autocommit = autocommit
    return connection


def is_rehearsal(connection: psycopg.Connection) -> bool:
    """Whether the store was created as a rehearsal (for good)."""
    return bool(_one(connection, "SELECT rehearsal FROM store"))


def now(connection: psycopg.Connection) -> datetime:
    """The platform's clock: the database's, or in a rehearsal the greatest `sent_at` so far."""
    moment = _one(
        connection,
        "SELECT CASE WHEN rehearsal THEN (SELECT max(received_at) FROM message) ELSE clock_timestamp() END FROM store",
    )
    return moment.astimezone(UTC) if isinstance(moment, datetime) else EPOCH


def machine_time() -> datetime:
    """This machine's clock, for what is dated without a database: the receipts of a recording."""
    return datetime.now(UTC)  # noqa: TID251  # the one place


@contextlib.contextmanager
def writing(connection: psycopg.Connection) -> Iterator[datetime]:
    """One transaction that records facts; yields its `recorded_at`.

    Below every watermark that was given out stands only what had committed by then: the shared lock is had first, the
    clock read after it.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_WRITERS_LOCK])
        yield now(connection)


def watermark(connection: psycopg.Connection) -> datetime:
    """An `as_of` older than every open writing transaction; waits for those that are open, at most 60 s."""
    if is_rehearsal(connection):
        return now(connection)
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '60s'")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_WRITERS_LOCK])
            return now(connection)
    except psycopg.errors.LockNotAvailable:
        raise Refusal(
            "a writing transaction has been open for more than 60 s",
            "every batch to commit within seconds",
            "docs/operations/ (pg_stat_activity tells which)",
        ) from None


@contextlib.contextmanager
def job_lock(connection: psycopg.Connection, name: str) -> Iterator[bool]:
    """Session lock of one job; yields False where another process holds it."""
    key = (0x63770002, zlib.crc32(name.encode()) - 2**31)
    held = bool(_one(connection, "SELECT pg_try_advisory_lock(%s, %s)", key))
    try:
        yield held
    finally:
        if held and not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _one(connection: psycopg.Connection, sql: str, values: tuple[object, ...] = ()) -> object:
    try:
        row = connection.execute(sql.encode(), values or None).fetchone()
    except psycopg.errors.UndefinedTable:
        raise Refusal("the database has no tables of chargewatch yet", "`chargewatch migrate` first") from None
    if row is None:
        raise Refusal("the database has no tables of chargewatch yet", "`chargewatch migrate` first")
    return row[0]
