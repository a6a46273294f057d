"""The items of contract 1 as they stand in a message, before they are judged: fields and types, nothing twofold."""

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from collector.values import from_text


class Unfit(Exception):
    """Why an item is not accepted: a reason code of contract 1 and one clause in words."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail


class Wire(msgspec.Struct):
    """Fields of an entry; an optional one may be null."""


class StatusWire(Wire):
    """An entry of `status`."""

    connector_id: str
    at: str
    status: str
    fault_code: str | None = None
    detail: str | None = None


class MeterWire(Wire):
    """An entry of `meter`; numbers as they were decoded."""

    connector_id: str
    at: str
    energy_kwh: Any
    power_kw: Any = None
    voltage_v: Any = None
    current_a: Any = None
    soc_pct: Any = None
    session_id: str | None = None


_ABSENT = msgspec.Raw()


class HeartbeatWire(Wire):
    """An entry of `heartbeat`: one connector or a list."""

    at: msgspec.Raw
    connector_id: msgspec.Raw = _ABSENT
    connector_ids: list[msgspec.Raw] | None = None


class BeatWire(Wire):
    """A heartbeat about one connector."""

    at: str
    connector_id: str


class PeriodWire(Wire):
    """A part of a session at one price."""

    start: str
    end: str
    energy_kwh: Any
    electricity_price: Any = None
    service_price: Any = None


class SessionWire(Wire):
    """An entry of `session`."""

    session_id: str
    start: str
    end: str
    energy_kwh: Any
    connector_id: str | None = None
    connector_ids: list[str] | None = None
    meter_start_kwh: Any = None
    meter_end_kwh: Any = None
    periods: list[PeriodWire] | None = None
    electricity_fee: Any = None
    service_fee: Any = None
    other_fee: Any = None
    discount: Any = None
    total_fee: Any = None
    stop_reason: str | None = None
    vehicle: str | None = None
    revision: int | None = None
    void: bool | None = None


def _reader(wire: type[Wire], *texts: str) -> Callable[[bytes | msgspec.Raw], Any]:
    """Reads one item; `texts` names the fields of the wire that are text."""
    decode = msgspec.json.Decoder(wire, float_hook=from_text).decode
    fields = wire.__struct_fields__
    keys = [f'"{name}"'.encode() for name in fields]
    astuple, texts_of = msgspec.structs.astuple, attrgetter(*texts)

    def read(raw: bytes | msgspec.Raw) -> Any:
        try:
            value = decode(raw)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise Unfit("invalid_item", _clause(error)) from None
        text = bytes(raw)
        # msgspec lets the last of two equal keys win; which one was meant, nobody can say afterwards. Where every
        # quotation mark is accounted for by a field there is neither a second key nor an unknown one.
        marks = 2 * (len(fields) - astuple(value).count(None) + len(texts) - texts_of(value).count(None))
        if b"\\" in text or (text.count(b'"') != marks and any(text.count(key) > 1 for key in keys)):
            _refuse_twofold(text)
        return value

    return read


def _clause(error: Exception) -> str:
    return str(error) if isinstance(error, msgspec.ValidationError) else "it cannot be read"


def refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For json's `object_pairs_hook`: an object whose keys are all different, or ValueError."""
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key stands in it twice")
    return read


def _refuse_twofold(text: bytes) -> None:
    try:
        value = json.loads(text, object_pairs_hook=refuse_repeated_keys, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise Unfit("invalid_item", str(error) if "twice" in str(error) else "it cannot be read") from None
    if any(isinstance(field, str) and "\0" in field for field in value.values()):
        raise Unfit("invalid_item", "a text holds U+0000")


read_status = _reader(StatusWire, "connector_id", "at", "status", "fault_code", "detail")
read_meter = _reader(MeterWire, "connector_id", "at", "session_id")
read_session = _reader(SessionWire, "session_id", "start", "end", "connector_id", "stop_reason", "vehicle")
read_beat = _reader(BeatWire, "connector_id", "at")
read_heartbeat = _reader(HeartbeatWire, "connector_ids", "connector_id")
