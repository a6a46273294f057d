"""The four series of facts: which columns an item fills, when two items are one, and which of them counts.

Recording is one rule, the same for one item or a batch: the first recorded is the fact (copy 0). A later equal one is a
duplicate; if it was received before every copy so far, by (received_at, boot_id, seq, place), it is kept as the next
copy. Whoever reads takes the copy received first, so that the order of ingestion leaves no trace (semantics 2.5).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from collector.items import HeartbeatItem, MeterItem, SessionItem, StatusItem

Row = tuple[Any, ...]


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """The message that an item came in."""

    operator_id: str
    received_at: datetime
    recorded_at: datetime
    message_id: int
    boot_id: str
    seq: int


class Arrival(msgspec.Struct, frozen=True):
    """An accepted item and its message; `index` is the caller's number for whatever the fate is counted for."""

    index: int
    evidence: Evidence
    item: Any


class Series(msgspec.Struct, frozen=True):
    """One table of facts. Its columns are those of the identity, of the content, and of the evidence."""

    table: str
    identity: tuple[tuple[str, str], ...]
    content: tuple[tuple[str, str], ...]
    identity_of: Callable[[Arrival], Row]
    content_of: Callable[[Any], Row]
    conflicting: tuple[str, ...] = ()
    """Content columns in which two equal items may differ."""

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Names and types of all columns, in the order of `row`."""
        return (*self.identity, *self.content, *_EVIDENCE)

    def row(self, arrival: Arrival, copy: int) -> Row:
        """The columns of one fact."""
        e = arrival.evidence
        return (
            *self.identity_of(arrival), *self.content_of(arrival.item),
            e.received_at, e.recorded_at, e.message_id, e.boot_id, e.seq, arrival.item.place, copy,
        )  # fmt: skip


_EVIDENCE = (
    ("received_at", "timestamptz"), ("recorded_at", "timestamptz"), ("message_id", "int8"), ("boot_id", "text"),
    ("seq", "int8"), ("place", "int4"), ("copy", "int2"),
)  # fmt: skip
_AT = ("at", "timestamptz")
_CONNECTOR = ("connector_no", "int4")


def _numerics(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, "numeric") for name in names)


def _status_content(item: StatusItem) -> Row:
    return item.fault_code, item.detail


def _meter_content(item: MeterItem) -> Row:
    return item.energy_kwh, item.power_kw, item.voltage_v, item.current_a, item.soc_pct, item.session_id


def _session_content(item: SessionItem) -> Row:
    return (
        item.started_at, item.connector_nos, item.energy_kwh, item.meter_start_kwh, item.meter_end_kwh, item.void,
        item.vehicle, item.stop_reason, item.total_fee, Jsonb(item.body, msgspec.json.encode),
    )  # fmt: skip


STATUS = Series(
    "status_fact",
    (_CONNECTOR, _AT, ("status", "text")),
    (("fault_code", "text"), ("detail", "text")),
    lambda arrival: (arrival.item.connector_no, arrival.item.at, arrival.item.status),
    _status_content,
    ("fault_code", "detail"),
)
METER = Series(
    "meter_fact",
    (_CONNECTOR, _AT),
    (*_numerics("energy_kwh", "power_kw", "voltage_v", "current_a", "soc_pct"), ("session_id", "text")),
    lambda arrival: (arrival.item.connector_no, arrival.item.at),
    _meter_content,
    ("energy_kwh", "power_kw", "voltage_v", "current_a", "soc_pct", "session_id"),
)
HEARTBEAT = Series(
    "heartbeat_fact",
    (_CONNECTOR, _AT),
    (),
    lambda arrival: (arrival.item.connector_no, arrival.item.at),
    lambda item: (),
)
SESSION = Series(
    "session_fact",
    (("operator_id", "text"), ("session_id", "text"), ("revision", "int4"), ("content_sha256", "bytea"), _AT),
    (
        ("started_at", "timestamptz"), ("connector_nos", "int4[]"),
        *_numerics("energy_kwh", "meter_start_kwh", "meter_end_kwh"), ("void", "bool"), ("vehicle", "text"),
        ("stop_reason", "text"), ("total_fee", "numeric"), ("body", "jsonb"),
    ),
    lambda arrival: (
        arrival.evidence.operator_id, arrival.item.session_id, arrival.item.revision, arrival.item.content_sha256,
        arrival.item.at,
    ),
    _session_content,
)  # fmt: skip

SERIES: dict[type, Series] = {
    StatusItem: STATUS, MeterItem: METER, HeartbeatItem: HEARTBEAT, SessionItem: SESSION,
}  # fmt: skip


class Recorded(msgspec.Struct):
    """What is recorded of one identity so far: how many copies, the first one's content, the least order."""

    copies: int
    first: Row
    least: Row


class Judged(msgspec.Struct):
    """What recording comes to: rows to write, and the arrivals that were duplicates, and conflicts."""

    rows: list[Row]
    duplicates: list[int]
    conflicts: list[int]


def gather(series: Series, arrivals: Sequence[Arrival]) -> dict[Row, list[Arrival]]:
    """Arrivals by identity, in their order."""
    identity_of = series.identity_of
    gathered: dict[Row, list[Arrival]] = {}
    for arrival in arrivals:
        identity = identity_of(arrival)
        if (equal := gathered.get(identity)) is None:
            gathered[identity] = [arrival]
        else:
            equal.append(arrival)
    return gathered


def judge(series: Series, gathered: dict[Row, list[Arrival]], recorded: dict[Row, Recorded]) -> Judged:
    """Record each arrival in turn upon what is recorded already, by the rule of this module."""
    judged = Judged([], [], [])
    for identity in sorted(gathered):  # the same order in every process: two that collide wait, and never deadlock
        before = recorded.get(identity)
        for arrival in gathered[identity]:
            if before is None:
                judged.rows.append(series.row(arrival, 0))
                if len(gathered[identity]) > 1:
                    before = Recorded(1, _compared(series, arrival), order(series, arrival))
                continue
            judged.duplicates.append(arrival.index)
            if _compared(series, arrival) != before.first:
                judged.conflicts.append(arrival.index)
            if (earlier := order(series, arrival)) < before.least:
                judged.rows.append(series.row(arrival, before.copies))
                before.copies += 1
                before.least = earlier
    return judged


def order(series: Series, arrival: Arrival) -> Row:
    """What decides between equal items: the receipt, then sender's order, at last the content itself."""
    e = arrival.evidence
    return order_of(e.received_at, e.boot_id, e.seq, arrival.item.place, _compared(series, arrival))


def order_of(received_at: datetime, boot_id: str, seq: int, place: int, compared: Row) -> Row:
    """The same of a row that was read back."""
    return received_at, boot_id, seq, place, tuple((value is not None, value) for value in compared)


def _compared(series: Series, arrival: Arrival) -> Row:
    return series.content_of(arrival.item) if series.conflicting else ()
