"""paho's client, but for what comes by the thousand: deliveries are read many at a time, and acknowledged so.

paho asks the socket three times for each packet and writes each acknowledgement by itself; that is two thirds of what a
small message costs. Here one recv brings all that has come, deliveries are taken out of it, and every other packet is
handed to paho, which keeps the session: connecting, subscribing, keep-alive, the end.
"""

from collections.abc import Sequence
from functools import lru_cache
from struct import pack
from time import monotonic

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.exception import MalformedPacket

_AT_ONCE = 1 << 16
_PUBLISH, _PUBACK, _PUBACK_OF_TWO = 0x30, 0x40, 0x4002

Delivery = tuple[int, int, str, bytes, bool]
"""Packet id (0 without acknowledgement), QoS, topic ("" if it is no text), payload, whether it is a retained copy."""


class Receiver(paho.Client):
    """A client whose owner calls `receive` instead of `loop_read`, and `acknowledge` instead of `ack`."""

    _rest = b""

    def receive(self) -> list[Delivery]:
        """The deliveries of one read of the socket, in order; nothing if nothing has come or the connection ended."""
        deliveries: list[Delivery] = []
        try:
            came = self._sock_recv(_AT_ONCE)
        except BlockingIOError:
            return deliveries
        except OSError:
            came = b""
        if not came:
            self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
            return deliveries
        with self._msgtime_mutex:
            self._last_bytes_received = monotonic()
        try:
            self._rest = self._cut(self._rest + came if self._rest else came, deliveries)
        except (IndexError, ValueError, MalformedPacket):
            self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)
        return deliveries

    def leave_unread(self) -> None:
        """Nothing is read for now, on purpose: the broker's answer to a ping may lie unseen behind its deliveries."""
        with self._msgtime_mutex:
            self._last_bytes_received = monotonic()
        self._ping_t = 0.0

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Queue the acknowledgements of these deliveries, in this order, to be written at once."""
        words = [_PUBACK_OF_TWO] * (2 * len(packet_ids))
        words[1::2] = packet_ids
        self._packet_queue(_PUBACK, pack(f"!{len(words)}H", *words), 0, 1)

    def _cut(self, came: bytes, deliveries: list[Delivery]) -> bytes:
        """Take the whole packets off; what remains is the beginning of the next one."""
        start, end = 0, len(came)
        while end - start >= 2:
            command, size, at = came[start], came[start + 1], start + 2
            if size & 0x80:
                size, at = _varying(came, start + 1)
                if not at:
                    break
            after = at + size
            if after > end:
                break
            if command & 0xF0 == _PUBLISH:
                deliveries.append(self._delivery(came, command, at, after))
            else:
                self._in_packet |= {"command": command, "remaining_length": size, "packet": bytearray(came[at:after])}
                code = self._packet_handle()
                self._in_packet |= {"command": 0, "remaining_length": 0, "packet": bytearray()}
                if code > 0:
                    self._loop_rc_handle(code)
                    return b""
            start = after
        return came[start:]

    def _delivery(self, came: bytes, command: int, at: int, after: int) -> Delivery:
        qos, packet_id = command >> 1 & 3, 0
        at += 2
        name = came[at : at + (came[at - 2] << 8 | came[at - 1])]
        at += len(name)
        if qos:
            packet_id = came[at] << 8 | came[at + 1]
            at += 2
        if self._protocol == paho.MQTTv5:
            size = came[at]
            at += 1
            if size & 0x80:
                size, at = _varying(came, at - 1)
            at += size
        if at > after:
            raise ValueError("a delivery that ends before its payload begins")
        return packet_id, qos, _text(name), came[at:after], bool(command & 1)


@lru_cache(10_000)
def _text(topic: bytes) -> str:
    try:
        return topic.decode()
    except UnicodeDecodeError:
        return ""


def _varying(came: bytes, at: int) -> tuple[int, int]:
    """A number of up to four bytes and where it ends; (0, 0) if it has not come to its end yet."""
    value = 0
    for shift in (0, 7, 14, 21):
        if at >= len(came):
            return 0, 0
        value |= (came[at] & 0x7F) << shift
        at += 1
        if came[at - 1] < 0x80:
            return value, at
    raise ValueError("a length of more than four bytes")
