"""The traps that others fell into, put back: `python -m tests.faults.traps NAME` is our collector with that one in it.

Each changes one thing of the collector, in this process alone. A test that passes with one of these in it proves
nothing; tests/integration/test_traps.py shows of each that it is found.
"""

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import paho.mqtt.client as paho

import collector.mqtt
import collector.service
from collector.commands import collect
from collector.mqtt import Message, Subscription
from collector.receiving import Receiver
from collector.service import Collector

Replace = Callable[[object, str, Any], None]
"""setattr, or a monkeypatch's, which takes it back."""


def acknowledges_on_receipt(replace: Replace) -> None:
    """As most clients do without being asked."""
    deliver = Collector._deliver

    def at_once(self: Collector, messages: list[Message]) -> None:
        self.subscription.acknowledge(messages)
        deliver(self, messages)

    replace(Collector, "_deliver", at_once)


def acknowledges_whatever_the_connection(replace: Replace) -> None:
    """Packet ids of a connection that is gone, sent on the one that is there."""

    send = Subscription._send_acknowledgements

    def as_if_of_now(self: Subscription, client: Any) -> None:
        for _ in range(len(self._acknowledgements)):
            self._acknowledgements.append(msgspec.structs.replace(self._acknowledgements.popleft(), epoch=self.epoch))
        send(self, client)

    replace(Subscription, "_send_acknowledgements", as_if_of_now)


def acknowledges_out_of_order(replace: Replace) -> None:
    """The last of a batch first."""
    acknowledge = Subscription.acknowledge

    def backwards(self: Subscription, messages: Iterable[Message]) -> None:
        acknowledge(self, list(messages)[::-1])

    replace(Subscription, "acknowledge", backwards)


def session_ends_with_the_connection(replace: Replace) -> None:
    """MQTT 5's default: no expiry is an expiry of nothing."""
    replace(collector.mqtt, "SESSION_EXPIRY_S", 0)


def starts_clean(replace: Replace) -> None:
    """paho's default with MQTT 5: clean at the first connection of every process."""
    connect = Receiver.connect_async

    def clean(self: Any, *arguments: Any, **options: Any) -> None:
        connect(self, *arguments, **{**options, "clean_start": paho.MQTT_CLEAN_START_FIRST_ONLY})

    replace(Receiver, "connect_async", clean)


def blocks_the_callback(replace: Replace) -> None:
    """Waits for the database on the thread that keeps the connection alive."""
    deliver = Collector._deliver

    def wait(self: Collector, messages: list[Message]) -> None:
        deliver(self, messages)
        while self._unacknowledged() and not self.stopping.is_set():
            time.sleep(0.01)

    replace(Collector, "_deliver", wait)


def window_without_end(replace: Replace) -> None:
    """As many messages at a time as MQTT knows."""
    start = Subscription.start

    def wide(self: Subscription) -> None:
        self.receive_maximum = 65535
        start(self)

    replace(Subscription, "start", wide)


def another_window_with_every_connection(replace: Replace) -> None:
    """What was delivered before stays in memory beside what is delivered again."""
    replace(Collector, "_only_here", lambda self: 0)
    replace(Collector, "_comes_again", lambda self, message: False)


def drops_what_a_forgotten_session_delivered(replace: Replace) -> None:
    """Counts on every earlier connection's messages to come again."""
    replace(Collector, "_comes_again", lambda self, message: message.epoch < self._epoch)


def takes_retained_copies(replace: Replace) -> None:
    """A last word that the broker repeats at every subscription, taken for news."""
    deliver = Collector._deliver

    def as_news(self: Collector, messages: list[Message]) -> None:
        deliver(self, [msgspec.structs.replace(one, retained=False) for one in messages])

    replace(Collector, "_deliver", as_news)


def fights_for_its_id_without_a_word(replace: Replace) -> None:
    """A client library's own idea of reliability: whoever took the session, connect again."""
    replace(collector.mqtt, "_TAKEN_OVER", -1)
    replace(collector.mqtt, "_BRIEF_IN_A_ROW", -1)


TRAPS = {
    trap.__name__: trap
    for trap in (
        acknowledges_on_receipt, acknowledges_whatever_the_connection, acknowledges_out_of_order,
        session_ends_with_the_connection, starts_clean, blocks_the_callback, window_without_end,
        another_window_with_every_connection, drops_what_a_forgotten_session_delivered, takes_retained_copies,
        fights_for_its_id_without_a_word,
    )
}  # fmt: skip


def main() -> None:
    """Collect, with the trap that the command line names."""
    TRAPS[sys.argv[1]](setattr)
    collect()


if __name__ == "__main__":
    main()
