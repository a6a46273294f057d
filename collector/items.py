"""The items of contract 1: how each kind is read, and what a read one is.

An item is judged in this order, and the first reason that holds is its reason: `invalid_item`, `personal_data`,
`implausible`, `clock_future`, `unknown_connector`. What waits as unknown_connector therefore needs nothing but a
registration.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

import msgspec

from chargewatch.instants import US_PER_MIN, from_us, to_us
from collector.personal import is_personal
from collector.values import HUGE, ZERO, instant, number, plain
from collector.wire import (
    BeatWire,
    HeartbeatWire,
    MeterWire,
    PeriodWire,
    SessionWire,
    StatusWire,
    Unfit,
    read_beat,
    read_heartbeat,
    read_meter,
    read_session,
    read_status,
)  # fmt: skip

Status = Literal[
    "available", "preparing", "occupied", "charging", "suspended_ev", "suspended_evse", "finishing", "reserved",
    "unavailable", "faulted", "offline", "unknown",
]  # fmt: skip
STATUSES: frozenset[str] = frozenset(get_args(Status))

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
EARLIEST_US, LATEST_US = to_us(EARLIEST), to_us(datetime(2200, 1, 1, tzinfo=UTC))
AHEAD_US = 5 * US_PER_MIN
"""How far ahead of its receipt an item may be dated (contract 1)."""

MOST_ITEMS = 1000
MOST_SEQ = 2**63 - 1
NAME_CHARACTERS = 100

_ID = re.compile(r"[A-Za-z0-9_.-]{1,50}")
_TEXT_CHARACTERS = 1000
_FEES = ("electricity_fee", "service_fee", "other_fee", "discount", "total_fee")
_MOST_REVISIONS = 2**31 - 1


class StatusItem(msgspec.Struct, frozen=True, gc=False):
    """A connector's status change."""

    place: int
    connector_no: int
    at: datetime
    status: str
    fault_code: str | None
    detail: str | None


class MeterItem(msgspec.Struct, frozen=True, gc=False):
    """A sample of a connector's billing meter; energy is its register in kWh."""

    place: int
    connector_no: int
    at: datetime
    energy_kwh: Decimal
    power_kw: Decimal | None
    voltage_v: Decimal | None
    current_a: Decimal | None
    soc_pct: Decimal | None
    session_id: str | None


class HeartbeatItem(msgspec.Struct, frozen=True, gc=False):
    """Proof of life of one connector."""

    place: int
    connector_no: int
    at: datetime


class SessionItem(msgspec.Struct, frozen=True):
    """A finished charging session; `at` is its end, `body` its periods and fees with decimals as text."""

    place: int
    session_id: str
    revision: int
    content_sha256: bytes
    at: datetime
    started_at: datetime
    connector_nos: list[int]
    energy_kwh: Decimal
    meter_start_kwh: Decimal | None
    meter_end_kwh: Decimal | None
    void: bool
    vehicle: str | None
    stop_reason: str | None
    total_fee: Decimal | None
    body: dict[str, Any]


Item = StatusItem | MeterItem | HeartbeatItem | SessionItem


class Columns(msgspec.Struct, frozen=True):
    """Items of one kind, field by field: a sequence of values for each field of the item, times as µs since 1970.

    Most messages hold nothing that is wrong, and most of an item's work is the same for its neighbours: it is cheaper
    to go through a field of all items than through all fields of an item.
    """

    item: type[Item]
    fields: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return len(self.fields[0])

    @classmethod
    def of(cls, items: Sequence[Item]) -> "Columns":
        """The items' columns; there must be one at least."""
        item = type(items[0])
        fields = zip(*map(msgspec.structs.astuple, items), strict=True)
        named = zip(item.__struct_fields__, fields, strict=True)
        return cls(item, tuple(list(map(to_us, values)) if name in TIMES else values for name, values in named))

    def items(self) -> tuple[Item, ...]:
        """The items, one by one."""
        named = zip(self.item.__struct_fields__, self.fields, strict=True)
        fields = (
            map(from_us, values) if name in TIMES else map(_exact, values) if self.item is MeterItem else values
            for name, values in named
        )
        return tuple(map(self.item, *fields))

    def of_field(self, name: str) -> Sequence[Any]:
        """One column by the field's name."""
        return self.fields[self.item.__struct_fields__.index(name)]


def _exact(value: Any) -> Any:
    return number(Decimal(repr(value))) if type(value) is float else value


TIMES = ("at", "started_at")


class Context(msgspec.Struct, frozen=True):
    """What an item is judged against: its receipt, and its operator's connectors by id."""

    received_at: datetime
    connectors: Mapping[str, int]


def _instant(text: str) -> datetime:
    try:
        return instant(text)
    except ValueError as error:
        raise Unfit("invalid_item", str(error)) from None


def _number(value: object, name: str) -> Decimal:
    try:
        return number(value)
    except ValueError as error:
        raise Unfit("invalid_item", f"{name}: {error}") from None


def _optional(value: object, name: str) -> Decimal | None:
    return None if value is None else _number(value, name)


def is_name(text: str) -> bool:
    """Whether a text can be a boot_id or a session_id: 1 to 100 printable characters."""
    return 1 <= len(text) <= NAME_CHARACTERS and text.isprintable()


def _name(value: str, what: str) -> str:
    if not is_name(value):
        raise Unfit("invalid_item", f"{what} is not 1 to {NAME_CHARACTERS} printable characters")
    return value


def _free(texts: Iterable[str | None]) -> None:
    for text in texts:
        if text is not None and len(text) > _TEXT_CHARACTERS:
            raise Unfit("invalid_item", f"a text has more than {_TEXT_CHARACTERS} characters")


def _not_personal(texts: Iterable[str | None]) -> None:
    if any(text is not None and is_personal(text) for text in texts):
        raise Unfit("personal_data", "a value is a plate, a VIN or a telephone number")


def is_id(text: str) -> bool:
    """Whether a text is an id of contract 3: letters, digits, `_`, `-`, `.`, at most 50."""
    return _ID.fullmatch(text) is not None


def _sought(connector_id: str, context: Context) -> int | None:
    """The connector's number, None where it is not registered: that is the last thing an item is refused for."""
    no = context.connectors.get(connector_id)
    if no is None and not is_id(connector_id):
        raise Unfit("invalid_item", "connector_id is not 1 to 50 letters, digits, '_', '-' or '.'")
    return no


def _possible(energies: Iterable[Decimal | None], others: Iterable[Decimal | None] = ()) -> None:
    if any(energy is not None and not ZERO <= energy < HUGE for energy in energies):
        raise Unfit("implausible", "an energy is negative or beyond anything that can be")
    if any(value is not None and value == HUGE for value in others):
        raise Unfit("implausible", "a number is beyond anything that can be")


def _timely(at: datetime, context: Context, *others: datetime) -> None:
    if at < EARLIEST or any(other < EARLIEST for other in others):
        raise Unfit("implausible", "a date is before 2010")
    if to_us(at) - to_us(context.received_at) > AHEAD_US:
        raise Unfit("clock_future", "it is dated more than 5 min after its receipt")


def _found(no: int | None, connector_id: str) -> int:
    if no is None:
        raise Unfit("unknown_connector", f"connector {connector_id} is not in the registry")
    return no


def status(raw: bytes | msgspec.Raw, place: int, context: Context) -> StatusItem:
    """A status item; Unfit says why not."""
    wire: StatusWire = read_status(raw)
    no, at = _sought(wire.connector_id, context), _instant(wire.at)
    if wire.status not in STATUSES:
        raise Unfit("invalid_item", "status is none of contract 1")
    if wire.fault_code is not None or wire.detail is not None:
        _free((wire.fault_code, wire.detail))
        _not_personal((wire.fault_code, wire.detail))
    _timely(at, context)
    return StatusItem(place, _found(no, wire.connector_id), at, wire.status, wire.fault_code, wire.detail)


def meter(raw: bytes | msgspec.Raw, place: int, context: Context) -> MeterItem:
    """A meter item; Unfit says why not."""
    wire: MeterWire = read_meter(raw)
    no, at = _sought(wire.connector_id, context), _instant(wire.at)
    energy = _number(wire.energy_kwh, "energy_kwh")
    power, voltage = _optional(wire.power_kw, "power_kw"), _optional(wire.voltage_v, "voltage_v")
    current, soc = _optional(wire.current_a, "current_a"), _optional(wire.soc_pct, "soc_pct")
    if wire.session_id is not None:
        _name(wire.session_id, "session_id")
    _possible((energy,), (power, voltage, current))
    if soc is not None and not 0 <= soc <= 100:
        raise Unfit("implausible", "a state of charge is outside 0 to 100")
    _timely(at, context)
    return MeterItem(place, _found(no, wire.connector_id), at, energy, power, voltage, current, soc, wire.session_id)


def beats(raw: bytes | msgspec.Raw) -> list[bytes]:
    """The items that one heartbeat entry is, each as the bytes of its own `at` and `connector_id`."""
    if b"connector_ids" not in bytes(raw) and b"\\" not in bytes(raw):
        return [bytes(raw)]
    wire: HeartbeatWire = read_heartbeat(raw)
    if (bytes(wire.connector_id) in (b"", b"null")) == (wire.connector_ids is None):
        raise Unfit("invalid_item", "either connector_id or connector_ids is expected")
    if wire.connector_ids is None:
        return [bytes(raw)]
    if not wire.connector_ids:
        raise Unfit("invalid_item", "connector_ids is empty")
    at = bytes(wire.at)
    return [b'{"at":%b,"connector_id":%b}' % (at, bytes(one)) for one in wire.connector_ids]


def heartbeat(raw: bytes | msgspec.Raw, place: int, context: Context) -> HeartbeatItem:
    """A heartbeat about one connector; Unfit says why not."""
    wire: BeatWire = read_beat(raw)
    no, at = _sought(wire.connector_id, context), _instant(wire.at)
    _timely(at, context)
    return HeartbeatItem(place, _found(no, wire.connector_id), at)


def session(raw: bytes | msgspec.Raw, place: int, context: Context) -> SessionItem:
    """A session item, also one about several connectors; Unfit says why not."""
    wire: SessionWire = read_session(raw)
    if (wire.connector_id is None) == (not wire.connector_ids):
        raise Unfit("invalid_item", "either connector_id or a list connector_ids is expected")
    named = [wire.connector_id] if wire.connector_id is not None else wire.connector_ids or []
    connector_ids = sorted(set(named))
    sought = [_sought(one, context) for one in connector_ids]
    session_id, revision = _name(wire.session_id, "session_id"), wire.revision or 0
    if not 0 <= revision <= _MOST_REVISIONS:
        raise Unfit("invalid_item", "revision is not a whole number from 0 on")
    started_at, at = _instant(wire.start), _instant(wire.end)
    energy = _number(wire.energy_kwh, "energy_kwh")
    first = _optional(wire.meter_start_kwh, "meter_start_kwh")
    last = _optional(wire.meter_end_kwh, "meter_end_kwh")
    fees = {name: _number(fee, name) for name in _FEES if (fee := getattr(wire, name)) is not None}
    periods = [_period(period) for period in wire.periods or ()]
    _free((wire.stop_reason, wire.vehicle))
    _not_personal((wire.stop_reason, wire.vehicle))
    _possible((energy, first, last, *(period[2] for period in periods)), fees.values())
    _possible((), (price for period in periods for price in period[3:]))
    if at < started_at or any(period[1] < period[0] for period in periods):
        raise Unfit("implausible", "an end is before its start")
    _timely(at, context, started_at, *(period[0] for period in periods))
    nos = [_found(no, one) for no, one in zip(sought, connector_ids, strict=True)]
    body: dict[str, Any] = {name: plain(fee) for name, fee in fees.items()}
    if periods:
        body["periods"] = [_period_body(period) for period in periods]
    content = [
        session_id, revision, connector_ids, started_at, at, plain(energy), plain(first),
        plain(last), bool(wire.void), wire.vehicle, wire.stop_reason, body,
    ]  # fmt: skip
    sha256 = hashlib.sha256(msgspec.json.encode(content, order="sorted")).digest()
    return SessionItem(
        place, session_id, revision, sha256, at, started_at, nos, energy, first, last, bool(wire.void), wire.vehicle,
        wire.stop_reason, fees.get("total_fee"), body,
    )  # fmt: skip


_Spell = tuple[datetime, datetime, Decimal, Decimal | None, Decimal | None]


def _period(wire: PeriodWire) -> _Spell:
    return (
        _instant(wire.start),
        _instant(wire.end),
        _number(wire.energy_kwh, "periods.energy_kwh"),
        _optional(wire.electricity_price, "electricity_price"),
        _optional(wire.service_price, "service_price"),
    )


def _period_body(period: _Spell) -> dict[str, str]:
    start, end, energy, electricity, service = period
    body = {"start": start.isoformat(), "end": end.isoformat(), "energy_kwh": plain(energy)}
    body |= {"electricity_price": plain(electricity), "service_price": plain(service)}
    return {name: text for name, text in body.items() if text is not None}
