"""What was refused is judged again: after a registration, or after a rule was mended.

An item is judged as at its own receipt, and what is accepted keeps that receipt and the evidence of its message; it is
recorded now. A message that could not be read and can be by now is written once more, under its first receipt, with a
fate for each of its items, and its one quarantined item counts no more (the view `fates`). Each row moves at most once,
whoever tries and however often; what is refused again goes on waiting.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from chargewatch import database
from collector import contract
from collector.contract import Decoded, Directory
from collector.facts import Arrival, Evidence
from collector.items import Columns, Item
from collector.personal import mask
from collector.quarantine import contents as quarantine
from collector.store import Counts, Store, directory

COLUMNS = ("kind", "tried", "stored", "duplicate", "conflicts", "still_quarantined")
_AT_A_TIME = 500


class Refused(msgspec.Struct, frozen=True):
    """A row of the quarantine with the message it came in; `whole` if its bytes are that whole message."""

    quarantine_id: int
    operator_id: str | None
    kind: str
    topic: str
    payload: bytes
    place: int
    received_at: datetime
    message_id: int
    boot_id: str | None
    seq: int | None
    sent_at: datetime | None
    sha256: bytes
    size: int
    whole: bool


class _Tried(msgspec.Struct):
    tried: int = 0
    moved: int = 0
    stored: int = 0
    duplicate: int = 0
    conflicts: int = 0
    quarantined: int = 0


def retry(
    connection: psycopg.Connection,
    *,
    operator_id: str | None = None,
    reason: str | None = None,
    numbers: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """Try what waits, of this operator, for this reason, of these numbers; COLUMNS by kind.

    `still_quarantined` is what waits afterwards, with those items of a message read again that are refused by
    themselves.
    """
    store, known = Store(connection), directory(connection)
    store.rehearsal = False  # in a rehearsal, too, it is recorded at the clock of now, not at its receipt
    by_kind: dict[str, _Tried] = {}
    row = connection.execute("SELECT coalesce(max(quarantine_id), 0) FROM quarantine").fetchone()
    last, end = 0, int(row[0]) if row else 0  # what a message read again leaves in quarantine is not tried again now
    while refused := _refused(connection, last, end, operator_id, reason, numbers):
        last = refused[-1].quarantine_id
        for one in refused:
            by_kind.setdefault(one.kind, _Tried()).tried += 1
        read = [(one, again) for one in refused if (again := judged_again(one, known)) is not None]
        if read:
            _move(store, read, by_kind)
    return [_line(kind, by_kind[kind]) for kind in sorted(by_kind)]


def judged_again(one: Refused, known: Directory) -> Decoded | None:
    """What a refused message or item is by the rules and the registry of now; None if it would be refused again."""
    if one.whole:
        again = contract.decode(one.topic, one.payload, one.received_at, known)
        if len(again.rejected) == 1 and not again.accepted and again.rejected[0].payload == mask(one.payload):
            return None
    else:
        assert one.boot_id is not None
        assert one.seq is not None
        assert one.sent_at is not None
        message = quarantine.alone(one.kind, one.boot_id, one.seq, one.sent_at, one.payload)
        again = contract.decode(one.topic, message, one.received_at, known)
        if not again.accepted:
            return None
        accepted = [_placed(item, one.place) for item in again.accepted]
        rejected = tuple(_placed(item, one.place) for item in again.rejected)
        again = msgspec.structs.replace(again, columns=Columns.of(accepted), rejected=rejected)
    # What was received is proven by the bytes that came, not by those that masking has left of them.
    return msgspec.structs.replace(again, sha256=one.sha256, size=one.size)


def _placed(item: Any, place: int) -> Any:
    return msgspec.structs.replace(item, place=place)


def _line(kind: str, tried: _Tried) -> dict[str, Any]:
    still = tried.tried - tried.moved + tried.quarantined
    return dict(zip(COLUMNS, (kind, tried.tried, tried.stored, tried.duplicate, tried.conflicts, still), strict=True))


def _refused(
    connection: psycopg.Connection,
    last: int,
    end: int,
    operator_id: str | None,
    reason: str | None,
    numbers: Sequence[int] | None,
) -> list[Refused]:
    rows = connection.execute(
        "SELECT q.quarantine_id, q.operator_id, q.kind, q.topic, q.payload, q.place, q.received_at, m.message_id,"
        f" m.boot_id, m.seq, m.sent_at, m.sha256, m.bytes, {quarantine.WHOLE} FROM quarantine AS q"
        " JOIN message AS m ON m.message_id = q.message_id AND m.received_at = q.received_at WHERE"
        + quarantine.WAITING
        + " AND q.quarantine_id > %(last)s AND q.quarantine_id <= %(end)s"
        " AND (%(numbers)s::bigint[] IS NULL OR q.quarantine_id = ANY(%(numbers)s))"
        " ORDER BY q.quarantine_id LIMIT %(limit)s",
        {
            "operator": operator_id, "reason": reason, "last": last, "end": end, "limit": _AT_A_TIME,
            "numbers": None if numbers is None else list(numbers),
        },
    )  # fmt: skip
    return [Refused(*row) for row in rows]


def _move(store: Store, read: Sequence[tuple[Refused, Decoded]], by_kind: dict[str, _Tried]) -> None:
    """Record what is accepted now, all of it or nothing; counted into `by_kind` once it has committed."""
    store.make_room(again.columns for _, again in read if again.columns is not None)
    moved: list[tuple[Refused, str, int | None, Counts]] = []
    with database.writing(store.connection) as recorded_at:
        # One retry at a time: what another one has moved meanwhile is seen, and left alone.
        store.connection.execute("LOCK TABLE quarantine_retry IN SHARE ROW EXCLUSIVE MODE")
        rows = store.connection.execute(
            "SELECT quarantine_id FROM quarantine_retry WHERE quarantine_id = ANY(%s)",
            [[one.quarantine_id for one, _ in read]],
        )
        gone = {row[0] for row in rows}
        left = [(one, again) for one, again in read if one.quarantine_id not in gone]
        alone = [(one, again.accepted[0]) for one, again in left if not one.whole and again.offered == 1]
        moved += _record(store, alone, recorded_at)
        for one, again in left:
            if one.whole or again.offered > 1:
                moved += _write_again(store, one, again)
        with store.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO quarantine_retry (quarantine_id, recorded_at, outcome, message_id)"
                " VALUES (%s, %s, %s, %s)",
                [(one.quarantine_id, recorded_at, outcome, message_id) for one, outcome, message_id, _ in moved],
            )
    for one, _, _, counts in moved:
        tried = by_kind[one.kind]
        tried.moved += 1
        for name in ("stored", "duplicate", "conflicts", "quarantined"):
            setattr(tried, name, getattr(tried, name) + getattr(counts, name))


_Moved = list[tuple[Refused, str, int | None, Counts]]


def _record(store: Store, alone: Sequence[tuple[Refused, Item]], recorded_at: datetime) -> _Moved:
    """Single items, under the message that they came in."""
    if not alone:
        return []
    arrivals: dict[type, list[Arrival]] = {}
    for one, item in alone:
        assert one.operator_id is not None
        assert one.boot_id is not None
        assert one.seq is not None
        evidence = Evidence(one.operator_id, one.received_at, recorded_at, one.message_id, one.boot_id, one.seq)
        arrivals.setdefault(type(item), []).append(Arrival(one.quarantine_id, evidence, item))
    try:
        with store.connection.transaction():
            duplicates, conflicts = store.record(arrivals)
    except psycopg.DataError:
        # One of them holds a value that PostgreSQL refuses: it goes on waiting, alone.
        if len(alone) == 1:
            return []
        half = len(alone) // 2
        return _record(store, alone[:half], recorded_at) + _record(store, alone[half:], recorded_at)
    moved: _Moved = []
    for one, _ in alone:
        duplicate, conflict = duplicates[one.quarantine_id], conflicts[one.quarantine_id]
        outcome = "conflict" if conflict else "duplicate" if duplicate else "stored"
        moved.append((one, outcome, None, Counts(1, 1 - duplicate, duplicate, 0, conflict)))
    return moved


def _write_again(store: Store, one: Refused, again: Decoded) -> _Moved:
    """A message with the fates of its items, in place of the one item that it was."""
    try:
        fates = store.write([again])
    except psycopg.DataError:
        return []
    row = store.connection.execute(
        "SELECT max(message_id) FROM message WHERE received_at = %s AND sha256 = %s", [one.received_at, one.sha256]
    ).fetchone()
    assert row is not None
    counts = Counts()
    for some in fates.counts.values():
        counts.add(some)
    return [(one, "read_again", row[0], counts)]
