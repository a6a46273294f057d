"""Messages with a number each, and a publisher that writes down which of them the broker has acknowledged."""

import json
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

START = datetime(2023, 6, 1, tzinfo=UTC)
CONNECTORS, OPERATORS = 40, 3
_BAD = ({"connector_id": "c0"}, 7, {"connector_id": "nobody", "at": START.isoformat(), "status": "available"})


def register(connection: psycopg.Connection) -> None:
    """The operators and connectors that the messages speak of."""
    connection.execute(
        "INSERT INTO connector_keys (operator_id, connector_id) SELECT 'op' || o, 'c' || c"
        " FROM generate_series(0, %s) AS o, generate_series(0, %s) AS c",
        [OPERATORS - 1, CONNECTORS - 1],
    )


def good_items(number: int) -> int:
    """How many facts that message holds."""
    return 1 + number % 3


def message(number: int, boot: str) -> tuple[str, bytes]:
    """One to three facts that no other message tells, and in every eleventh message something that is none."""
    items: list[Any] = [
        {
            "connector_id": f"c{(number + place) % CONNECTORS}",
            "at": (START + timedelta(seconds=number)).isoformat(),
            "status": "available",
        }
        for place in range(good_items(number))
    ]
    if number % 11 == 0:
        items.append(_BAD[number % len(_BAD)])
    body = {"schema": "ev.status/1", "boot_id": boot, "seq": number, "sent_at": START.isoformat(), "items": items}
    return f"ev/1/op{number % OPERATORS}/status", json.dumps(body).encode()


class Publisher:
    """Publishes at QoS 1 straight to the broker, over its restarts, and keeps the set of what was acknowledged."""

    def __init__(self, port: int) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.max_inflight_messages_set(100)
        self.client.max_queued_messages_set(0)
        self.client.reconnect_delay_set(0.2, 0.5)  # type: ignore[arg-type]
        self._numbers: dict[int, int] = {}
        self._answered: list[int] = []
        self.client.on_publish = self._on_publish
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            self._answered.append(mid)

    def send(self, number: int, boot: str) -> None:
        """Hand one message to the client; it sends it again until it is acknowledged."""
        self._numbers[self.client.publish(*message(number, boot), qos=1).mid] = number

    def settle(self, seconds: float = 60) -> None:
        """Until everything sent is acknowledged."""
        deadline = time.monotonic() + seconds
        while len(self._answered) < len(self._numbers):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._numbers) - len(self._answered)} messages were never acknowledged")
            time.sleep(0.02)

    def take_acknowledged(self) -> set[int]:
        """Numbers acknowledged since this was last asked; all sent ones must be settled (packet ids come again)."""
        taken = {self._numbers[mid] for mid in self._answered}
        self._numbers, self._answered = {}, []
        return taken

    def close(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()


class Stream(threading.Thread):
    """Sends numbered messages at an uneven pace until it is stopped."""

    def __init__(self, publisher: Publisher, dice: random.Random, first: int, boot: str, per_second: float) -> None:
        super().__init__(daemon=True)
        self.publisher, self.dice, self.boot, self.per_second = publisher, dice, boot, per_second
        self.first = self.next = first
        self._stopping = threading.Event()

    def run(self) -> None:
        """Bursts and pauses, on the average `per_second`."""
        while not self._stopping.is_set():
            burst = self.dice.randint(1, 40)
            for _ in range(burst):
                self.publisher.send(self.next, self.boot)
                self.next += 1
            self._stopping.wait(burst / self.per_second * self.dice.uniform(0.5, 1.5))

    def stop(self) -> None:
        """Stop sending."""
        self._stopping.set()
        self.join()
