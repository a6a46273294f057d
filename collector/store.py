"""The store of facts: one transaction a batch, and one fate for every item that is written once it has committed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from chargewatch import database, timeseries
from collector.contract import Decoded, Directory
from collector.facts import SERIES, Arrival, Evidence, Judged, Recorded, Row, Series, gather, judge, order_of
from collector.items import Item

_ATTEMPTS = 20

_MESSAGE = (
    ("message_id", "int8"), ("operator_id", "text"), ("kind", "text"), ("topic", "text"), ("boot_id", "text"),
    ("seq", "int8"), ("sent_at", "timestamptz"), ("received_at", "timestamptz"), ("recorded_at", "timestamptz"),
    ("sha256", "bytea"), ("bytes", "int4"), ("offered", "int4"), ("stored", "int4"), ("duplicate", "int4"),
    ("quarantined", "int4"), ("conflicts", "int4"),
)  # fmt: skip
_QUARANTINE = (
    ("operator_id", "text"), ("kind", "text"), ("topic", "text"), ("reason", "text"), ("detail", "text"),
    ("payload", "bytea"), ("place", "int4"), ("message_id", "int8"), ("received_at", "timestamptz"),
    ("recorded_at", "timestamptz"),
)  # fmt: skip


class Counts(msgspec.Struct):
    """Numbers of items; `offered` is `stored` + `duplicate` + `quarantined`. Conflicts are among the duplicates."""

    offered: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    conflicts: int = 0

    def add(self, other: "Counts") -> None:
        """Add another one's numbers to this."""
        self.offered += other.offered
        self.stored += other.stored
        self.duplicate += other.duplicate
        self.quarantined += other.quarantined
        self.conflicts += other.conflicts


class Fates(msgspec.Struct):
    """What became of the items of one or more batches, by (operator_id, kind), and the reasons of quarantine."""

    counts: dict[tuple[str | None, str], Counts] = msgspec.field(default_factory=dict)
    reasons: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, other: "Fates") -> None:
        """Add another batch's."""
        for key, counts in other.counts.items():
            self.counts.setdefault(key, Counts()).add(counts)
        self.reasons.update(other.reasons)

    def by_kind(self) -> dict[str, Counts]:
        """Summed over operators."""
        kinds: dict[str, Counts] = {}
        for (_, kind), counts in sorted(self.counts.items(), key=lambda one: (one[0][1], one[0][0] or "")):
            kinds.setdefault(kind, Counts()).add(counts)
        return kinds


def version_and_time(connection: psycopg.Connection) -> tuple[int, datetime]:
    """A number that is another one after every import into the registry, and the database's time."""
    row = connection.execute(
        "SELECT coalesce((SELECT max(import_id) FROM registry_imports), 0), clock_timestamp()"
    ).fetchone()
    assert row is not None
    return int(row[0]), row[1]


def link_states(connection: psycopg.Connection) -> dict[str, bool]:
    """Whether each operator's link was last said to be ready."""
    rows = connection.execute(
        "SELECT DISTINCT ON (operator_id) operator_id, state = 'ready' FROM link_event"
        " ORDER BY operator_id, received_at DESC, recorded_at DESC"
    )
    return dict(rows.fetchall())


def directory(connection: psycopg.Connection) -> Directory:
    """The registry's operators and connectors as they are now."""
    connectors: dict[str, dict[str, int]] = {}
    for (operator_id,) in connection.execute("SELECT DISTINCT operator_id FROM registry_operators"):
        connectors[operator_id] = {}
    for no, operator_id, connector_id in connection.execute(
        "SELECT connector_no, operator_id, connector_id FROM connector_keys"
    ):
        connectors.setdefault(operator_id, {})[connector_id] = no
    return Directory(connectors)


class Store:
    """Writes decoded messages. The connection must commit by itself (autocommit) outside of batches."""

    def __init__(self, connection: psycopg.Connection) -> None:
        assert connection.autocommit, "partitions are made outside of the batch's transaction"
        self.connection = connection
        self.rehearsal = database.is_rehearsal(connection)
        self._repeats = False

    def write(self, decoded: Sequence[Decoded]) -> Fates:
        """Commit a batch; the same facts, counts and conflicts as if each message came in a batch of its own."""
        if not decoded:
            return Fates()
        receipts = self._receipts(decoded)
        self._ensure("message", receipts)
        self.make_room(item for one in decoded for item in one.accepted)
        with database.writing(self.connection) as recorded_at:
            ids = self._message_ids(len(decoded))
            recorded = receipts if self.rehearsal else [recorded_at] * len(decoded)
            arrivals: dict[type, list[Arrival]] = {}
            for index, one in enumerate(decoded):
                if one.accepted:
                    assert one.operator_id is not None
                    assert one.boot_id is not None
                    assert one.seq is not None
                    evidence = Evidence(
                        one.operator_id, receipts[index], recorded[index], ids[index], one.boot_id, one.seq
                    )
                    arrivals.setdefault(type(one.accepted[0]), []).extend(
                        [Arrival(index, evidence, item) for item in one.accepted]
                    )
            duplicates, conflicts = self.record(arrivals)
            counts = [
                Counts(one.offered, len(one.accepted) - duplicates[i], duplicates[i], len(one.rejected), conflicts[i])
                for i, one in enumerate(decoded)
            ]
            self._write_quarantine(decoded, ids, receipts, recorded)
            self._copy("message", _MESSAGE, _messages(decoded, ids, receipts, recorded, counts))
            self._write_links(decoded, receipts, recorded)
        return _fates(decoded, counts)

    def make_room(self, items: Iterable[Item]) -> None:
        """Partitions for these items, before the transaction that records them."""
        months: dict[tuple[type, int, int], datetime] = {}
        for item in items:
            months[type(item), item.at.year, item.at.month] = item.at
        for (kind, _, _), moment in months.items():
            self._ensure(SERIES[kind].table, [moment])

    def record(self, arrivals: dict[type, list[Arrival]]) -> tuple[Counter[int], Counter[int]]:
        """Inside a writing transaction: the facts; how many arrivals of each index were duplicates, and conflicts.

        Straight into the tables while nothing repeats, which costs half; else upon what is recorded already.
        """
        gathered = [(SERIES[kind], gather(SERIES[kind], some)) for kind, some in arrivals.items()]
        gathered.sort(key=lambda one: one[0].table)
        for _ in range(_ATTEMPTS):
            judged = []
            for series, by_identity in gathered:
                known = self._recorded(series, by_identity) if self._repeats else {}
                judged.append((series, judge(series, by_identity, known)))
            with self._unless_recorded() as written:
                for series, verdict in judged:
                    self._copy(series.table, series.columns, verdict.rows)
            if written:
                self._repeats = self._repeats and any(verdict.duplicates for _, verdict in judged)
                return _counted(gathered, [verdict for _, verdict in judged])
            self._repeats = True
        raise psycopg.OperationalError("other writers keep recording the same items")

    @contextmanager
    def _unless_recorded(self) -> Iterator[list[bool]]:
        """Yields a list that holds something afterwards if no row was there already; else nothing was written."""
        written: list[bool] = []
        try:
            with self.connection.transaction():
                yield written
            written.append(True)
        except psycopg.errors.UniqueViolation:
            pass

    def _recorded(self, series: Series, gathered: dict[Row, list[Arrival]]) -> dict[Row, Recorded]:
        names = [name for name, _ in series.identity]
        columns = list(zip(*gathered, strict=True))
        ats = columns[names.index("at")]
        unnested = ", ".join(f"%s::{type_}[]" for _, type_ in series.identity)
        compared = "".join(f", f.{name}" for name in series.conflicting)
        rows = self.connection.execute(
            f"SELECT {', '.join(f'f.{name}' for name in names)}, f.received_at, f.boot_id, f.seq, f.place{compared}"
            f" FROM unnest({unnested}) AS i ({', '.join(names)}) JOIN {series.table} AS f USING ({', '.join(names)})"
            " WHERE f.at BETWEEN %s AND %s ORDER BY f.copy".encode(),
            [*(list(column) for column in columns), min(ats), max(ats)],
            binary=True,
        ).fetchall()
        recorded: dict[Row, Recorded] = {}
        width = len(names)
        for row in rows:
            identity, content = row[:width], row[width + 4 :]
            received_at, boot_id, seq, place = row[width : width + 4]
            order = order_of(received_at, boot_id, seq, place, content)
            if (before := recorded.get(identity)) is None:
                recorded[identity] = Recorded(1, content, order)
            else:
                before.copies += 1
                before.least = order
        return recorded

    def _receipts(self, decoded: Sequence[Decoded]) -> list[datetime]:
        """When each message was received; where nothing tells it, the platform's clock."""
        if all(one.received_at for one in decoded) and not self.rehearsal:
            return [one.received_at for one in decoded if one.received_at]
        clock, receipts = database.now(self.connection), []
        for one in decoded:
            receipts.append(one.received_at or clock)
            if self.rehearsal:  # the greatest sent_at so far, however the messages are cut into batches
                clock = max(clock, receipts[-1])
        return receipts

    def _ensure(self, table: str, moments: Iterable[datetime]) -> None:
        # Month by month, as a batch may hold items years apart; outside of the transaction, to stay if that fails.
        months = {(moment.year, moment.month): moment for moment in moments}
        for moment in months.values():
            timeseries.ensure(self.connection, table, moment, moment)

    def _message_ids(self, count: int) -> list[int]:
        rows = self.connection.execute("SELECT nextval('message_id_seq') FROM generate_series(1, %s)", [count])
        return [row[0] for row in rows]

    def _write_quarantine(
        self, decoded: Sequence[Decoded], ids: list[int], receipts: list[datetime], recorded: list[datetime]
    ) -> None:
        rows = [
            (one.operator_id, one.kind, one.topic, no.reason, no.detail, no.payload, no.place, ids[i], receipts[i],
             recorded[i])
            for i, one in enumerate(decoded) for no in one.rejected
        ]  # fmt: skip
        if rows:
            self._copy("quarantine", _QUARANTINE, rows)

    def _write_links(self, decoded: Sequence[Decoded], receipts: list[datetime], recorded: list[datetime]) -> None:
        """A link's events; the same state over again (a retained copy at every subscription) is none."""
        for i, one in enumerate(decoded):
            if one.link is not None:
                state = (one.operator_id, one.link.boot_id, one.link.state)
                self.connection.execute(
                    "INSERT INTO link_event SELECT %s, %s, %s, %s, %s WHERE (%s::text, %s::text) IS DISTINCT FROM"
                    " (SELECT (boot_id, state) FROM link_event WHERE operator_id = %s"
                    "  ORDER BY received_at DESC, recorded_at DESC LIMIT 1)",
                    [*state, receipts[i], recorded[i], state[1], state[2], state[0]],
                )

    def _copy(self, table: str, columns: Sequence[tuple[str, str]], rows: Iterable[Row]) -> None:
        names = ", ".join(name for name, _ in columns)
        with (
            self.connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)".encode()) as copy,
        ):
            copy.set_types([type_ for _, type_ in columns])
            for row in rows:
                copy.write_row(row)


def _messages(
    decoded: Sequence[Decoded],
    ids: list[int],
    receipts: list[datetime],
    recorded: list[datetime],
    counts: list[Counts],
) -> Iterator[tuple[Any, ...]]:
    for i, one in enumerate(decoded):
        n = counts[i]
        assert n.offered == n.stored + n.duplicate + n.quarantined
        yield (
            ids[i], one.operator_id, one.kind, one.topic, one.boot_id, one.seq, one.sent_at, receipts[i], recorded[i],
            one.sha256, one.size, n.offered, n.stored, n.duplicate, n.quarantined, n.conflicts,
        )  # fmt: skip


def _counted(
    gathered: list[tuple[Series, dict[Row, list[Arrival]]]], judged: list[Judged]
) -> tuple[Counter[int], Counter[int]]:
    duplicates: Counter[int] = Counter()
    conflicts: Counter[int] = Counter()
    for (_, by_identity), verdict in zip(gathered, judged, strict=True):
        # The last element of a row is its copy: what has copy 0 was stored.
        stored = sum(1 for row in verdict.rows if row[-1] == 0)
        offered = sum(map(len, by_identity.values()))
        assert stored + len(verdict.duplicates) == offered, "an item would be lost"
        duplicates.update(verdict.duplicates)
        conflicts.update(verdict.conflicts)
    return duplicates, conflicts


def _fates(decoded: Sequence[Decoded], counts: list[Counts]) -> Fates:
    fates = Fates()
    for one, numbers in zip(decoded, counts, strict=True):
        if one.offered:
            fates.counts.setdefault((one.operator_id, one.kind), Counts()).add(numbers)
        fates.reasons.update(no.reason for no in one.rejected)
    return fates
