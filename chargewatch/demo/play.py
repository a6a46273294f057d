"""The month on its way: published as fast as the collector commits it, until all of it is committed."""

import time
from collections.abc import Iterator

import msgspec
import psycopg

from chargewatch import broker
from chargewatch.demo.stage import Stage
from chargewatch.errors import Refusal
from chargewatch.instants import from_us
from chargewatch.output import progress
from simulators.broker import publish as to_broker
from simulators.calendar import DAY_US, ZONE
from simulators.feed import MAX_ITEMS, Message
from simulators.month import Month

PATIENCE_S = 60.0
AHEAD_ITEMS = 40_000
"""amqtt drops a message that is not acknowledged within 5 s, and we acknowledge after the commit: seconds of work."""


class _Beats(msgspec.Struct):
    connector_ids: list[msgspec.Raw] = []


class _Heartbeat(msgspec.Struct):
    items: list[_Beats]


class _Message(msgspec.Struct):
    items: list[msgspec.Raw]


def offered(message: Message) -> int:
    """Items that a message counts as (contract 1): one that is empty, too large or cannot be read is one item."""
    if message.topic.endswith("/link"):
        return 0
    try:
        if message.topic.endswith("/heartbeat"):
            beats = msgspec.json.decode(message.payload, type=_Heartbeat).items
            items = sum(max(1, len(one.connector_ids)) for one in beats)
        else:
            items = len(msgspec.json.decode(message.payload, type=_Message).items)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 1
    return items if 1 <= items <= MAX_ITEMS else 1


def publish(here: Stage, month: Month) -> int:
    """Send the whole month and wait until the store has given each item its fate; the number of items offered."""
    first_us, end_us = month.truth.from_us, month.dispatch.end_us()
    days = -(-(end_us - first_us) // DAY_US)
    with here.connect() as connection, progress("June 2023", days, "days") as advance:
        pace = _Pace(here, connection)
        reached = first_us

        def paced() -> Iterator[Message]:
            nonlocal reached
            for message in month.messages():
                while message.sent_us >= reached + DAY_US:
                    reached += DAY_US
                    advance(1, f"{from_us(reached).astimezone(ZONE):%d %B}, {pace.committed:,} items committed")
                pace.before_sending(offered(message))
                yield message
            # Before the connection is closed: amqtt forgets what it has taken from a sender that leaves.
            pace.wait_until_committed(pace.sent)

        to_broker(paced(), broker.parse(here.mqtt_url))
        advance(days - (reached - first_us) // DAY_US, f"{pace.sent:,} items, all committed")
    return pace.sent


class _Pace:
    """Keeps the sender at most AHEAD_ITEMS ahead of what is committed."""

    def __init__(self, here: Stage, connection: psycopg.Connection) -> None:
        self.here, self.connection = here, connection
        self.sent = self.committed = 0

    def before_sending(self, items: int) -> None:
        """Wait if the store is too far behind; count these items as sent."""
        self.sent += items
        if self.sent - self.committed > AHEAD_ITEMS:
            self.wait_until_committed(self.sent - AHEAD_ITEMS // 2)

    def wait_until_committed(self, items: int) -> None:
        """Wait until so many items have their fate; Refusal if nothing moves for a while."""
        before, since = -1, time.monotonic()
        while (now := self._look()) < items:
            self.here.processes.fail_if_ended()
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > PATIENCE_S:
                raise Refusal(
                    f"{now} of {self.sent} items are committed, and for {PATIENCE_S:.0f} s no more were",
                    "the collector to store each item that was sent",
                    str(self.here.processes.log("collector")),
                )
            time.sleep(0.05)

    def _look(self) -> int:
        row = self.connection.execute("SELECT coalesce(sum(offered), 0) FROM message").fetchone()
        assert row is not None
        self.committed = int(row[0])
        return self.committed
