"""Contract 1, the message: what makes the whole of it one quarantined item, and in which order that is judged."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from collector.contract import MOST_BYTES, REASONS, Decoded, Directory, Link, decode

RECEIPT = datetime(2023, 6, 1, 0, 0, 1, tzinfo=UTC)
DIRECTORY = Directory({"op": {"c1": 1, "c2": 2}})
STATUS = {"connector_id": "c1", "at": "2023-06-01T08:00:00+08:00", "status": "charging"}


def envelope(kind: str = "status", **changes: Any) -> dict[str, Any]:
    whole = {
        "schema": f"ev.{kind}/1", "msg_id": "m1", "boot_id": "a1", "seq": 42,
        "sent_at": "2023-06-01T08:00:00.120+08:00", "items": [STATUS],
    }  # fmt: skip
    whole.update(changes)
    return {name: value for name, value in whole.items() if value is not ...}


def read(message: bytes | dict[str, Any], topic: str = "ev/1/op/status", receipt: datetime | None = RECEIPT) -> Decoded:
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    return decode(topic, payload, receipt, DIRECTORY)


def test_the_contracts_own_example() -> None:
    decoded = read(envelope())
    assert (decoded.operator_id, decoded.kind, decoded.boot_id, decoded.seq) == ("op", "status", "a1", 42)
    assert decoded.sent_at == datetime(2023, 6, 1, 0, 0, 0, 120000, tzinfo=UTC)
    assert (len(decoded.accepted), decoded.rejected, decoded.offered) == (1, (), 1)
    assert decoded.accepted[0].at == datetime(2023, 6, 1, tzinfo=UTC)


def test_msg_id_and_unknown_fields_are_not_needed() -> None:
    assert read(envelope(msg_id=..., vendor={"a": [1, {"b": None}]})).rejected == ()


WHOLE = [
    ("not JSON", b"hello", "unreadable"),
    ("nothing", b"", "unreadable"),
    ("a list", b"[]", "unreadable"),
    ("cut off", json.dumps(envelope()).encode()[:-2], "unreadable"),
    ("two documents", json.dumps(envelope()).encode() * 2, "unreadable"),
    ("a byte order mark", b"\xef\xbb\xbf" + json.dumps(envelope()).encode(), "unreadable"),
    ("GB 18030", json.dumps(envelope(vendor="温州"), ensure_ascii=False).encode("gb18030"), "unreadable"),
    ("not UTF-8 in a field nobody reads", json.dumps(envelope()).encode()[:-1] + b',"x":"\xff"}', "unreadable"),
    ("half a surrogate pair", json.dumps(envelope()).encode()[:-1] + b',"boot_id":"\\ud800"}', "unreadable"),
    ("NaN", json.dumps(envelope()).encode().replace(b"42", b"NaN"), "unreadable"),
    ("nested too deep", b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "unreadable"),
    ("no schema", envelope(schema=...), "unreadable"),
    ("no boot_id", envelope(boot_id=...), "unreadable"),
    ("no seq", envelope(seq=...), "unreadable"),
    ("no sent_at", envelope(sent_at=...), "unreadable"),
    ("no items", envelope(items=...), "unreadable"),
    ("items null", envelope(items=None), "unreadable"),
    ("items an object", envelope(items={}), "unreadable"),
    ("boot_id a number", envelope(boot_id=1), "unreadable"),
    ("boot_id empty", envelope(boot_id=""), "unreadable"),
    ("boot_id with U+0000", envelope(boot_id="a\0"), "unreadable"),
    ("seq a text", envelope(seq="42"), "unreadable"),
    ("seq true", envelope(seq=True), "unreadable"),
    ("seq with a point", envelope(seq=1.5), "unreadable"),
    ("seq negative", envelope(seq=-1), "unreadable"),
    ("seq beyond 64 bits", envelope(seq=2**63), "unreadable"),
    ("sent_at without an offset", envelope(sent_at="2023-06-01T08:00:00"), "unreadable"),
    ("sent_at beyond the calendar", envelope(sent_at="9999-12-31T23:59:59-08:00"), "unreadable"),
    ("a key twice", json.dumps(envelope()).encode()[:-1] + b',"seq":43}', "unreadable"),
    ("a key twice, once in disguise", json.dumps(envelope()).encode()[:-1] + b',"s\\u0065q":43}', "unreadable"),
    ("another version", envelope(schema="ev.status/2"), "unknown_schema"),
    ("another version with another envelope", {"schema": "ev.status/2", "rows": []}, "unknown_schema"),
    ("the schema of another topic", envelope(schema="ev.meter/1"), "unknown_schema"),
    ("an empty list of items", envelope(items=[]), "invalid_item"),
    ("1,001 items", envelope(items=[STATUS] * 1001), "too_large"),
    ("more than 256 KiB", b"x" * (MOST_BYTES + 1), "too_large"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "reason"), [row[1:] for row in WHOLE], ids=[row[0] for row in WHOLE])
def test_a_message_that_cannot_be_read_is_one_item(message: bytes | dict[str, Any], reason: str) -> None:
    decoded = read(message)
    assert [rejected.reason for rejected in decoded.rejected] == [reason]
    assert decoded.accepted == ()
    assert decoded.offered == 1
    original = message if isinstance(message, bytes) else json.dumps(message).encode()
    assert decoded.rejected[0].payload == original
    assert reason in REASONS


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("ev/1/other/status", "wrong_operator"),
        ("ev/1/other/link", "wrong_operator"),
        ("ev/1/op/tariff", "unknown_schema"),
        ("ev/2/op/status", "unreadable"),
        ("ev/1/op", "unreadable"),
        ("ev/1//status", "unreadable"),
        ("ev/1/a b/status", "unreadable"),
        ("ev/1/op/status/more", "unreadable"),
        ("", "unreadable"),
        ("ev/1/\0/status", "unreadable"),
    ],
)
def test_a_topic_that_is_not_a_registered_operators(topic: str, reason: str) -> None:
    decoded = read(envelope(), topic)
    assert [rejected.reason for rejected in decoded.rejected] == [reason]
    assert "\0" not in decoded.topic


def test_exactly_the_limits_pass() -> None:
    assert len(read(envelope(items=[STATUS] * 1000)).accepted) == 1000
    room = MOST_BYTES - len(json.dumps(envelope(x="")).encode())
    assert read(envelope(x="x" * room)).rejected == ()


def test_size_is_judged_before_anything_is_read_and_the_operator_before_the_payload() -> None:
    assert read(b"x" * (MOST_BYTES + 1), "ev/1/other/status").rejected[0].reason == "too_large"
    assert read(b"nonsense", "ev/1/other/status").rejected[0].reason == "wrong_operator"


def test_in_a_rehearsal_the_senders_clock_is_the_receipt() -> None:
    decoded = read(envelope(), receipt=None)
    assert decoded.received_at == decoded.sent_at
    assert decoded.rejected == ()
    assert read(b"nonsense", receipt=None).received_at is None
    assert read(envelope(sent_at="1970-01-01T00:00:00Z"), receipt=None).rejected[0].reason == "implausible"


def test_outside_of_a_rehearsal_the_senders_clock_decides_nothing() -> None:
    assert read(envelope(sent_at="1970-01-01T00:00:00Z")).rejected == ()


def test_a_link_is_no_item() -> None:
    ready = {"schema": "ev.link/1", "state": "ready", "boot_id": "a1"}
    decoded = read(ready, "ev/1/op/link")
    assert (decoded.offered, decoded.link) == (0, Link("ready", "a1"))
    assert read({**ready, "state": "lost"}, "ev/1/op/link").link == Link("lost", "a1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"state": "maybe"}, "invalid_item"), ({"schema": "ev.link/2"}, "unknown_schema"), ({"state": 1}, "unreadable")],
)
def test_a_link_that_cannot_be_read_is_quarantined(changes: dict[str, Any], reason: str) -> None:
    decoded = read({"schema": "ev.link/1", "state": "ready", "boot_id": "a1", **changes}, "ev/1/op/link")
    assert [rejected.reason for rejected in decoded.rejected] == [reason]
    assert decoded.link is None
