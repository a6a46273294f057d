"""A client that remembers all that a broker answers it, for tests of what brokers allow."""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.integration.publishing import wait_until


class Client:
    """One connection attempt and what came of it; it reconnects only if asked to."""

    def __init__(
        self,
        port: int,
        user: str | None = None,
        password: str | None = None,
        *,
        client_id: str = "",
        ca: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
        version: Any = paho.MQTTv5,
        keep_session: bool = False,
        will: tuple[str, bytes] | None = None,
        reconnect: bool = False,
    ) -> None:
        five = version == paho.MQTTv5
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version, reconnect_on_failure=reconnect,
            clean_session=None if five else not keep_session,
        )  # fmt: skip
        self.paho.reconnect_delay_set(1, 1)
        self.connects: list[str] = []
        self.disconnects: list[str] = []
        self.answers: dict[int, str] = {}
        self.subscribed: dict[int, list[str]] = {}
        self.got: list[tuple[str, bytes]] = []
        self._lock = threading.Lock()
        if user is not None:
            self.paho.username_pw_set(user, password)
        if ca is not None:
            context = ssl.create_default_context(cafile=str(ca))
            if certificate is not None:
                context.load_cert_chain(*map(str, certificate))
            self.paho.tls_set_context(context)
        if will is not None:
            self.paho.will_set(*will, qos=1)
        self.paho.on_connect = lambda _c, _u, _f, reason, _p: self.connects.append(str(reason))
        self.paho.on_disconnect = lambda _c, _u, _f, reason, _p: self.disconnects.append(str(reason))
        self.paho.on_publish = lambda _c, _u, mid, reason, _p: self.answers.update({mid: str(reason)})
        self.paho.on_subscribe = lambda _c, _u, mid, reasons, _p: self.subscribed.update({mid: list(map(str, reasons))})
        self.paho.on_message = lambda _c, _u, message: self.got.append((message.topic, message.payload))
        more: dict[str, Any] = {}
        if five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 3600 if keep_session else 0
            more = {"clean_start": not keep_session, "properties": properties}
        with contextlib.suppress(OSError):  # a certificate that the broker refuses ends the connection below MQTT
            self.paho.connect("localhost", port, 30, **more)
            self.paho.loop_start()
            wait_until(lambda: bool(self.connects or self.disconnects), 30)

    @property
    def let_in(self) -> bool:
        """Whether the broker accepted the (last) connection."""
        return bool(self.connects) and self.connects[-1] == "Success"

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> str:
        """Publish at QoS 1; the broker's answer, `disconnected` if that was its answer."""
        before = len(self.disconnects)
        mid = self.paho.publish(topic, payload, qos=1, retain=retain).mid
        wait_until(lambda: mid in self.answers or len(self.disconnects) > before, 30)
        return self.answers.get(mid, "disconnected")

    def subscribe(self, topic: str) -> list[str]:
        """Subscribe at QoS 1; the broker's answer."""
        mid = self.paho.subscribe(topic, 1)[1]
        assert mid is not None
        wait_until(lambda: mid in self.subscribed, 30)
        return self.subscribed[mid]

    def drop(self) -> None:
        """Break the connection without a word: the last will is due."""
        self.paho.loop_stop()
        link = self.paho.socket()
        if link is not None:
            link.close()

    def close(self) -> None:
        """Disconnect."""
        self.paho.disconnect()
        self.paho.loop_stop()


@contextlib.contextmanager
def client(*where: Any, **how: Any) -> Iterator[Client]:
    """A client for as long as the block."""
    one = Client(*where, **how)
    try:
        yield one
    finally:
        one.close()
