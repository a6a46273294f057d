"""What a kill -9 of the broker itself loses of what it had acknowledged: `python -m tests.faults.broker_loss`."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.servers import Broker

DEFAULTS = ""
_DEPLOYED = Path(__file__).parents[2] / "deploy/mosquitto/production.conf"
_HOLDS = ("autosave_", "persistent_client_expiration", "max_")


def deployed() -> str:
    """What deploy/mosquitto/production.conf says about what the broker holds."""
    lines = _DEPLOYED.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line.startswith(_HOLDS) and not line.startswith("max_connections"))


@contextmanager
def broker(settings: str) -> Iterator[Broker]:
    """A mosquitto that keeps its sessions, and otherwise as set."""
    folder = Path(tempfile.mkdtemp(prefix="mosquitto-"))
    one = Broker(folder)
    user = "user root" if os.geteuid() == 0 else ""
    one.configuration.write_text(
        f"listener {one.port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
        f"sys_interval 1\n{user}\n{settings}\n"
    )
    try:
        one.start()
        yield one
    finally:
        one.kill()
        shutil.rmtree(folder, ignore_errors=True)


class Consumer:
    """One whose session the broker keeps while it is away."""

    def __init__(self, port: int) -> None:
        self.port, self.got = port, 0

    def visit(self, quiet_s: float = 0.5) -> None:
        """Connect, take what there is until nothing more comes, leave."""
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="consumer", protocol=paho.MQTTv5)
        last = [time.monotonic()]

        def took(_client: Any, _data: Any, _message: Any) -> None:
            self.got += 1
            last[0] = time.monotonic()

        client.on_message = took
        client.on_connect = lambda one, *_: one.subscribe("ev/#", qos=1)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", self.port, clean_start=False, properties=properties)
        client.loop_start()
        while time.monotonic() - last[0] < quiet_s:
            time.sleep(0.02)
        client.disconnect()
        client.loop_stop()


def publish(port: int, count: int, size: int = 300, seconds: float = 20, version: Any = paho.MQTTv5) -> int:
    """Publish so many messages at QoS 1; how many of them the broker acknowledged."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False)
    answered: list[int] = []
    client.on_publish = lambda _c, _u, mid, reason, _p: None if reason.is_failure else answered.append(mid)
    refused: list[Any] = []
    client.on_disconnect = lambda _c, _u, _f, reason, _p: refused.append(reason)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for _ in range(count):
        client.publish("ev/1/op0/status", b"x" * size, qos=1)
    deadline = time.monotonic() + seconds
    while len(answered) < count and not refused and time.monotonic() < deadline:
        time.sleep(0.02)
    client.disconnect()
    client.loop_stop()
    return len(answered)


def lost(settings: str, wait_s: float, count: int = 2000) -> tuple[int, int]:
    """Messages acknowledged, and of those the ones gone after kill -9 so long afterwards."""
    with broker(settings) as server:
        consumer = Consumer(server.port)
        consumer.visit()
        acknowledged = publish(server.port, count)
        time.sleep(wait_s)
        server.kill()
        server.start()
        consumer.visit()
    return acknowledged, acknowledged - consumer.got


def main() -> None:
    """Print what is lost with mosquitto's defaults and as deployed."""
    for name, settings in (("defaults", DEFAULTS + "max_queued_messages 0"), ("deploy/mosquitto", deployed())):
        for wait_s in (0.0, 0.5, 1.5, 3.0, 10.0):
            acknowledged, gone = lost(settings, wait_s)
            print(
                f"{name:18} killed {wait_s:4} s after the last acknowledgement: {gone:5} of {acknowledged} lost",
                flush=True,
            )


if __name__ == "__main__":
    main()
