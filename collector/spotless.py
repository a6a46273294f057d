"""Messages in which nothing is wrong, read in one go; nearly all are.

It gives what `collector.contract` would give item by item, or None where anything at all is out of the ordinary:
nothing is ever refused here, and no reason is given. `tests/generative` holds the two against each other.

That no key stands twice and none is unknown is told by counting quotation marks. Without a backslash they are twice
the texts of a message, and a message's texts are its keys and those of its values that are texts: each key that is
read is counted once, so a second or an unknown one makes the count too large, and nothing can make it too small.
"""

from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any, Literal

import msgspec
from msgspec.structs import astuple

from collector.items import (
    AHEAD_US,
    EARLIEST_US,
    LATEST_US,
    MOST_ITEMS,
    MOST_SEQ,
    Columns,
    HeartbeatItem,
    MeterItem,
    Status,
    StatusItem,
    is_name,
)
from collector.values import instant_us

Connectors = Mapping[str, int]
Found = tuple[str, int, int, Columns]
"""boot_id, seq, sent_us, and the items."""


class _Status(msgspec.Struct, gc=False):
    connector_id: str
    at: str
    status: Status


class _Meter(msgspec.Struct, gc=False):
    connector_id: str
    at: str
    energy_kwh: float
    power_kw: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    soc_pct: float | None = None
    session_id: str | None = None


class _Beat(msgspec.Struct, gc=False):
    connector_id: str
    at: str


class _Beats(msgspec.Struct, gc=False):
    connector_ids: list[str]
    at: str


def _message(kind: str, items: Any) -> Callable[[bytes], Any]:
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("schema", Literal[f"ev.{kind}/1"]), ("boot_id", str), ("seq", int), ("sent_at", str), ("items", items),
        ("msg_id", str | None, None),
    ]  # fmt: skip
    return msgspec.json.Decoder(msgspec.defstruct(f"_{kind}", fields, gc=False)).decode


_place = list(range(MOST_ITEMS))


class _Doubt(Exception):
    """Something is out of the ordinary."""


def _statuses(items: list[Any], connectors: Connectors) -> tuple[Columns, int]:
    nothing = [None] * len(items)
    numbers = [connectors[item.connector_id] for item in items]
    ats = [instant_us(item.at) for item in items]
    statuses = [item.status for item in items]
    return Columns(StatusItem, (_place[: len(items)], numbers, ats, statuses, nothing, nothing)), 6 * len(items)


def _beats(items: list[Any], connectors: Connectors) -> tuple[Columns, int]:
    numbers = [connectors[item.connector_id] for item in items]
    ats = [instant_us(item.at) for item in items]
    return Columns(HeartbeatItem, (_place[: len(items)], numbers, ats)), 4 * len(items)


def _beat_lists(items: list[Any], connectors: Connectors) -> tuple[Columns, int]:
    places: list[int] = []
    ats: list[int] = []
    for place, item in enumerate(items):
        if not item.connector_ids:
            raise _Doubt
        places += repeat(place, len(item.connector_ids))
        ats += repeat(instant_us(item.at), len(item.connector_ids))
    numbers = [connectors[connector_id] for item in items for connector_id in item.connector_ids]
    return Columns(HeartbeatItem, (places, numbers, ats)), 3 * len(items) + len(numbers)


def _samples(items: list[Any], connectors: Connectors) -> tuple[Columns, int]:
    ids, times, *values, sessions = zip(*map(astuple, items), strict=True)
    numbers = [connectors[connector_id] for connector_id in ids]
    ats = list(map(instant_us, times))
    energies, _, _, _, socs = values
    strings = 4 * len(items)
    for column in values:
        given = column if None not in column else [value for value in column if value is not None]
        strings += len(given)
        if not given:
            continue
        least, most = min(given), max(given)
        if not -_BEYOND < least <= most < _BEYOND or (column is energies and least < 0):
            raise _Doubt
        if column is socs and not 0 <= least <= most <= 100:
            raise _Doubt
    named = [session_id for session_id in sessions if session_id is not None]
    if not all(map(is_name, named)):
        raise _Doubt
    strings += 2 * len(named)
    return Columns(MeterItem, (_place[: len(items)], numbers, ats, *values, sessions)), strings


def _tiny(sample: _Meter) -> bool:
    """Whether a value may be nothing as a float and something as it stood there."""
    values = (sample.energy_kwh, sample.power_kw, sample.voltage_v, sample.current_a, sample.soc_pct)
    return any(value is not None and abs(value) < _LEAST for value in values)


_BEYOND, _LEAST = 1e15, 1e-50
_ZEROS = bytes.maketrans(b"123456789.:\t\r\n", b"0000000000    ")
_LONG, _LONG_NEGATIVE = b" " + b"0" * 16, b" -" + b"0" * 16
"""Where a number can begin, one of more digits than floats tell apart."""


def _sampled(payload: bytes) -> Any:
    """Numbers of at most 15 digits: each is the shortest text of its float, and floats are ten times as fast."""
    zeros = payload.translate(_ZEROS)
    if _LONG in zeros or _LONG_NEGATIVE in zeros:
        raise ValueError
    message = _sampled_message(payload)
    if (b"e-" in payload or b"E-" in payload) and any(map(_tiny, message.items)):
        raise ValueError
    return message


_sampled_message = _message("meter", list[_Meter])

_Reader = tuple[Callable[[bytes], Any], Callable[[list[Any], Connectors], tuple[Columns, int]]]
_STATUSES: _Reader = _message("status", list[_Status]), _statuses
_SAMPLES: _Reader = _sampled, _samples
_BEATS: _Reader = _message("heartbeat", list[_Beat]), _beats
_BEAT_LISTS: _Reader = _message("heartbeat", list[_Beats]), _beat_lists


def _reader(kind: str, payload: bytes) -> _Reader | None:
    if b"\\" in payload:
        return None
    if kind == "heartbeat":
        return _BEAT_LISTS if b'"connector_ids"' in payload else _BEATS
    if kind == "meter":
        return _SAMPLES
    return _STATUSES if kind == "status" else None


_ENVELOPE_STRINGS = 8
"""Its five keys, and schema, boot_id and sent_at."""


def read(kind: str, payload: bytes, received_us: int | None, connectors: Connectors) -> Found | None:
    """The message, or None if it is to be judged item by item."""
    if (reader := _reader(kind, payload)) is None:
        return None
    decode, columns_of = reader
    try:
        message = decode(payload)
        if not 1 <= len(message.items) <= MOST_ITEMS:
            return None
        columns, strings = columns_of(message.items, connectors)
        sent_us = instant_us(message.sent_at)
    except (msgspec.MsgspecError, RecursionError, ValueError, KeyError, _Doubt):
        return None
    strings += _ENVELOPE_STRINGS + 2 * (message.msg_id is not None)
    receipt_us = sent_us if received_us is None else received_us
    ats = columns.fields[2]
    if (
        len(ats) <= MOST_ITEMS
        and payload.count(b'"') == 2 * strings
        and 0 <= message.seq <= MOST_SEQ
        and is_name(message.boot_id)
        and (received_us is not None or EARLIEST_US <= sent_us < LATEST_US)
        and min(ats) >= EARLIEST_US
        and max(ats) - receipt_us <= AHEAD_US
    ):
        return message.boot_id, message.seq, sent_us, columns
    return None
