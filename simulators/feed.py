"""Messages of contract 1 as an operator's platform would send them: numbered, and never larger than allowed."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chargewatch.instants import iso

MAX_ITEMS = 1_000
MAX_BYTES = 256 * 1024
_HEAD_BYTES = 512  # more than the fields before `items` can take: ids have at most 50 characters

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message: when it was sent, when it reached the platform (µs since 1970), and its bytes.

    `is_json` is false for bytes that were spoilt on purpose; a capture file carries those as base64.
    """

    operator_id: str
    topic: str
    payload: bytes
    sent_us: int
    received_us: int
    is_json: bool = True
    retain: bool = False


def topic(operator_id: str, kind: str) -> str:
    """Topic of one operator's messages of a kind."""
    return f"ev/1/{operator_id}/{kind}"


class Sender:
    """One operator's platform since its last start: `boot_id`, and `seq` counted from 0."""

    def __init__(self, operator_id: str, boot_id: str) -> None:
        self.operator_id = operator_id
        self.boot_id = boot_id
        self.seq = 0

    def messages(
        self, kind: str, items: Iterable[Mapping[str, Any]], sent_us: int, received_us: int
    ) -> Iterator[Message]:
        """Messages that carry these items in their order, as few as the limits allow.

        An item is a mapping of contract fields: Decimal becomes a JSON number, digit for digit; a heartbeat's
        `connector_ids` (at most 1,000) counts as many items as it has ids.
        """
        encoded = (
            (_encoder.encode(item), len(item.get("connector_ids", ())) or 1 if kind == "heartbeat" else 1)
            for item in items
        )
        yield from self.packed(kind, encoded, sent_us, received_us)

    def packed(
        self, kind: str, items: Iterable[tuple[bytes, int]], sent_us: int, received_us: int
    ) -> Iterator[Message]:
        """The same of items that are encoded already, each with the number of items that it counts as."""
        batch: list[bytes] = []
        size = count = 0
        for encoded, weight in items:
            if batch and (count + weight > MAX_ITEMS or size + len(encoded) + 1 > MAX_BYTES - _HEAD_BYTES):
                yield self._message(kind, batch, sent_us, received_us)
                batch, size, count = [], 0, 0
            batch.append(encoded)
            size += len(encoded) + 1
            count += weight
        if batch:
            yield self._message(kind, batch, sent_us, received_us)

    def link(self, state: str, at_us: int, received_us: int) -> Message:
        """The operator's connection as it is now, retained; it has no number."""
        payload = _encoder.encode({"schema": "ev.link/1", "state": state, "boot_id": self.boot_id})
        return Message(self.operator_id, topic(self.operator_id, "link"), payload, at_us, received_us, retain=True)

    def envelope(self, kind: str, sent_us: int) -> dict[str, Any]:
        """The next message's fields but its items; takes the next number."""
        name = hashlib.blake2b(f"{self.operator_id}/{self.boot_id}/{self.seq}".encode(), digest_size=8)
        self.seq += 1
        return {
            "schema": f"ev.{kind}/1",
            "msg_id": name.hexdigest(),
            "boot_id": self.boot_id,
            "seq": self.seq - 1,
            "sent_at": iso(sent_us),
        }

    def heartbeats(self, at_us: int, connector_ids: Sequence[str], sent_us: int, received_us: int) -> Iterator[Message]:
        """Messages that prove all these connectors alive at one instant."""
        at = iso(at_us)
        lists = [connector_ids[first : first + MAX_ITEMS] for first in range(0, len(connector_ids), MAX_ITEMS)]
        yield from self.messages("heartbeat", [{"at": at, "connector_ids": ids} for ids in lists], sent_us, received_us)

    def _message(self, kind: str, items: list[bytes], sent_us: int, received_us: int) -> Message:
        head = _encoder.encode(self.envelope(kind, sent_us))
        payload = head[:-1] + b',"items":[' + b",".join(items) + b"]}"
        return Message(self.operator_id, topic(self.operator_id, kind), payload, sent_us, received_us)
