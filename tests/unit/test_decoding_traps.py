"""What a plain msgspec decoder lets pass, or dies of; ours gives each a fate.

| payload | a naive decoder |
|---|---|
| a time without an offset | takes it |
| a number for a time | takes it, as a time |
| two equal keys | takes the last one |
| nested too deep | RecursionError |
| bytes that are no UTF-8, in a field it skips | takes them |
| year 9999 with an offset | OverflowError, later |
| NaN | DecodeError |
"""

from datetime import UTC, datetime

import msgspec
import pytest

from collector.contract import Directory, decode

TOPIC = "ev/1/op0/status"
RECEIVED = datetime(2023, 6, 1, 1, tzinfo=UTC)
KNOWN = Directory({"op0": {"c0": 1}})
GOOD = b'{"connector_id":"c0","at":"2023-06-01T00:00:00Z","status":"available"}'


class NaiveItem(msgspec.Struct):
    connector_id: str
    at: datetime
    status: str


class Naive(msgspec.Struct):
    schema: str
    boot_id: str
    seq: int
    sent_at: datetime
    items: list[NaiveItem]


def envelope(items: bytes, more: bytes = b"", sent_at: bytes = b'"2023-06-01T00:00:00Z"') -> bytes:
    return b'{"schema":"ev.status/1","boot_id":"b","seq":0,"sent_at":' + sent_at + more + b',"items":[' + items + b"]}"


def naively(payload: bytes) -> datetime:
    """What most people write: decode, then reckon with the times."""
    message = msgspec.json.Decoder(Naive, strict=False).decode(payload)
    return max(item.at.astimezone(UTC) for item in message.items)


def item(at: bytes, more: bytes = b"") -> bytes:
    return b'{"connector_id":"c0","at":' + at + b',"status":"available"' + more + b"}"


@pytest.mark.parametrize(
    ("payload", "naive", "reason"),
    [
        (envelope(item(b'"2023-06-01T00:00:00"')), None, "invalid_item"),
        (envelope(item(b"1685577600")), None, "invalid_item"),
        (envelope(item(b'"2023-06-01T00:00:00Z"', b',"status":"faulted"')), None, "invalid_item"),
        (envelope(GOOD, b',"seq":7'), None, "unreadable"),
        (envelope(GOOD, b',"x":' + b"[" * 100_000 + b"]" * 100_000), RecursionError, "unreadable"),
        (envelope(GOOD, b',"x":"\xff"'), None, "unreadable"),
        (envelope(item(b'"9999-12-31T23:59:59-23:59"')), OverflowError, "invalid_item"),
        (envelope(GOOD, sent_at=b'"9999-12-31T23:59:59-23:59"'), None, "unreadable"),
        (envelope(GOOD, b',"x":NaN'), msgspec.DecodeError, "unreadable"),
    ],
    ids=[
        "no offset", "a number", "equal keys of an item", "equal keys", "deep", "no UTF-8", "year 9999",
        "sent in 9999", "NaN",
    ],
)  # fmt: skip
def test_what_a_naive_decoder_takes_or_dies_of_has_a_fate(
    payload: bytes, naive: type[Exception] | None, reason: str
) -> None:
    if naive is None:
        naively(payload)
    else:
        with pytest.raises(naive):
            naively(payload)
    decoded = decode(TOPIC, payload, RECEIVED, KNOWN)
    assert [one.reason for one in decoded.rejected] == [reason], decoded
    assert decoded.accepted == ()
    assert decoded.offered == 1


def test_what_is_as_it_should_be_is_taken() -> None:
    assert [one.at for one in decode(TOPIC, envelope(GOOD), RECEIVED, KNOWN).accepted] == [naively(envelope(GOOD))]
