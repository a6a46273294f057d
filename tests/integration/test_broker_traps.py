"""The broker's traps, each with mosquitto as deployed and with the setting that loses messages in silence.

| test | trap |
|---|---|
| kill -9 of the broker | mosquitto's autosave: every 30 minutes |
| a consumer that is away | mosquitto's queue: 1,000 messages, then it drops what it acknowledges |
| a message that is too large | message_size_limit: acknowledged and dropped |

A 3.1.1 publisher whose write is refused sees success: test_operators_attack.py.
"""

import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.bring import why_no_broker
from tests.conftest import need
from tests.faults.broker_loss import DEFAULTS, Consumer, broker, deployed, lost, publish
from tests.integration.publishing import wait_until


@pytest.fixture(autouse=True)
def _with_a_broker() -> None:
    need(why_no_broker())


@pytest.mark.parametrize("trap", [False, True])
def test_what_a_killed_broker_had_acknowledged(trap: bool) -> None:
    acknowledged, gone = lost(DEFAULTS if trap else deployed(), wait_s=3.0, count=500)
    assert acknowledged == 500
    assert gone == (500 if trap else 0)


@pytest.mark.parametrize("trap", [False, True])
def test_what_waits_for_a_consumer_that_is_away(trap: bool) -> None:
    with broker(DEFAULTS if trap else deployed()) as server:
        consumer = Consumer(server.port)
        consumer.visit(0.2)
        assert publish(server.port, 1500) == 1500
        consumer.visit()
        assert (consumer.got == 1500) is not trap
        assert (dropped(server.port) > 0) is trap


def dropped(port: int) -> int:
    """What the broker itself says, within two of its seconds, that it has dropped."""
    said: list[bytes] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, message: said.append(message.payload)
    client.on_connect = lambda one, *_: one.subscribe("$SYS/broker/publish/messages/dropped")
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(lambda: len(said) >= 1, 10)
    deadline = time.monotonic() + 2.5
    while int(said[-1]) == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    client.disconnect()
    client.loop_stop()
    return int(said[-1])


@pytest.mark.parametrize("trap", [False, True])
def test_a_message_that_is_too_large_is_seen_by_its_sender(trap: bool) -> None:
    with broker("message_size_limit 393216" if trap else deployed()) as server:
        consumer = Consumer(server.port)
        consumer.visit(0.2)
        # To a sender of MQTT 5 mosquitto 2.0 tells it with either; to one of 3.1.1 it acknowledges and drops.
        acknowledged = publish(server.port, 1, size=400_000, seconds=2, version=paho.MQTTv311)
        consumer.visit(0.3)
        assert consumer.got == 0
        assert (acknowledged == 1) is trap
