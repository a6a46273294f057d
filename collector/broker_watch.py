"""The broker's own counters (`$SYS`), among them the messages that it dropped, as metrics of the collector.

By a connection of its own, so that neither waits for the other. Brokers other than mosquitto may have no `$SYS`, and an
access list may close it: then the metrics are absent and that is said once.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chargewatch.broker import Address, identify

_KEEPALIVE_S = 30
_PATIENCE_S = 15.0
"""What is retained comes at once; mosquitto renews it every 10 s."""

_COUNTERS = {
    "$SYS/broker/publish/messages/dropped": (
        "chargewatch_broker_dropped", "Messages that the broker dropped: a queue was full, or nobody may have them.",
    ),
    "$SYS/broker/publish/messages/received": (
        "chargewatch_broker_received", "Messages that clients sent to the broker, with those that it refused.",
    ),
}  # fmt: skip
_GAUGES = {
    "$SYS/broker/store/messages/count": ("chargewatch_broker_stored_messages", "Messages that the broker holds."),
    "$SYS/broker/store/messages/bytes": ("chargewatch_broker_stored_bytes", "Payloads of the messages that it holds."),
    "$SYS/broker/heap/current": ("chargewatch_broker_heap_bytes", "Memory that the broker has allocated."),
    "$SYS/broker/clients/connected": ("chargewatch_broker_clients", "Clients connected to the broker."),
}


class BrokerWatch(Collector):
    """Keeps the latest figures while `start`ed; prometheus_client asks `collect` for them. Absent while unknown."""

    def __init__(self, where: Address, client_id: str, tell: Callable[[str], None]) -> None:
        self._where, self._tell = where, tell
        self._figures: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker watch", daemon=True)
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"{client_id}-watch", protocol=paho.MQTTv5
        )
        identify(client, where)
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message

    def start(self) -> None:
        """Connect, and stay connected."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect."""
        self._stopping.set()
        self._thread.join()

    def collect(self) -> Iterator[Metric]:
        """The metrics of one scrape."""
        with self._lock:
            figures = dict(self._figures)
        for topic, (name, help) in _COUNTERS.items():
            if topic in figures:
                yield CounterMetricFamily(name, help, value=figures[topic])
        for topic, (name, help) in _GAUGES.items():
            if topic in figures:
                yield GaugeMetricFamily(name, help, value=figures[topic])

    def _run(self) -> None:
        with suppress(ValueError):
            self._client.connect_async(self._where.host, self._where.port, _KEEPALIVE_S, clean_start=True)
        self._client.loop_start()
        if not self._stopping.wait(_PATIENCE_S):
            with self._lock:
                silent = not self._figures
            if silent:
                self._tell(
                    f"The broker at {self._where} shows none of its own counters ($SYS/broker/…), so what it drops "
                    "cannot be alarmed on."
                )
        self._stopping.wait()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            client.subscribe([(topic, 0) for topic in (*_COUNTERS, *_GAUGES)])

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        with self._lock:
            self._figures.clear()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        with suppress(ValueError), self._lock:
            self._figures[message.topic] = float(message.payload)
