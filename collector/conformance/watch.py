"""What an operator sends, from the broker while it is sent, or from capture files; and what the registry says of it."""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from chargewatch import database
from chargewatch.broker import address
from chargewatch.errors import Refusal
from chargewatch.instants import to_us as us_of
from chargewatch.settings import Settings
from collector import capture, contract
from collector.conformance.judgement import DEFAULT_INTERVAL_US, Delivery, Traffic
from collector.contract import Directory
from collector.mqtt import Message, Subscription
from collector.store import directory
from registry import snapshot
from registry.placement import reporting_intervals
from registry.tables import DEFAULT_TIME_ZONE

_WAIT_S = 0.2
_RETAINED_S = 1.0
"""How long the broker gets to send what it keeps, at the end."""


class Agreed:
    """What the registry says of an operator now: its connectors, those in service, its reporting interval."""

    def __init__(self, connection: psycopg.Connection, operator_id: str) -> None:
        known = directory(connection).connectors.get(operator_id)
        if known is None:
            raise Refusal(f"operator {operator_id} is not in the registry", "an operator_id of `registry export`")
        now = database.now(connection)
        registry = snapshot.load(connection, now)
        rows = reporting_intervals(registry, DEFAULT_TIME_ZONE)
        rows = rows[(rows["operator_id"] == operator_id) & (rows["from_us"] <= us_of(now))]
        agreed = rows["interval_us"].fillna(DEFAULT_INTERVAL_US).tolist()
        self.operator_id, self.connectors = operator_id, known
        self.interval_us = int(agreed[-1]) if agreed else DEFAULT_INTERVAL_US
        today = now.astimezone(ZoneInfo(DEFAULT_TIME_ZONE)).date()
        chargers = registry.tables["chargers"]
        gone = {
            charger_id
            for operator, charger_id, retired in zip(
                chargers["operator_id"], chargers["charger_id"], chargers["retired_on"], strict=True
            )
            if operator == operator_id and retired is not None and retired <= today
        }
        connectors = registry.tables["connectors"]
        self.in_service = frozenset(
            connector_id
            for operator, connector_id, charger_id in zip(
                connectors["operator_id"], connectors["connector_id"], connectors["charger_id"], strict=True
            )
            if operator == operator_id and charger_id not in gone and connector_id in known
        )

    def traffic(self, deliveries: Iterable[Delivery], from_us: int, to_us: int, *, live: bool) -> Traffic:
        """What was received in that time, to be judged."""
        return Traffic(
            self.operator_id, self.interval_us, self.connectors, self.in_service, from_us, to_us, tuple(deliveries),
            live,
        )  # fmt: skip

    def delivery(
        self, topic: str, payload: bytes, received_at: datetime, qos: int | None = None, retained: bool = False
    ) -> Delivery:
        """A message as the collector reads it."""
        known = Directory({self.operator_id: self.connectors})
        return Delivery.of(contract.decode(topic, payload, received_at, known), qos, retained)


def watch(
    settings: Settings,
    agreed: Agreed,
    *,
    seconds: float,
    stopping: threading.Event,
    tell: Callable[[str], None],
    advance: Callable[[float, int], None],
) -> Traffic:
    """What the operator sends for so many seconds or until stopped; `advance` is told seconds passed and messages.

    Under a client id of its own that the broker forgets afterwards, so that no collector misses anything.
    """
    deliveries: list[Delivery] = []
    with _Listening(settings, agreed.operator_id, tell) as listening:
        tell(f"Watching {agreed.operator_id} for {seconds:.0f} s; ctrl-C ends it early.")
        began, started = database.machine_time(), time.monotonic()
        last = started
        while not stopping.is_set() and (left := started + seconds - time.monotonic()) > 0:
            message = listening.next(min(left, _WAIT_S))
            if message is not None:
                deliveries.append(_delivery(agreed, message))
            if (now := time.monotonic()) - last >= _WAIT_S:
                advance(now - last, len(deliveries))
                last = now
    ended = database.machine_time()
    # A retained message reaches those who are subscribed already like any other: whoever comes later is told.
    with _Listening(settings, agreed.operator_id, tell) as listening:
        started = time.monotonic()
        while (left := started + _RETAINED_S - time.monotonic()) > 0:
            message = listening.next(left)
            if message is not None and message.retained:
                deliveries.append(_delivery(agreed, message))
    return agreed.traffic(deliveries, us_of(began), us_of(ended), live=True)


def _delivery(agreed: Agreed, message: Message) -> Delivery:
    return agreed.delivery(message.topic, message.payload, message.received_at, message.qos, message.retained)


class _Listening:
    """A subscription to one operator's topics, while it is open."""

    def __init__(self, settings: Settings, operator_id: str, tell: Callable[[str], None]) -> None:
        where = address(settings)
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._subscription = Subscription(
            where,
            client_id=f"{settings.client_id}-conformance-{os.getpid()}",
            receive_maximum=settings.receive_maximum,
            persistent=False,
            clock=database.machine_time,
            deliver=self._take,
            connected=lambda epoch, session_present: None,
            room=lambda: True,
            tell=tell,
            filters=[(f"{where.prefix}ev/1/{operator_id}/+", 1)],
        )

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            self._messages.put(message)

    def __enter__(self) -> "_Listening":
        self._subscription.start()
        while not self._subscription.up.wait(_WAIT_S):
            self._refuse_if_lost()
        return self

    def __exit__(self, *_: object) -> None:
        self._subscription.stop()

    def next(self, seconds: float) -> Message | None:
        """The next message, None if none comes in that time; Refusal once the broker cannot be used."""
        try:
            message = self._messages.get(timeout=seconds)
        except queue.Empty:
            self._refuse_if_lost()
            return None
        self._subscription.acknowledge([message])
        return message

    def _refuse_if_lost(self) -> None:
        if self._subscription.failure:
            raise Refusal(
                f"the broker at {self._subscription.where} cannot be used: {self._subscription.failure}",
                "CHARGEWATCH_MQTT_URL to name a running broker that lets this client in",
            )


def captured(agreed: Agreed, files: Iterable[Path]) -> Traffic:
    """What the operator sent, from capture files; Refusal where they hold nothing of it."""
    deliveries: list[Delivery] = []
    for file in files:
        for one in capture.read(file):
            if isinstance(one, capture.Cut) or one.why or one.received_at is None:
                continue
            if one.topic.startswith(f"ev/1/{agreed.operator_id}/"):
                deliveries.append(agreed.delivery(one.topic, one.payload, one.received_at))
    if not deliveries:
        raise Refusal(f"the files hold no message of operator {agreed.operator_id}", "a recording of its traffic")
    receipts = [one.decoded.received_us for one in deliveries if one.decoded.received_us is not None]
    return agreed.traffic(deliveries, min(receipts), max(receipts), live=False)
