"""Contract 1 read slowly and plainly, to hold the collector's decoding to: json, Decimal, one rule after the other.

Nothing is taken from `collector` but what a person's value is (`is_personal`, which has its own tests). Where the rules
leave open what a message is (OPEN below), a reading says so, and both answers are right.

An item is judged in this order: invalid_item, personal_data, implausible, clock_future, unknown_connector. A message:
too_large (bytes), unreadable (topic), wrong_operator, unknown_schema (topic), unreadable (encoding, syntax, nesting),
unknown_schema, unreadable (envelope), invalid_item (no items), too_large (items).

OPEN: an unknown key that stands twice in one object, U+0000 in an unknown field, a zero with an exponent of more than
18 digits, nesting of 500 to 1,000 levels.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from reference_wire import (
    LIST,
    NEEDED,
    NUMBER,
    OPTIONAL,
    TEXT,
    WHOLE,
    YES_NO,
    Bad,
    Object,
    Open,
    document,
    everything,
    fields_of,
    has_nul,
    instant,
    is_id,
    is_name,
    is_of,
    number,
    plain,
    repeats,
)

from collector.personal import is_personal

KINDS = ("status", "meter", "session", "heartbeat")
STATUSES = (
    "available", "preparing", "occupied", "charging", "suspended_ev", "suspended_evse", "finishing", "reserved",
    "unavailable", "faulted", "offline", "unknown",
)  # fmt: skip
EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
ENVELOPE = {
    "schema": (TEXT, NEEDED), "boot_id": (TEXT, NEEDED), "seq": (WHOLE, NEEDED), "sent_at": (TEXT, NEEDED),
    "items": (LIST, NEEDED), "msg_id": (TEXT, OPTIONAL),
}  # fmt: skip
LINK = {"schema": (TEXT, NEEDED), "state": (TEXT, NEEDED), "boot_id": (TEXT, OPTIONAL)}
FIELDS: dict[str, dict[str, tuple[str, bool]]] = {
    "status": {
        "connector_id": (TEXT, NEEDED), "at": (TEXT, NEEDED), "status": (TEXT, NEEDED), "fault_code": (TEXT, OPTIONAL),
        "detail": (TEXT, OPTIONAL),
    },
    "meter": {
        "connector_id": (TEXT, NEEDED), "at": (TEXT, NEEDED), "energy_kwh": (NUMBER, NEEDED),
        "power_kw": (NUMBER, OPTIONAL), "voltage_v": (NUMBER, OPTIONAL), "current_a": (NUMBER, OPTIONAL),
        "soc_pct": (NUMBER, OPTIONAL), "session_id": (TEXT, OPTIONAL),
    },
    "heartbeat": {"connector_id": (TEXT, NEEDED), "at": (TEXT, NEEDED)},
    "session": {
        "session_id": (TEXT, NEEDED), "connector_id": (TEXT, OPTIONAL), "connector_ids": (LIST, OPTIONAL),
        "start": (TEXT, NEEDED), "end": (TEXT, NEEDED), "energy_kwh": (NUMBER, NEEDED),
        "meter_start_kwh": (NUMBER, OPTIONAL), "meter_end_kwh": (NUMBER, OPTIONAL), "periods": (LIST, OPTIONAL),
        "electricity_fee": (NUMBER, OPTIONAL), "service_fee": (NUMBER, OPTIONAL), "other_fee": (NUMBER, OPTIONAL),
        "discount": (NUMBER, OPTIONAL), "total_fee": (NUMBER, OPTIONAL), "stop_reason": (TEXT, OPTIONAL),
        "vehicle": (TEXT, OPTIONAL), "revision": (WHOLE, OPTIONAL), "void": (YES_NO, OPTIONAL),
    },
    "period": {
        "start": (TEXT, NEEDED), "end": (TEXT, NEEDED), "energy_kwh": (NUMBER, NEEDED),
        "electricity_price": (NUMBER, OPTIONAL), "service_price": (NUMBER, OPTIONAL),
    },
}  # fmt: skip
BEATS = ("at", "connector_id", "connector_ids")


@dataclass
class Place:
    """What one entry of `items` comes to: per item its fields or its reason; `open`: or else one invalid item."""

    place: int
    items: list[dict[str, Any] | str]
    open: bool = False


@dataclass
class Reading:
    """What a message is: the reason for all of it, or its places; `open`: or else unreadable as a whole."""

    operator_id: str | None
    kind: str
    whole: str | None = None
    open: bool = False
    link: tuple[str, str | None] | None = None
    envelope: dict[str, Any] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)


def read(topic: str, payload: bytes, received_at: datetime, connectors: dict[str, dict[str, int]]) -> Reading:
    """What contract 1 says of a message that was received then, where these connectors are registered."""
    levels = topic.replace("\0", "\ufffd").split("/")
    known = len(levels) == 4 and levels[:2] == ["ev", "1"] and is_id(levels[2])
    operator_id = levels[2] if known else None
    kind = levels[3] if known and levels[3] in (*KINDS, "link") else "other"
    reading = Reading(operator_id, kind)
    try:
        if len(payload) > 262_144:
            raise Bad("too_large")
        if operator_id is None:
            raise Bad("unreadable")
        if operator_id not in connectors:
            raise Bad("wrong_operator")
        if kind == "other":
            raise Bad("unknown_schema")
        _message(reading, document(payload), received_at, connectors[operator_id])
    except Bad as bad:
        reading.whole = str(bad)
    except Open:
        reading.open = True
        reading.whole = "unreadable"
    return reading


def _message(reading: Reading, document: Any, received_at: datetime, connectors: dict[str, int]) -> None:
    if not isinstance(document, Object):
        raise Bad("unreadable")
    schemas = document.of("schema")
    if not schemas or not all(is_of(TEXT, schema) for schema in schemas):
        raise Bad("unreadable")
    if schemas[-1] != f"ev.{reading.kind}/1":
        raise Bad("unknown_schema")
    if reading.kind == "link":
        reading.link = _link(document)
        return
    envelope = fields_of(document, ENVELOPE, "unreadable")
    envelope["seq"] = int(envelope["seq"][:30])  # more digits than that are more than 2^63, too
    if not 0 <= envelope["seq"] < 2**63:
        raise Bad("unreadable")
    if not is_name(envelope["boot_id"]):
        raise Bad("unreadable")
    envelope["sent_at"] = instant(envelope["sent_at"], "unreadable")
    entries = envelope.pop("items")
    if not entries:
        raise Bad("invalid_item")
    if len(entries) > 1000:
        raise Bad("too_large")
    judge = _Judge(received_at, connectors)
    places = [judge.place(reading.kind, place, entry) for place, entry in enumerate(entries)]
    if sum(len(place.items) for place in places) > 1000:
        raise Bad("too_large")
    reading.places, reading.envelope, reading.open = places, envelope, repeats(document)


def _link(document: Object) -> tuple[str, str | None]:
    for name in LINK:
        if len(document.of(name)) > 1:
            raise Open
    link = fields_of(document, LINK, "unreadable")
    boot_id = link["boot_id"]
    if link["state"] not in ("ready", "lost"):
        raise Bad("invalid_item")
    if boot_id is not None and not (len(boot_id) <= 100 and boot_id.isprintable()):
        raise Bad("invalid_item")
    return link["state"], boot_id


class _Judge:
    def __init__(self, received_at: datetime, connectors: dict[str, int]) -> None:
        self.received_at, self.connectors = received_at, connectors

    def place(self, kind: str, place: int, entry: Any) -> Place:
        opened = any(isinstance(value, Object) and repeats(value) for value in everything(entry))
        if isinstance(entry, Object):
            known = {*FIELDS[kind], *(BEATS if kind == "heartbeat" else ())}
            opened = opened or any(has_nul(value) for key, value in entry if key not in known)
        if kind != "heartbeat":
            return Place(place, [self._verdict(kind, entry)], opened)
        try:
            beats = self._beats(entry)
        except Bad as bad:
            return Place(place, [str(bad)], opened)
        return Place(place, [self._verdict("heartbeat", beat) for beat in beats], opened)

    def _beats(self, entry: Any) -> list[Any]:
        """An entry with a list is one item an id, unless it is no heartbeat at all."""
        if not isinstance(entry, Object) or any(len(entry.of(name)) > 1 for name in BEATS) or not entry.of("at"):
            raise Bad("invalid_item")
        (ids,), (one,) = entry.of("connector_ids") or [None], entry.of("connector_id") or [None]
        if ids is None and one is None:
            raise Bad("invalid_item")
        if ids is None:
            return [entry]
        if one is not None or not is_of(LIST, ids) or not ids or has_nul(entry.of("at")[0]):
            raise Bad("invalid_item")
        return [Object([("at", entry.of("at")[0]), ("connector_id", connector_id)]) for connector_id in ids]

    def _verdict(self, kind: str, entry: Any) -> dict[str, Any] | str:
        try:
            fields = fields_of(entry, FIELDS[kind], "invalid_item")
            if any(has_nul(value) for value in fields.values()):
                raise Bad("invalid_item")
            found: dict[str, Any] = getattr(self, kind)(fields)
            return found
        except Bad as bad:
            return str(bad)
        except Open:
            return "open"

    def status(self, item: dict[str, Any]) -> dict[str, Any]:
        self._connector_ids([item["connector_id"]])
        at = instant(item["at"], "invalid_item")
        if item["status"] not in STATUSES:
            raise Bad("invalid_item")
        self._texts(item["fault_code"], item["detail"])
        self._dates(at, at)
        (no,) = self._numbers([item["connector_id"]])
        return {
            "connector_no": no, "at": at, "status": item["status"], "fault_code": item["fault_code"],
            "detail": item["detail"],
        }  # fmt: skip

    def meter(self, item: dict[str, Any]) -> dict[str, Any]:
        self._connector_ids([item["connector_id"]])
        at = instant(item["at"], "invalid_item")
        names = ("energy_kwh", "power_kw", "voltage_v", "current_a", "soc_pct")
        values = {name: number(item[name]) for name in names if item[name] is not None}
        if item["session_id"] is not None and not is_name(item["session_id"]):
            raise Bad("invalid_item")
        if None in values.values() or values["energy_kwh"] < 0:  # type: ignore[operator]
            raise Bad("implausible")
        if not 0 <= values.get("soc_pct", 0) <= 100:  # type: ignore[operator]
            raise Bad("implausible")
        self._dates(at, at)
        (no,) = self._numbers([item["connector_id"]])
        return {"connector_no": no, "at": at, "session_id": item["session_id"], **{n: values.get(n) for n in names}}

    def heartbeat(self, item: dict[str, Any]) -> dict[str, Any]:
        self._connector_ids([item["connector_id"]])
        at = instant(item["at"], "invalid_item")
        self._dates(at, at)
        (no,) = self._numbers([item["connector_id"]])
        return {"connector_no": no, "at": at}

    def session(self, item: dict[str, Any]) -> dict[str, Any]:
        ids = item["connector_ids"] or []
        if (item["connector_id"] is None) == (not ids) or not all(is_of(TEXT, one) for one in ids):
            raise Bad("invalid_item")
        ids = sorted({item["connector_id"]} if item["connector_id"] is not None else set(ids))
        self._connector_ids(ids)
        if not is_name(item["session_id"]):
            raise Bad("invalid_item")
        revision = int((item["revision"] or "0")[:30])
        if not 0 <= revision < 2**31:
            raise Bad("invalid_item")
        start, end = instant(item["start"], "invalid_item"), instant(item["end"], "invalid_item")
        fees = ("electricity_fee", "service_fee", "other_fee", "discount", "total_fee")
        energies = ("energy_kwh", "meter_start_kwh", "meter_end_kwh")
        values = {name: number(item[name]) for name in (*energies, *fees) if item[name] is not None}
        periods = [self._period(period) for period in item["periods"] or []]
        self._texts(item["stop_reason"], item["vehicle"])
        numbers = [*values.values(), *(value for period in periods for value in period[2].values())]
        if None in numbers:
            raise Bad("implausible")
        measured = [values[name] for name in energies if name in values] + [p[2]["energy_kwh"] for p in periods]
        if any(energy < 0 for energy in measured):  # type: ignore[operator]
            raise Bad("implausible")
        if end < start or any(period[1] < period[0] for period in periods):
            raise Bad("implausible")
        self._dates(end, end, start, *(period[0] for period in periods))
        texts = {name: plain(value) for name, value in values.items() if value is not None}
        body: dict[str, Any] = {name: texts[name] for name in fees if name in texts}
        if periods:
            body["periods"] = [
                {"start": p[0].isoformat(), "end": p[1].isoformat(), **{name: plain(v) for name, v in p[2].items()}}
                for p in periods
            ]
        content = [
            item["session_id"], revision, ids, _z(start), _z(end), *(texts.get(name) for name in energies),
            bool(item["void"]), item["vehicle"], item["stop_reason"], body,
        ]  # fmt: skip
        written = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return {
            "session_id": item["session_id"], "revision": revision, "at": end, "started_at": start,
            "connector_nos": self._numbers(ids), "void": bool(item["void"]), "vehicle": item["vehicle"],
            "stop_reason": item["stop_reason"], "body": body, "total_fee": values.get("total_fee"),
            "content_sha256": hashlib.sha256(written.encode()).digest(), **{n: values.get(n) for n in energies},
        }  # fmt: skip

    def _period(self, entry: Any) -> tuple[datetime, datetime, dict[str, Any]]:
        period = fields_of(entry, FIELDS["period"], "invalid_item")
        names = ("energy_kwh", "electricity_price", "service_price")
        values = {name: number(period[name]) for name in names if period[name] is not None}
        return instant(period["start"], "invalid_item"), instant(period["end"], "invalid_item"), values

    def _connector_ids(self, ids: list[str]) -> None:
        if not all(one in self.connectors or is_id(one) for one in ids):
            raise Bad("invalid_item")

    def _numbers(self, ids: list[str]) -> list[int]:
        if not all(one in self.connectors for one in ids):
            raise Bad("unknown_connector")
        return [self.connectors[one] for one in ids]

    def _texts(self, *texts: str | None) -> None:
        given = [text for text in texts if text is not None]
        if any(len(text) > 1000 for text in given):
            raise Bad("invalid_item")
        if any(is_personal(text) for text in given):
            raise Bad("personal_data")

    def _dates(self, at: datetime, *dates: datetime) -> None:
        if any(date < EARLIEST for date in dates):
            raise Bad("implausible")
        if at > self.received_at + timedelta(minutes=5):
            raise Bad("clock_future")


def _z(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
