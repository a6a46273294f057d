"""The collector's decoding against a slow and plain one, over mutated messages: the same items, the same reasons."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import reference_contract as reference
from hypothesis import given
from hypothesis import strategies as st

from collector import contract
from collector.contract import Decoded, Directory
from collector.personal import mask
from tests.mutating import (
    STRANGE_NUMBERS,
    STRANGE_TEXTS,
    STRANGE_TIMES,
    STRANGE_VALUES,
    Valid,
    mutated,
    written,
)  # fmt: skip

RECEIPT = datetime(2023, 6, 1, 1, tzinfo=UTC)
CONNECTORS = {"op": {f"c{n}": 100 - n for n in range(9)}, "empty": {}}
DIRECTORY = Directory(CONNECTORS)
MUTATIONS = 3000


def compare(topic: str, payload: bytes) -> Decoded:
    decoded = contract.decode(topic, payload, RECEIPT, DIRECTORY)
    reading = reference.read(topic, payload, RECEIPT, CONNECTORS)
    assert (decoded.operator_id, decoded.kind) == (reading.operator_id, reading.kind)
    assert (decoded.size, decoded.received_at) == (len(payload), RECEIPT)
    whole = [(one.place, one.reason) for one in decoded.rejected] if not decoded.accepted else []
    if reading.open and whole == [(0, "unreadable")]:
        return decoded
    if reading.open and reading.whole:
        return decoded  # nothing is said of it at all
    if reading.whole:
        assert whole == [(0, reading.whole)]
        assert decoded.rejected[0].payload == mask(payload)
        assert decoded.link is None
        return decoded
    if reading.link is not None:
        assert decoded.link is not None
        assert (decoded.link.state, decoded.link.boot_id) == reading.link
        assert decoded.offered == 0
        return decoded
    assert {name: getattr(decoded, name) for name in ("boot_id", "seq", "sent_at")} == {
        name: reading.envelope[name] for name in ("boot_id", "seq", "sent_at")
    }
    accepted, rejected = [*decoded.accepted], [*decoded.rejected]
    for place in reading.places:
        got = [one for one in accepted if one.place == place.place]
        refused = [one.reason for one in rejected if one.place == place.place]
        if place.open and not got and refused == ["invalid_item"]:
            continue
        assert len(got) + len(refused) == len(place.items)
        if "open" in place.items:
            continue
        assert [comparable(one) for one in got] == [
            {"place": place.place, **values(item)} for item in place.items if isinstance(item, dict)
        ]
        assert refused == [item for item in place.items if isinstance(item, str)]
    assert {one.place for one in [*accepted, *rejected]} == {place.place for place in reading.places}
    return decoded


def comparable(item: Any) -> dict[str, Any]:
    return values(msgspec.structs.asdict(item))


def values(fields: dict[str, Any]) -> dict[str, Any]:
    """Decimals as what is stored of them; connectors in one order."""
    plain = {name: reference.plain(one) if isinstance(one, Decimal) else one for name, one in fields.items()}
    return plain | ({"connector_nos": sorted(fields["connector_nos"])} if "connector_nos" in fields else {})


def retried(decoded: Decoded) -> None:
    """What was refused alone is refused again from the bytes that were kept of it."""
    if decoded.boot_id is not None and decoded.rejected:
        raws = b",".join(one.payload for one in decoded.rejected)
        head = b'{"schema":"ev.%b/1","boot_id":"b","seq":0,"sent_at":"2023-06-01T00:00:00Z","items":[%b]}'
        if decoded.rejected[0].payload.startswith(b'{"schema"'):
            return  # the whole message
        again = contract.decode(decoded.topic, head % (decoded.kind.encode(), raws), RECEIPT, DIRECTORY)
        assert (len(again.accepted), again.offered) == (0, len(decoded.rejected))


@pytest.mark.parametrize("part", range(4))
def test_mutated_messages_are_read_as_the_contract_says(part: int) -> None:
    rng = random.Random(part)
    valid, before, reasons, stored = Valid(rng), b"", set[str](), 0
    for number in range(MUTATIONS // 4):
        kind, message = valid.message()
        payload = written(rng, message)
        changed = mutated(rng, payload, before)
        before = payload
        try:
            decoded = compare(f"ev/1/op/{kind}", changed)
        except AssertionError:
            raise AssertionError(f"part {part}, number {number}, {kind}: {changed!r}") from None
        retried(decoded)
        reasons |= {one.reason for one in decoded.rejected}
        stored += len(decoded.accepted)
    assert reasons >= {"unreadable", "unknown_schema", "invalid_item", "unknown_connector", "implausible"}
    assert stored > MUTATIONS // 4 / 2


AT, PERIOD = "2023-06-01T00:00:00Z", {"start": "2023-06-01T00:00:00Z", "end": "2023-06-01T00:00:01Z", "energy_kwh": 1}
WHOLE: dict[str, dict[str, Any]] = {
    "status": {"connector_id": "c1", "at": AT, "status": "charging", "fault_code": "E1", "detail": "d"},
    "meter": {"connector_id": "c1", "at": AT, "energy_kwh": 1, "power_kw": 2, "voltage_v": 3, "current_a": 4,
              "soc_pct": 5, "session_id": "s"},
    "heartbeat": {"connector_id": "c1", "at": AT},
    "session": {"session_id": "s", "connector_id": "c1", "start": AT, "end": AT, "energy_kwh": 1, "meter_start_kwh": 1,
                "meter_end_kwh": 2, "electricity_fee": 1, "service_fee": 2, "other_fee": 3, "discount": 4,
                "total_fee": 5, "stop_reason": "r", "vehicle": "v", "revision": 1, "void": False},
}  # fmt: skip
WHOLE["period"] = PERIOD | {"electricity_price": 1, "service_price": 2}
ENVELOPE = {"schema": "ev.status/1", "boot_id": "b", "seq": 0, "sent_at": AT, "msg_id": "m", "items": [WHOLE["status"]]}
TOPICS = {"period": "session", "envelope": "status"}
STRANGE = (*STRANGE_NUMBERS, *STRANGE_TEXTS, *STRANGE_TIMES, *STRANGE_VALUES)


def changes(whole: dict[str, Any]) -> Iterator[bytes]:
    """An object with each of its fields left out, null, twofold, or anything strange; and with further fields."""
    written = {name: json.dumps(value) for name, value in whole.items()}
    for name in [*whole, "connector_ids", "periods", "vendor"]:
        others = [f'"{key}":{value}' for key, value in written.items() if key != name]
        twofold = [f'"{name}":{value}' for value in (written.get(name, "1"), '"x"')]
        disguised = [twofold[0], f'"\\u{ord(name[0]):04x}{name[1:]}":{written.get(name, "1")}']
        for fields in ([], twofold, disguised, disguised[1:], *([f'"{name}":{value}'] for value in STRANGE)):
            yield ("{" + ",".join([*others, *fields]) + "}").encode()


def about(kind: str, raw: bytes) -> bytes:
    """A message with this item between two good ones."""
    good = json.dumps(WHOLE[kind] | ({"connector_id": "c2"})).encode()
    return b'{"schema":"ev.%b/1","boot_id":"b","seq":0,"sent_at":"2023-06-01T00:00:00Z","items":[%b]}' % (
        kind.encode(), b",".join([good, raw, good])
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["status", "meter", "heartbeat", "session", "period", "envelope"])
def test_every_field_with_every_strange_value_is_read_as_the_contract_says(kind: str) -> None:
    fates = set()
    for raw in changes(ENVELOPE if kind == "envelope" else WHOLE[kind]):
        if kind == "period":
            session = json.dumps(WHOLE["session"]).encode()
            payload = about("session", session[:-1] + b',"periods":[' + raw + b"]}")
        else:
            payload = raw if kind == "envelope" else about(kind, raw)
        try:
            decoded = compare(f"ev/1/op/{TOPICS.get(kind, kind)}", payload)
        except AssertionError:
            raise AssertionError(f"{raw!r}") from None
        fates |= {(one.reason, len(decoded.rejected)) for one in decoded.rejected} or {("stored", 0)}
    assert len(fates) > 3


@given(
    st.randoms(use_true_random=False),
    st.sampled_from(["ev/1/op/", "ev/1/empty/", "ev/1/no/", "ev/1/op/x/", "ev/2/op/"]),
)
def test_any_mutation_is_read_as_the_contract_says(rng: random.Random, where: str) -> None:
    kind, message = Valid(rng).message()
    compare(where + kind, mutated(rng, written(rng, message), written(rng, message)))


def test_valid_messages_are_stored_whole() -> None:
    rng = random.Random(7)
    valid = Valid(rng, connectors=9)
    for _ in range(500):
        kind, message = valid.message()
        decoded = compare(f"ev/1/op/{kind}", written(rng, message))
        assert decoded.rejected == ()
        assert len(decoded.accepted) >= 1
