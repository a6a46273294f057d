"""The window of unacknowledged messages, which bounds the collector's memory, holds whatever it does."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from chargewatch.broker import Address
from collector.mqtt import Message, Subscription
from tests.integration.publishing import Publisher, wait_until
from tests.servers import Broker

WINDOW = 200
MESSAGES = 8_000


@pytest.fixture
def subscription(broker: Broker) -> Any:
    came: list[Message] = []
    one = Subscription(
        Address("127.0.0.1", broker.port),
        client_id="window",
        receive_maximum=WINDOW,
        persistent=True,
        clock=lambda: datetime.now(UTC),
        deliver=came.extend,
        connected=lambda epoch, session_present: None,
        room=lambda: True,
        tell=lambda text: None,
    )
    one.came = came
    one.start()
    assert one.up.wait(10)
    yield one
    one.stop()


def test_no_more_is_read_than_the_window_while_a_queue_waits(broker: Broker, subscription: Any) -> None:
    """mosquitto 2.0 delivers two messages for each acknowledgement while its queue is long."""
    publisher = Publisher(broker.port)
    for number in range(MESSAGES):
        publisher.send(number, "ev/1/op0/status", b"%05d" % number + b"x" * 1000)
    publisher.settle(MESSAGES)
    publisher.close()
    done, most = 0, 0
    deadline = time.monotonic() + 60
    while done < MESSAGES:
        assert time.monotonic() < deadline, f"{len(subscription.came)} of {MESSAGES} came"
        if len(subscription.came) - done < WINDOW // 2 and len(subscription.came) < MESSAGES:
            time.sleep(0.005)
            continue
        time.sleep(0.02)  # so long that it could run ahead
        most = max(most, len(subscription.came) - done)
        part = subscription.came[done : done + WINDOW // 2]
        subscription.acknowledge(part)
        done += len(part)
    assert [int(message.payload[:5]) for message in subscription.came] == list(range(MESSAGES)), "in order, each once"
    # One read of the socket may bring what it holds beyond the window: 64 KiB of messages of 1 KB.
    assert most <= WINDOW + 64


def test_a_silent_while_at_the_brake_keeps_the_connection(
    broker: Broker, subscription: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.mqtt._KEEPALIVE_S", 1)
    broker.stop()
    broker.start()
    wait_until(lambda: subscription.up.is_set() and subscription.epoch == 2)
    publisher = Publisher(broker.port)
    for number in range(2_000):
        publisher.send(number, "ev/1/op0/status", b"x" * 1000)
    publisher.settle(2_000)
    publisher.close()
    wait_until(lambda: len(subscription.came) >= WINDOW)
    subscription.acknowledge(subscription.came[:100])  # the broker sends more than it may, and we stand at the brake
    time.sleep(4)
    assert subscription.up.is_set()
    assert subscription.epoch == 2, "it has been held, and not made anew"
