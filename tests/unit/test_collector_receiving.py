"""Deliveries out of a stream of bytes, however the network cuts it; what they are is paho's own reading of them."""

import random
from itertools import pairwise
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt._packet import decode_publish
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.receiving import Delivery, Receiver


class Fed(Receiver):
    """A receiver whose socket is a list of pieces."""

    def __init__(self, version: Any, pieces: list[bytes]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, protocol=version, manual_ack=True)
        self.pieces, self.lost = pieces, []
        self.on_socket_register_write = lambda _c, _u, _s: None
        self.on_disconnect = lambda _c, _u, _f, reason, _p: self.lost.append(reason)

    def _sock_recv(self, bufsize: int) -> bytes:
        if not self.pieces:
            raise BlockingIOError
        return self.pieces.pop(0)

    def all(self) -> list[Delivery]:
        deliveries: list[Delivery] = []
        while self.pieces:
            deliveries += self.receive()
        return deliveries


def length(size: int) -> bytes:
    digits = bytearray()
    while True:
        size, digit = divmod(size, 128)
        digits.append(digit | 0x80 if size else digit)
        if not size:
            return bytes(digits)


def properties(chance: random.Random) -> bytes:
    given = Properties(PacketTypes.PUBLISH)
    if chance.random() < 0.5:
        given.UserProperty = [("k", "v" * chance.choice([1, 200]))]
    return given.pack()


def packet(version: Any, chance: random.Random) -> bytes:
    qos = chance.choice([0, 1, 1, 1])
    topic = chance.choice([b"ev/1/op/status", "ev/1/甲/status".encode(), b"ev/1/\xff/status", b""])
    if version != paho.MQTTv5:
        topic = topic or b"t"
    rest = len(topic).to_bytes(2, "big") + topic + (chance.randrange(1, 65536).to_bytes(2, "big") if qos else b"")
    rest += properties(chance) if version == paho.MQTTv5 else b""
    rest += chance.randbytes(chance.choice([0, 1, 90, 127, 128, 16_500]))
    return bytes([0x30 | qos << 1 | chance.getrandbits(1)]) + length(len(rest)) + rest


def as_paho_reads(version: Any, packet: bytes) -> Delivery:
    start = next(at for at in range(1, 6) if packet[at] < 0x80) + 1
    read = decode_publish(packet[0], packet[start:], version)
    try:
        topic = read.topic.decode()
    except UnicodeDecodeError:
        topic = ""
    return read.mid, read.qos, topic, bytes(read.payload), read.retain


@pytest.mark.parametrize("version", [paho.MQTTv5, paho.MQTTv311])
@pytest.mark.parametrize("seed", range(20))
def test_pieces_of_any_size_give_what_paho_reads(version: Any, seed: int) -> None:
    chance = random.Random(seed)
    packets = [packet(version, chance) for _ in range(60)]
    stream = b"".join(one for each in packets for one in (each, b"\xd0\x00"))  # a ping's answer after each
    most = chance.choice([1, 7, 1000, len(stream)]) if len(stream) < 30_000 else chance.choice([97, 1000, len(stream)])
    cuts = [0]
    while cuts[-1] < len(stream):
        cuts.append(min(len(stream), cuts[-1] + chance.randint(1, most)))
    client = Fed(version, [stream[a:b] for a, b in pairwise(cuts)])
    client._ping_t = 1.0
    assert client.all() == [as_paho_reads(version, each) for each in packets]
    assert client._ping_t == 0.0, "paho has read the pings' answers"
    assert not client.lost


@pytest.mark.parametrize(
    "broken",
    [
        b"\x32\x03\x00\x09a",  # a topic longer than the packet
        b"\x32\x05\x00\x01a\x00\x01\x32\x02",  # no properties
        b"\x32\xff\xff\xff\xff\xff",  # a length of five bytes
        b"\x20\x01\x00",  # a CONNACK without a reason
    ],
)
def test_what_is_no_packet_ends_the_connection_and_costs_no_earlier_delivery(broken: bytes) -> None:
    good = b"\x32\x07\x00\x01a\x00\x05\x00x"
    client = Fed(paho.MQTTv5, [good + broken])
    client._sock = FakeSocket()  # type: ignore[assignment]
    assert client.all() == [(5, 1, "a", b"x", False)]
    assert client.lost
    assert client.socket() is None


class FakeSocket:
    def close(self) -> None:
        pass


def test_the_end_of_the_stream_ends_the_connection() -> None:
    client = Fed(paho.MQTTv5, [b""])
    assert client.all() == []
    assert client.lost


def test_acknowledgements_are_written_together_in_their_order() -> None:
    client = Fed(paho.MQTTv5, [])
    client.acknowledge([7, 1, 65535])
    written = b"".join(bytes(one["packet"]) for one in client._out_packet)
    assert written == b"\x40\x02\x00\x07\x40\x02\x00\x01\x40\x02\xff\xff"
