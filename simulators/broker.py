"""Messages straight to a broker: QoS 1, few in flight, every acknowledgement waited for."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from chargewatch.broker import Address, identify, why
from chargewatch.errors import Refusal
from simulators.feed import Message

IN_FLIGHT = 100
PATIENCE_S = 60.0
_NOBODY_LISTENED = 0x10
_FAILED = 0x80


@dataclass(slots=True)
class Published:
    """How the broker answered: acknowledged in all; of these, unheard (nobody subscribed) and refused.

    MQTT 3.1.1 tells neither of the two apart from an ordinary acknowledgement.
    """

    acknowledged: int = 0
    unheard: int = 0
    refused: int = 0


def publish(messages: Iterable[Message], where: Address, seen: Callable[[Message], None] | None = None) -> Published:
    """Publish all messages in their order and return once each one has been acknowledged.

    At most 100 (or what the broker allows) are in flight. Raises Refusal when the broker cannot be reached or
    acknowledges nothing for a minute.
    """
    line = _connected(where)
    try:
        for message in messages:
            line.send(message)
            if seen:
                seen(message)
        line.drain()
    finally:
        line.close()
    return line.result


def _connected(where: Address) -> "_Line":
    reasons = []
    for version in (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311):
        line = _Line(where, version)
        reason = line.connect()
        if reason is None:
            return line
        line.close()
        reasons.append(reason)
    raise Refusal(
        f"the broker at {where} cannot be reached: {reasons[-1]}",
        "CHARGEWATCH_MQTT_URL to name a running MQTT broker",
    )


class _Line:
    """One connection; sending blocks while the window is full."""

    def __init__(self, where: Address, version: MQTTProtocolVersion) -> None:
        self.result = Published()
        self._where = where
        self._answered = threading.Event()
        self._refusal: str | None = None
        self._window = threading.BoundedSemaphore(IN_FLIGHT)
        self._limit = IN_FLIGHT
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        client.max_inflight_messages_set(IN_FLIGHT)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        identify(client, where)
        self._client = client

    def connect(self) -> str | None:
        """Nothing once the broker has accepted us, else why not."""
        try:
            self._client.connect(self._where.host, self._where.port, keepalive=60)
        except (OSError, ValueError) as error:
            return why(error)
        self._client.loop_start()
        if not self._answered.wait(10):
            return "no answer within 10 s"
        return self._refusal

    def send(self, message: Message) -> None:
        self._take_slot()
        info = self._client.publish(self._where.prefix + message.topic, message.payload, qos=1, retain=message.retain)
        # Without a connection paho keeps the message and sends it once it is back.
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            raise Refusal(f"the broker did not take a message: {paho.error_string(info.rc)}")

    def drain(self) -> None:
        for _ in range(self._limit):
            self._take_slot()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take_slot(self) -> None:
        before = self.result.acknowledged
        while not self._window.acquire(timeout=PATIENCE_S):
            if self.result.acknowledged == before:
                raise Refusal(
                    f"the broker acknowledged nothing for {PATIENCE_S:.0f} s after {before} messages",
                    "a broker and a collector that keep taking messages",
                )
            before = self.result.acknowledged

    def _on_connect(
        self, client: paho.Client, data: Any, flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
        elif not self._answered.is_set():
            allowed = getattr(properties, "ReceiveMaximum", IN_FLIGHT)
            while self._limit > max(1, allowed):
                # paho does not heed the broker's Receive Maximum; going beyond it ends the connection.
                self._window.acquire(blocking=False)
                self._limit -= 1
        self._answered.set()

    def _on_publish(
        self, client: paho.Client, data: Any, mid: int, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self.result.acknowledged += 1
        if reason.packetType == PacketTypes.PUBACK and reason.value >= _FAILED:
            self.result.refused += 1
        elif reason.packetType == PacketTypes.PUBACK and reason.value == _NOBODY_LISTENED:
            self.result.unheard += 1
        self._window.release()
