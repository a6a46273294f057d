"""The store of facts: one transaction a batch, and one fate for every item that is written once it has committed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain

import msgspec
import psycopg

from chargewatch import database, timeseries
from chargewatch.instants import from_us, to_us
from collector import copying, straight
from collector.contract import Decoded, Directory
from collector.facts import SERIES, Arrival, Evidence, Judged, Recorded, Row, Series, gather, judge, order_of
from collector.items import Columns

_ATTEMPTS = 20
_SHORTEST_MONTH = timedelta(days=28)

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


class RowsMissing(psycopg.InternalError):
    """The database has answered well and not inserted every row: nothing of the batch may be committed."""


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
        self.make_room(one.columns for one in decoded if one.columns is not None)
        with database.writing(self.connection) as moment:
            ids = self._message_ids(len(decoded))
            recorded = receipts if self.rehearsal else [to_us(moment)] * len(decoded)
            duplicates, conflicts = self._write_facts(decoded, ids, receipts, recorded)
            fates = _fates(decoded, duplicates, conflicts)
            self._write_quarantine(decoded, ids, receipts, recorded)
            messages = _messages(decoded, ids, receipts, recorded, duplicates, conflicts)
            self._copy("message", _MESSAGE, [messages], len(decoded))
            self._write_links(decoded, receipts, recorded)
        return fates

    def _write_facts(
        self, decoded: Sequence[Decoded], ids: list[int], receipts: list[int], recorded: list[int]
    ) -> tuple[Counter[int], Counter[int]]:
        """The facts; how many items of each message were duplicates, and conflicts.

        Straight into the tables while nothing repeats, which costs half; else upon what is recorded already.
        """
        by_item: dict[type, list[int]] = {}
        for i, one in enumerate(decoded):
            if one.columns is not None:
                by_item.setdefault(one.columns.item, []).append(i)
        if not self._repeats:
            evidences = straight.evidence(decoded, receipts, recorded, ids)
            with self._unless_recorded() as written:
                for item, given in by_item.items():
                    series = SERIES[item]
                    rows = straight.facts(series, [decoded[i] for i in given], [evidences[i] for i in given])
                    self._copy(series.table, series.columns, rows, sum(len(decoded[i].columns or ()) for i in given))
            if written:
                return Counter(), Counter()
            self._repeats = True
        arrivals: dict[type, list[Arrival]] = {}
        for item, given in by_item.items():
            arrived = arrivals[item] = []
            for i in given:
                one, receipt, moment = decoded[i], from_us(receipts[i]), from_us(recorded[i])
                assert one.operator_id is not None
                assert one.boot_id is not None
                assert one.seq is not None
                evidence = Evidence(one.operator_id, receipt, moment, ids[i], one.boot_id, one.seq)
                arrived += [Arrival(i, evidence, accepted) for accepted in one.accepted]
        return self.record(arrivals)

    def make_room(self, columns: Iterable[Columns]) -> None:
        """Partitions for these items, before the transaction that records them."""
        by_item: dict[type, list[int]] = {}
        for some in columns:
            by_item.setdefault(some.item, []).extend(some.of_field("at"))
        for item, ats in by_item.items():
            self._ensure(SERIES[item].table, ats)

    def record(self, arrivals: dict[type, list[Arrival]]) -> tuple[Counter[int], Counter[int]]:
        """Inside a writing transaction: the facts; how many arrivals of each index were duplicates, and conflicts.

        What is recorded already is looked up and compared; where another writer records it meanwhile, once more.
        """
        gathered = [(SERIES[kind], gather(SERIES[kind], some)) for kind, some in arrivals.items()]
        gathered.sort(key=lambda one: one[0].table)
        for _ in range(_ATTEMPTS):
            judged = []
            for series, by_identity in gathered:
                known = self._recorded(series, by_identity)
                judged.append((series, judge(series, by_identity, known)))
            with self._unless_recorded() as written:
                for series, verdict in judged:
                    self._copy_rows(series.table, series.columns, verdict.rows)
            if written:
                self._repeats = any(verdict.duplicates for _, verdict in judged)
                return _counted(gathered, [verdict for _, verdict in judged])
        raise psycopg.OperationalError("other writers keep recording the same items")

    @contextmanager
    def _unless_recorded(self) -> Iterator[list[bool]]:
        """Yields a list that holds something afterwards if no row was there already; else nothing was written."""
        written: list[bool] = []
        try:
            with self.connection.transaction():
                yield written
            written.append(True)
        except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
            pass

    def _recorded(self, series: Series, gathered: dict[Row, list[Arrival]]) -> dict[Row, Recorded]:
        """What is recorded of these identities, found through a temporary table of them."""
        names = [name for name, _ in series.identity]
        sought, named = f"sought_{series.table}", ", ".join(names)
        columns = ", ".join(f"{name} {type_}" for name, type_ in series.identity)
        self.connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {sought} ({columns}) ON COMMIT DELETE ROWS".encode())
        self.connection.execute(f"DELETE FROM {sought}".encode())
        self._copy_rows(sought, series.identity, gathered)
        ats = [one[names.index("at")] for one in gathered]
        compared = "".join(f", f.{name}" for name in series.conflicting)
        rows = self.connection.execute(
            f"SELECT {', '.join(f'f.{name}' for name in names)}, f.received_at, f.boot_id, f.seq, f.place{compared}"
            f" FROM {sought} JOIN {series.table} AS f USING ({named})"
            " WHERE f.at BETWEEN %s AND %s ORDER BY f.copy".encode(),
            [min(ats), max(ats)],
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

    def _receipts(self, decoded: Sequence[Decoded]) -> list[int]:
        """When each message was received (µs); where nothing tells it, the platform's clock."""
        if all(one.received_us is not None for one in decoded) and not self.rehearsal:
            return [one.received_us for one in decoded if one.received_us is not None]
        clock, receipts = to_us(database.now(self.connection)), []
        for one in decoded:
            receipts.append(clock if one.received_us is None else one.received_us)
            if self.rehearsal:  # the greatest sent_at so far, however the messages are cut into batches
                clock = max(clock, receipts[-1])
        return receipts

    def _ensure(self, table: str, moments_us: Sequence[int]) -> None:
        # Month by month, as a batch may hold items years apart; outside of the transaction, to stay if that fails.
        first, last = from_us(min(moments_us)), from_us(max(moments_us))
        months = {(first.year, first.month): first, (last.year, last.month): last}
        if last - first > _SHORTEST_MONTH:
            moments = (from_us(us) for us in moments_us)
            months |= {(moment.year, moment.month): moment for moment in moments}
        for moment in months.values():
            timeseries.ensure(self.connection, table, moment, moment)

    def _message_ids(self, count: int) -> list[int]:
        row = self.connection.execute(
            "SELECT array_agg(nextval('message_id_seq')) FROM generate_series(1, %s)", [count], binary=True
        ).fetchone()
        assert row is not None
        return list(row[0])

    def _write_quarantine(
        self, decoded: Sequence[Decoded], ids: list[int], receipts: list[int], recorded: list[int]
    ) -> None:
        rows = [
            (one.operator_id, one.kind, one.topic, no.reason, no.detail, no.payload, no.place, ids[i],
             from_us(receipts[i]), from_us(recorded[i]))
            for i, one in enumerate(decoded) for no in one.rejected
        ]  # fmt: skip
        if rows:
            self._copy_rows("quarantine", _QUARANTINE, rows)

    def _write_links(self, decoded: Sequence[Decoded], receipts: list[int], recorded: list[int]) -> None:
        """A link's events; the same state over again (a retained copy at every subscription) is none."""
        for i, one in enumerate(decoded):
            if one.link is not None:
                state = (one.operator_id, one.link.boot_id, one.link.state)
                self.connection.execute(
                    "INSERT INTO link_event SELECT %s, %s, %s, %s, %s WHERE (%s::text, %s::text) IS DISTINCT FROM"
                    " (SELECT (boot_id, state) FROM link_event WHERE operator_id = %s"
                    "  ORDER BY received_at DESC, recorded_at DESC LIMIT 1)",
                    [*state, from_us(receipts[i]), from_us(recorded[i]), state[1], state[2], state[0]],
                )

    def _copy(self, table: str, columns: Sequence[tuple[str, str]], rows: Iterable[bytes], count: int) -> None:
        """So many rows that are encoded already, or are being so."""
        with self.connection.cursor() as cursor:
            with cursor.copy(_copy_into(table, columns)) as copy:
                for some in chain((copying.HEADER,), rows, (copying.TRAILER,)):
                    copy.write(some)
            _all_there(table, cursor, count)

    def _copy_rows(self, table: str, columns: Sequence[tuple[str, str]], rows: Iterable[Row]) -> None:
        count = 0
        with self.connection.cursor() as cursor:
            with cursor.copy(_copy_into(table, columns)) as copy:
                copy.set_types([type_ for _, type_ in columns])
                for row in rows:
                    copy.write_row(row)
                    count += 1
            _all_there(table, cursor, count)


def _copy_into(table: str, columns: Sequence[tuple[str, str]]) -> bytes:
    return f"COPY {table} ({', '.join(name for name, _ in columns)}) FROM STDIN (FORMAT BINARY)".encode()


def _all_there(table: str, cursor: psycopg.Cursor, count: int) -> None:
    if cursor.rowcount != count:
        raise RowsMissing(f"table {table} took {cursor.rowcount} of {count} rows")


def _messages(
    decoded: Sequence[Decoded],
    ids: list[int],
    receipts: list[int],
    recorded: list[int],
    duplicates: Counter[int],
    conflicts: Counter[int],
) -> bytes:
    every = range(len(decoded))
    accepted = [0 if one.columns is None else len(one.columns) for one in decoded]
    quarantined = [len(one.rejected) for one in decoded]
    values = (
        ids, [one.operator_id for one in decoded], [one.kind for one in decoded], [one.topic for one in decoded],
        [one.boot_id for one in decoded], [one.seq for one in decoded], [one.sent_us for one in decoded], receipts,
        recorded, [one.sha256 for one in decoded], [one.size for one in decoded],
        [accepted[i] + quarantined[i] for i in every], [accepted[i] - duplicates[i] for i in every],
        [duplicates[i] for i in every], quarantined, [conflicts[i] for i in every],
    )  # fmt: skip
    return copying.table([type_ for _, type_ in _MESSAGE], values, width=len(_MESSAGE))


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


def _fates(decoded: Sequence[Decoded], duplicates: Counter[int], conflicts: Counter[int]) -> Fates:
    fates = Fates()
    for one in decoded:
        accepted, quarantined = 0 if one.columns is None else len(one.columns), len(one.rejected)
        if accepted or quarantined:
            key = one.operator_id, one.kind
            if (counts := fates.counts.get(key)) is None:
                counts = fates.counts[key] = Counts()
            counts.offered += accepted + quarantined
            counts.stored += accepted
            if quarantined:
                counts.quarantined += quarantined
                fates.reasons.update(no.reason for no in one.rejected)
    for i, number in duplicates.items():
        counts = fates.counts[decoded[i].operator_id, decoded[i].kind]
        counts.stored -= number
        counts.duplicate += number
        counts.conflicts += conflicts[i]
    assert all(one.offered == one.stored + one.duplicate + one.quarantined for one in fates.counts.values())
    return fates
