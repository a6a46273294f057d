"""The month on its way: published as fast as the collector takes it, then awaited until all of it is committed."""

import time
from collections.abc import Iterator

import msgspec
import psycopg

from chargewatch.demo.stage import Stage
from chargewatch.errors import Refusal
from chargewatch.instants import from_us
from chargewatch.output import progress
from simulators.broker import publish as to_broker
from simulators.calendar import DAY_US, ZONE
from simulators.feed import MAX_ITEMS, Message
from simulators.month import Month

PATIENCE_S = 60.0


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
    sent = 0
    with progress("sending", days, "days") as advance:
        reached = first_us

        def counted() -> Iterator[Message]:
            nonlocal sent, reached
            for message in month.messages():
                sent += offered(message)
                while message.sent_us >= reached + DAY_US:
                    reached += DAY_US
                    here.processes.fail_if_ended()
                    advance(1, f"{from_us(reached).astimezone(ZONE):%Y-%m-%d}")
                yield message

        result = to_broker(counted(), here.mqtt_url)
        advance(days - (reached - first_us) // DAY_US, f"{result.acknowledged} messages acknowledged by the broker")
    _wait_until_committed(here, sent)
    return sent


def _wait_until_committed(here: Stage, sent: int) -> None:
    with here.connect() as connection, progress("committed", sent, "items") as advance:
        before, since = 0, time.monotonic()
        while before < sent:
            here.processes.fail_if_ended()
            now = _committed(connection)
            advance(now - before)
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > PATIENCE_S:
                raise Refusal(
                    f"{now} of {sent} items are committed, and for {PATIENCE_S:.0f} s no more were",
                    "the collector to store each item that was sent",
                    str(here.processes.log("collector")),
                )
            time.sleep(0.2)


def _committed(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT coalesce(sum(offered), 0) FROM message").fetchone()
    assert row is not None
    return int(row[0])
