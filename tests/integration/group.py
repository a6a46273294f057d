"""Collectors in this process, each on its own threads, alone or in a group; a seeded stream for them to share."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg

from chargewatch import settings
from collector.service import Collector
from tests.integration.collecting import at, message, status
from tests.integration.publishing import wait_until


@contextmanager
def collecting(
    client_id: str, share: str | None = None, said: list[str] | None = None, **changes: Any
) -> Iterator[Collector]:
    """A collector that is connected and writes what it says to `said`; stopped, and its failure raised, at the end."""
    changes = {"batch_ms": 20, **changes, "client_id": client_id, "share": share}
    said = [] if said is None else said
    collector = Collector(replace(settings.load(), **changes), said.append)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            collector.run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: collector.subscription.up.is_set() or not thread.is_alive(), 30)
        yield collector
    finally:
        collector.stop()
        thread.join()
    if failed:
        raise failed[0]


def stream(seed: int, messages: int) -> list[tuple[str, bytes]]:
    """Messages of a few connectors: late, out of order, repeated, contradicting, wrong; the same for the same seed."""
    chance = random.Random(seed)
    sent = []
    for seq in range(messages):
        said_s = chance.randrange(3000)
        happened_s = said_s - chance.choice([0, 1, 60, 90_000])
        connector = chance.randrange(3)
        what = chance.randrange(10)
        if what < 4:
            item = status(connector, happened_s, chance.choice(["available", "faulted", "charging"]))
            kind = "status"
        elif what < 7:
            # Few instants and few readings: most repeat or contradict an earlier one.
            item = {"connector_id": f"c{connector}", "at": at(said_s // 100), "energy_kwh": chance.randrange(3)}
            kind = "meter"
        elif what < 9:
            item = {"connector_ids": ["c0", "c1", "c2"], "at": at(happened_s)}
            kind = "heartbeat"
        else:
            item, kind = {"connector_id": "nobody's", "at": at(happened_s), "status": "available"}, "status"
        boot = chance.choice(["b1", "b2"])
        sent.append(message(kind, [item], operator=f"op{seq % 2}", seq=seq, boot=boot, receipt_s=said_s)[:2])
    return sent + chance.sample(sent, messages // 10)


def offered(connection: psycopg.Connection) -> int:
    """Items of all messages so far."""
    row = connection.execute("SELECT coalesce(sum(offered), 0) FROM message").fetchone()
    assert row is not None
    return int(row[0])
