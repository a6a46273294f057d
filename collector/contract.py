"""Contract 1, version 1: what a message holds, item by item, and why what is not accepted is not.

Pure: topic, bytes, time of receipt and the registry's connectors in, values out. A message is judged in this order, and
the first reason that holds makes the whole of it one quarantined item: `too_large` (bytes), `wrong_operator`,
`unreadable` (topic, encoding, syntax, envelope), `unknown_schema`, `too_large` (items), `invalid_item` (no items).
After that every item is judged by itself (`collector.items`).
"""

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chargewatch.instants import from_us, to_us
from collector import items, spotless
from collector.items import (
    EARLIEST_US,
    LATEST_US,
    MOST_ITEMS,
    MOST_SEQ,
    NAME_CHARACTERS,
    Columns,
    Context,
    Item,
    is_name,
)
from collector.personal import mask
from collector.values import instant_us
from collector.wire import Unfit

MOST_BYTES = 256 * 1024
KINDS = ("status", "meter", "session", "heartbeat")
REASONS = (
    "unreadable", "unknown_schema", "invalid_item", "wrong_operator", "unknown_connector", "clock_future",
    "implausible", "too_large", "personal_data",
)  # fmt: skip

_READERS: dict[str, Callable[[bytes | msgspec.Raw, int, Context], Item]] = {
    "status": items.status,
    "meter": items.meter,
    "session": items.session,
    "heartbeat": items.heartbeat,
}
_LEVELS = 4


class Directory(msgspec.Struct, frozen=True):
    """The registry's connectors: operator_id → connector_id → connector_no. Every registered operator is a key."""

    connectors: Mapping[str, Mapping[str, int]]


class Rejected(msgspec.Struct, frozen=True):
    """An item that is not accepted: why, and its own bytes, personal values masked. A whole message has place 0."""

    place: int
    reason: str
    detail: str
    payload: bytes


class Link(msgspec.Struct, frozen=True):
    """An operator's connection came up (`ready`) or went away (`lost`); for live views only."""

    state: str
    boot_id: str | None


class Decoded(msgspec.Struct, frozen=True):
    """One message with the fate of its items so far; whether an accepted one is a duplicate the store finds out.

    `kind` is one of KINDS, `link`, or `other` where the topic names none. `operator_id` is the topic's, None where it
    names none. The envelope's fields are None where it could not be read; `received_us` is None where nothing tells it,
    and the store takes the platform's clock: a broken line of a capture, in a rehearsal a message without sent_at.
    """

    topic: str
    kind: str
    operator_id: str | None
    boot_id: str | None
    seq: int | None
    sent_us: int | None
    received_us: int | None
    sha256: bytes
    size: int
    columns: Columns | None
    rejected: tuple[Rejected, ...]
    link: Link | None = None

    @property
    def sent_at(self) -> datetime | None:
        """The sender's time of sending."""
        return None if self.sent_us is None else from_us(self.sent_us)

    @property
    def received_at(self) -> datetime | None:
        """The time of receipt."""
        return None if self.received_us is None else from_us(self.received_us)

    @property
    def accepted(self) -> tuple[Item, ...]:
        """The items that are accepted, one by one."""
        return () if self.columns is None else self.columns.items()

    @property
    def offered(self) -> int:
        """Number of items that the message offered."""
        return len(self.rejected) + (0 if self.columns is None else len(self.columns))


class _Envelope(msgspec.Struct):
    schema: str
    boot_id: str
    seq: int
    sent_at: str
    items: list[msgspec.Raw]
    msg_id: str | None = None


class _Link(msgspec.Struct):
    schema: str
    state: str
    boot_id: str | None = None


class _Schema(msgspec.Struct):
    schema: str


_envelope = msgspec.json.Decoder(_Envelope).decode
_link = msgspec.json.Decoder(_Link).decode
_schema = msgspec.json.Decoder(_Schema).decode
_KEYS = [f'"{name}"'.encode() for name in _Envelope.__struct_fields__]


def decode(topic: str, payload: bytes, received_at: datetime | None, directory: Directory) -> Decoded:
    """What a message holds. Without `received_at` the message's own `sent_at` is its receipt (a rehearsal)."""
    topic, operator_id, kind = _address(topic)
    received_us = None if received_at is None else to_us(received_at)
    connectors = directory.connectors.get(operator_id) if operator_id is not None else None
    if connectors is not None and len(payload) <= MOST_BYTES:
        found = spotless.read(kind, payload, received_us, connectors)
        if found is not None:
            boot_id, seq, sent_us, columns = found
            receipt_us = sent_us if received_us is None else received_us
            sha256 = hashlib.sha256(payload).digest()
            return Decoded(
                topic, kind, operator_id, boot_id, seq, sent_us, receipt_us, sha256, len(payload), columns, ()
            )
    return _judged(topic, operator_id, kind, payload, received_us, connectors)


def _judged(
    topic: str,
    operator_id: str | None,
    kind: str,
    payload: bytes,
    received_us: int | None,
    connectors: Mapping[str, int] | None,
) -> Decoded:
    """The same of any message, in the order of this module's rules."""
    head: dict[str, Any] = {
        "topic": topic, "kind": kind, "operator_id": operator_id, "boot_id": None, "seq": None, "sent_us": None,
        "received_us": received_us, "sha256": hashlib.sha256(payload).digest(), "size": len(payload), "columns": None,
    }  # fmt: skip

    def whole(reason: str, detail: str) -> Decoded:
        return Decoded(**head, rejected=(Rejected(0, reason, detail, mask(payload)),))

    if len(payload) > MOST_BYTES:
        return whole("too_large", f"{len(payload)} bytes, at most {MOST_BYTES}")
    if operator_id is None:
        return whole("unreadable", "the topic is not ev/1/{operator_id}/{kind}")
    if connectors is None:
        return whole("wrong_operator", "the topic's operator is not in the registry")
    if kind == "other":
        return whole("unknown_schema", "the topic's last level is none of contract 1")
    try:
        text = payload.decode()
        if kind == "link":
            link = _read_link(payload)
            return Decoded(**head, rejected=(), link=link)
        envelope = _read_envelope(payload, text, kind)
    except Unfit as unfit:
        return whole(unfit.reason, unfit.detail)
    except UnicodeDecodeError:
        return whole("unreadable", "it is not UTF-8")
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        return whole(*_unreadable(payload, kind, error))
    head |= {"boot_id": envelope.boot_id, "seq": envelope.seq, "sent_us": instant_us(envelope.sent_at)}
    if received_us is None and not EARLIEST_US <= head["sent_us"] < LATEST_US:
        return whole("implausible", "sent_at, which is the clock of a rehearsal, is outside 2010 to 2199")
    receipt_us = head["received_us"] = head["sent_us"] if received_us is None else received_us
    if not envelope.items:
        return whole("invalid_item", "the message has no items")
    if len(envelope.items) > MOST_ITEMS:
        return whole("too_large", f"{len(envelope.items)} items, at most {MOST_ITEMS}")
    entries, rejected = _entries(envelope.items, kind)
    if len(entries) + len(rejected) > MOST_ITEMS:
        return whole("too_large", f"{len(entries) + len(rejected)} items, at most {MOST_ITEMS}")
    accepted: list[Item] = []
    reader, context = _READERS[kind], Context(from_us(receipt_us), connectors)
    for place, raw in entries:
        try:
            accepted.append(reader(raw, place, context))
        except Unfit as unfit:
            rejected.append(Rejected(place, unfit.reason, unfit.detail, mask(bytes(raw))))
    head["columns"] = Columns.of(accepted) if accepted else None
    return Decoded(**head, rejected=tuple(rejected))


def broken(line: bytes, why: str) -> Decoded:
    """A line of a capture file that cannot be read: one quarantined item without topic, operator or receipt."""
    rejected = Rejected(0, "unreadable", why, mask(line))
    sha256 = hashlib.sha256(line).digest()
    return Decoded("", "other", None, None, None, None, None, sha256, len(line), None, (rejected,))


def refused_by_the_database(decoded: Decoded, payload: bytes, why: str) -> Decoded:
    """A message that was accepted here and yet cannot be stored: one quarantined item, so that it holds up no other."""
    rejected = Rejected(0, "invalid_item", f"the database refuses it: {why}", mask(payload))
    return msgspec.structs.replace(decoded, columns=None, rejected=(rejected,), link=None)


def item(kind: str, raw: bytes, place: int, received_at: datetime, connectors: Mapping[str, int]) -> Item | Rejected:
    """One item again from the bytes that quarantine kept of it, judged as at its own receipt."""
    try:
        return _READERS[kind](raw, place, Context(received_at, connectors))
    except Unfit as unfit:
        return Rejected(place, unfit.reason, unfit.detail, mask(raw))


@functools.lru_cache(8192)
def _address(topic: str) -> tuple[str, str | None, str]:
    """The topic as it can be stored, its operator, its kind."""
    topic = topic.replace("\0", "\ufffd")
    levels = topic.split("/")
    if len(levels) != _LEVELS or levels[:2] != ["ev", "1"] or not items.is_id(levels[2]):
        return topic, None, "other"
    return topic, levels[2], levels[3] if levels[3] in KINDS or levels[3] == "link" else "other"


def _read_envelope(payload: bytes, text: str, kind: str) -> _Envelope:
    envelope = _envelope(payload)
    if envelope.schema != f"ev.{kind}/1":
        raise Unfit("unknown_schema", f"schema is not ev.{kind}/1")
    if not 0 <= envelope.seq <= MOST_SEQ:
        raise Unfit("unreadable", "seq is not a whole number from 0 on")
    if not is_name(envelope.boot_id):
        raise Unfit("unreadable", f"boot_id is not 1 to {NAME_CHARACTERS} printable characters")
    instant_us(envelope.sent_at)
    _refuse_twofold(payload, text)
    return envelope


def _refuse_twofold(payload: bytes, text: str) -> None:
    """Which of two equal keys was meant, nobody can say afterwards; msgspec lets the last one win."""
    if b"\\" in payload or any(payload.count(key) > 1 for key in _KEYS):
        try:
            # Inside the items a repeated key costs its item only: there the pairs are let pass.
            json.loads(text, object_pairs_hook=_Pairs, parse_float=str, parse_int=str).refuse_repeated()
        except RecursionError:
            raise ValueError("it is nested too deep") from None


class _Pairs:
    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.keys = [key for key, _ in pairs]

    def refuse_repeated(self) -> None:
        if len(set(self.keys)) != len(self.keys):
            raise ValueError("a key stands in the envelope twice")


def _read_link(payload: bytes) -> Link:
    link = _link(payload)
    if link.schema != "ev.link/1":
        raise Unfit("unknown_schema", "schema is not ev.link/1")
    if link.state not in ("ready", "lost"):
        raise Unfit("invalid_item", "state is neither ready nor lost")
    if link.boot_id is not None and not (len(link.boot_id) <= NAME_CHARACTERS and link.boot_id.isprintable()):
        raise Unfit("invalid_item", f"boot_id is not up to {NAME_CHARACTERS} printable characters")
    return Link(link.state, link.boot_id)


def _unreadable(payload: bytes, kind: str, error: Exception) -> tuple[str, str]:
    """A message of another version need not have our envelope: its schema speaks first."""
    try:
        if _schema(payload).schema != f"ev.{kind}/1":
            return "unknown_schema", f"schema is not ev.{kind}/1"
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    if isinstance(error, RecursionError):
        return "unreadable", "it is nested too deep"
    return "unreadable", str(error)


def _entries(raws: list[msgspec.Raw], kind: str) -> tuple[list[tuple[int, bytes | msgspec.Raw]], list[Rejected]]:
    """Items by place; a heartbeat's list is as many items as it has ids, all of one place."""
    if kind != "heartbeat":
        return list(enumerate(raws)), []
    entries: list[tuple[int, bytes | msgspec.Raw]] = []
    rejected = []
    for place, raw in enumerate(raws):
        try:
            entries += [(place, beat) for beat in items.beats(raw)]
        except Unfit as unfit:
            rejected.append(Rejected(place, unfit.reason, unfit.detail, mask(bytes(raw))))
    return entries, rejected
