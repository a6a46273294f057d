"""Sends the platform's pulse, by a connection of its own, the way that an operator's message comes."""

import contextlib
import secrets
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from chargewatch.broker import Address, identify
from collector.pulse import rhythm as pulse
from collector.pulse.rhythm import PulseSettings
from collector.topics import pulse_topic

_KEEPALIVE_S = 30


class Heart(threading.Thread):
    """Publishes a pulse every interval while the broker is connected; what the broker refuses is said once.

    While it is not connected nothing is sent, and nothing is sent later in its stead: that is the evidence.
    """

    def __init__(
        self,
        where: Address,
        client_id: str,
        settings: PulseSettings,
        clock: Callable[[], datetime],
        tell: Callable[[str], None],
    ) -> None:
        super().__init__(name="pulse", daemon=True)
        self.topic, self.interval_s = pulse_topic(client_id), float(settings.interval_s)
        self.clock, self.tell, self.where = clock, tell, where
        self._boot_id, self._seq = secrets.token_hex(8), 0
        self._stopping = threading.Event()
        self._told: set[str] = set()
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"{client_id}-pulse", protocol=paho.MQTTv5
        )
        identify(client, where)
        client.reconnect_delay_set(1, max(1, int(self.interval_s)))
        client.on_connect = lambda _c, _u, _flags, reason, _p: self._refused(reason)
        client.on_publish = lambda _c, _u, _mid, reason, _p: self._refused(reason)

    def stop(self) -> None:
        """End the thread; the last pulse is not waited for."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        """Beat until stopped; paho's own thread keeps the connection."""
        with contextlib.suppress(ValueError):
            self._client.connect_async(self.where.host, self.where.port, _KEEPALIVE_S, clean_start=True)
        self._client.loop_start()
        while not self._stopping.is_set():
            if self._client.is_connected():
                self._client.publish(self.topic, pulse.encode(self._boot_id, self._seq, self.clock()), qos=1)
                self._seq += 1
                self._stopping.wait(self.interval_s)
            else:
                self._stopping.wait(min(self.interval_s, 0.2))
        self._client.disconnect()
        self._client.loop_stop()

    def _refused(self, reason: Any) -> None:
        if reason.is_failure and str(reason) not in self._told:
            self._told.add(str(reason))
            self.tell(
                f"The broker at {self.where} refuses the pulse on {self.topic}: {reason}. Collecting goes on; outages"
                " of the platform cannot be told."
            )
