"""A publisher that knows what was acknowledged, and a collector to be run beside it."""

import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from tests.commands import Command, Running
from tests.integration.collecting import message, status


class Publisher:
    """Publishes at QoS 1 and knows which messages the broker has acknowledged."""

    def __init__(self, port: int, version: Any = paho.MQTTv5) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self.client.max_inflight_messages_set(500)
        self.sent: dict[int, int] = {}
        self.answered: set[int] = set()
        self.client.on_publish = self._on_publish
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            self.answered.add(mid)

    @property
    def acknowledged(self) -> set[int]:
        """Numbers of the messages that the broker has acknowledged."""
        return {number for mid, number in self.sent.items() if mid in self.answered}

    def send(self, number: int, topic: str, payload: bytes | str, retain: bool = False) -> None:
        self.sent[self.client.publish(topic, payload, qos=1, retain=retain).mid] = number

    def settle(self, count: int, seconds: float = 60) -> None:
        wait_until(lambda: len(self.answered) >= count, seconds)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def collect(chargewatch: Command, **env: str) -> Running:
    running = chargewatch.start("collect", env={f"CHARGEWATCH_{name}": value for name, value in env.items()})
    running.wait_for("Collecting from")
    return running


def stored(connection: psycopg.Connection) -> list[int]:
    """Numbers of the messages whose fact is in the store, one a fact."""
    return [row[0] for row in connection.execute("SELECT seq FROM status_fact ORDER BY 1")]


def numbered(number: int) -> tuple[str, bytes]:
    """A message whose one fact nobody else's is: its number tells its second."""
    return message("status", [status(number % 10, number)], seq=number)[:2]
