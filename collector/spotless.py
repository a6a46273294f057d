"""Messages in which nothing is wrong, read in one go; nearly all are.

It gives what `collector.contract` would give item by item, or None where anything at all is out of the ordinary:
nothing is ever refused here, and no reason is given. `tests/generative` holds the two against each other.

That no key stands twice and none is unknown is told by counting quotation marks. Without a backslash they are twice
the texts of a message, and a message's texts are its keys and those of its values that are texts: each key that is
read is counted once, so a second or an unknown one makes the count too large, and nothing can make it too small.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from typing import Any, Literal

import msgspec

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
from collector.values import HUGE, ZERO, instant_us, number

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
    energy_kwh: Decimal
    power_kw: Decimal | None = None
    voltage_v: Decimal | None = None
    current_a: Decimal | None = None
    soc_pct: Decimal | None = None
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


_NUMBERS = ("energy_kwh", "power_kw", "voltage_v", "current_a", "soc_pct")


def _samples(items: list[Any], connectors: Connectors) -> tuple[Columns, int]:
    numbers = [connectors[item.connector_id] for item in items]
    ats = [instant_us(item.at) for item in items]
    values = {name: [_value(getattr(item, name)) for item in items] for name in _NUMBERS}
    sessions = [item.session_id for item in items]
    named = [session_id for session_id in sessions if session_id is not None]
    energies, socs = values["energy_kwh"], values["soc_pct"]
    if not all(map(_is_name, named)) or any(energy is None or energy < ZERO for energy in energies):
        raise _Doubt
    if any(soc is not None and not ZERO <= soc <= 100 for soc in socs):
        raise _Doubt
    given = sum(len(items) - column.count(None) for column in values.values())
    strings = 4 * len(items) + given + 2 * len(named)
    return Columns(MeterItem, (_place[: len(items)], numbers, ats, *values.values(), sessions)), strings


def _value(read: Decimal | None) -> Decimal | None:
    if read is None:
        return None
    value = number(read)
    if value == HUGE:
        raise _Doubt
    return value


_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_MANY = b"0" * 36
"""Where no run of digits is as long, no number is too long to be read (values.from_text)."""


def _samples_of_no_long_numbers(payload: bytes) -> Any:
    if _MANY in payload.translate(_DIGITS):
        raise ValueError
    return _samples_message(payload)


_samples_message = _message("meter", list[_Meter])
_is_name = lru_cache(8192)(is_name)

_READERS: dict[str, list[tuple[Callable[[bytes], Any], Callable[[list[Any], Connectors], tuple[Columns, int]]]]] = {
    "status": [(_message("status", list[_Status]), _statuses)],
    "meter": [(_samples_of_no_long_numbers, _samples)],
    "heartbeat": [(_message("heartbeat", list[_Beats]), _beat_lists), (_message("heartbeat", list[_Beat]), _beats)],
}
_ENVELOPE_STRINGS = 8
"""Its five keys, and schema, boot_id and sent_at."""


def read(kind: str, payload: bytes, received_us: int | None, connectors: Connectors) -> Found | None:
    """The message, or None if it is to be judged item by item."""
    if b"\\" in payload:
        return None
    for decode, columns_of in _READERS.get(kind, ()):
        try:
            message = decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
        try:
            columns, strings = columns_of(message.items, connectors)
            sent_us = instant_us(message.sent_at)
        except (_Doubt, KeyError, ValueError):
            return None
        strings += _ENVELOPE_STRINGS + 2 * (message.msg_id is not None)
        receipt_us = sent_us if received_us is None else received_us
        ats = columns.fields[2]
        if (
            1 <= len(ats) <= MOST_ITEMS
            and payload.count(b'"') == 2 * strings
            and 0 <= message.seq <= MOST_SEQ
            and _is_name(message.boot_id)
            and (received_us is not None or EARLIEST_US <= sent_us < LATEST_US)
            and min(ats) >= EARLIEST_US
            and max(ats) - receipt_us <= AHEAD_US
        ):
            return message.boot_id, message.seq, sent_us, columns
        return None
    return None
