"""What one operator that floods costs the others: their lag with and without it, from the same run.

    python -m benchmarks.flood [--seconds 20] [--kinds items packed qos0 garbage]

The production broker (deploy/mosquitto/production.conf), one collector, a durable database, all on this machine. Three
operators send ten messages a second each; then a fourth sends as fast as its one connection takes it, first without and
then with the kernel's limit for one sender (deploy/mosquitto/limit.nft; needs root and nft). Lag is from the publish to
the beginning of the commit that recorded the message, by one clock.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.processes import PROGRAM, Database, folder
from tests.integration.mqtt_client import Client
from tests.integration.production_broker import DEPLOYED, ProductionBroker, registered, secret

OTHERS = ("A", "B", "C")
FLOODER = "F"
RATE = 10.0
FROM = "127.0.0.9"
"""Where the flooder sends from; the kernel's limit is for each sender by itself."""
_PATIENCE_S = 600.0
_TABLE = "chargewatch_flood"
_TREE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Lag:
    """Of the others' messages: how many, and how long they took."""

    messages: int
    p50_s: float
    p99_s: float
    worst_s: float


@dataclass(frozen=True)
class Flood:
    """One flood: what was sent, what it did to the others, how long until all of it was taken."""

    kind: str
    limited: bool
    sent_per_s: float
    taken_per_s: float
    before: Lag
    during: Lag
    caught_up_s: float


@contextlib.contextmanager
def limit(port: int) -> Iterator[None]:
    """The kernel's limit of deploy/mosquitto/limit.nft for as long as the block, on this port."""
    rules = (DEPLOYED / "limit.nft").read_text(encoding="utf-8")
    assert rules.count("tcp dport 8883") == 2
    rules = rules.replace("tcp dport 8883", f"tcp dport {port}").replace("inet chargewatch", f"inet {_TABLE}")
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", _TABLE], check=True)


def why_no_limit() -> str:
    """Why the kernel's limit cannot be set here; empty if it can."""
    if not shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
        return "nft is not installed (Debian: apt install nftables)"
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else "this user may not set the kernel's limits"


class Others(threading.Thread):
    """Operators who send at an even pace, until stopped."""

    def __init__(self, broker: ProductionBroker, passwords: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        self.clients = {name: Client(broker.port, name, passwords[name], ca=broker.keys / "ca.crt") for name in OTHERS}
        self.boot_id, self.sent = f"b{time.time_ns()}", 0
        self._stopping = threading.Event()

    def run(self) -> None:
        """Send; one message each, then wait for the next beat."""
        started = time.monotonic()
        while not self._stopping.is_set():
            for name, client in self.clients.items():
                now = datetime.now(UTC).isoformat()
                item = {"connector_id": f"c{self.sent % 10}", "at": now}
                message = {
                    "schema": "ev.heartbeat/1", "boot_id": self.boot_id, "seq": self.sent, "sent_at": now,
                    "items": [item],
                }  # fmt: skip
                client.paho.publish(f"ev/1/{name}/heartbeat", json.dumps(message), qos=1)
            self.sent += 1
            self._stopping.wait(max(0.0, started + self.sent / RATE - time.monotonic()))

    def stop(self) -> None:
        """End, once all is acknowledged by the broker."""
        self._stopping.set()
        self.join()
        deadline = time.monotonic() + _PATIENCE_S
        while any(len(one.answers) < self.sent for one in self.clients.values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for one in self.clients.values():
            one.close()


def lag(connection: psycopg.Connection, boot_id: str, expected: int) -> Lag:
    """The lag of these messages, once all are recorded."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        rows = connection.execute(
            "SELECT extract(epoch FROM recorded_at - sent_at)::float8 FROM message WHERE boot_id = %s ORDER BY 1",
            [boot_id],
        ).fetchall()
        if len(rows) >= expected or time.monotonic() > deadline:
            assert len(rows) == expected, f"{len(rows)} of {expected} messages were recorded"
            seconds = [row[0] for row in rows]
            return Lag(expected, statistics.median(seconds), seconds[int(len(seconds) * 0.99)], seconds[-1])
        time.sleep(0.2)


def measure(
    broker: ProductionBroker, connection: psycopg.Connection, passwords: Mapping[str, str], kind: str, seconds: float,
    *, limited: bool = False,
) -> Flood:  # fmt: skip
    """The others alone for so long, then with a flood of this kind for so long."""
    alone = Others(broker, passwords)
    alone.start()
    time.sleep(seconds)
    alone.stop()
    before = lag(connection, alone.boot_id, alone.sent * len(OTHERS))
    beside = Others(broker, passwords)
    beside.start()
    words = [str(broker.port), str(broker.keys / "ca.crt"), FLOODER, passwords[FLOODER], str(seconds), kind, FROM]
    had = _offered(connection)
    with limit(broker.port) if limited else contextlib.nullcontext():
        flooder = subprocess.run(
            [sys.executable, "-m", "benchmarks.flooder", *words], check=True, capture_output=True, text=True, cwd=_TREE
        )
    taken = _offered(connection) - had
    ended = time.monotonic()
    beside.stop()
    during = lag(connection, beside.boot_id, beside.sent * len(OTHERS))
    caught_up_s = time.monotonic() - ended
    sent = int(flooder.stdout.split()[-2])
    return Flood(kind, limited, sent / seconds, taken / seconds, before, during, caught_up_s)


def _offered(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM message WHERE operator_id = %s", [FLOODER]).fetchone()
    assert row
    return int(row[0])


def line(*cells: Any) -> str:
    """One line of the table."""
    return "".join(f"{cell:>11}" for cell in cells)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--kinds", nargs="+", default=["items", "qos0", "packed", "garbage"])
    chosen = parser.parse_args()
    with folder() as where:
        database = Database(where / "database")
        os.environ["CHARGEWATCH_DSN"] = database.dsn
        subprocess.run([PROGRAM, "migrate"], check=True, capture_output=True)
        (where / "broker").mkdir()
        broker = ProductionBroker(where / "broker", tells_all=False)
        os.environ.update(broker.environment)
        broker.start()
        connection = psycopg.connect(database.dsn, autocommit=True)
        for name in (*OTHERS, FLOODER):
            registered(connection, name)
        passwords = {name: secret("add", name) for name in (*OTHERS, FLOODER)}
        log = where / "collector.log"
        with log.open("wb") as output:
            collector = subprocess.Popen(
                [PROGRAM, "collect"],
                env={**os.environ, "CHARGEWATCH_COLLECTOR_METRICS_PORT": "0"},
                stdout=output,
                stderr=output,
            )
        while "Collecting from" not in log.read_text():
            if collector.poll() is not None:
                raise SystemExit(f"the collector does not start: {log.read_text()[-1000:]}")
            time.sleep(0.05)
        if why_no_limit():
            print(f"Only without the limit: {why_no_limit()}.")
        print(
            line("flood", "limit", "sent/s", "taken/s", "p50 before", "p99", "p50 during", "p99", "worst", "caught up")
        )
        try:
            for kind in chosen.kinds:
                for limited in (False, True)[: 1 if why_no_limit() else 2]:
                    one = measure(broker, connection, passwords, kind, chosen.seconds, limited=limited)
                    lags = (one.before.p50_s, one.before.p99_s, one.during.p50_s, one.during.p99_s, one.during.worst_s)
                    cells = [f"{value:.2f} s" for value in (*lags, one.caught_up_s)]
                    much = (f"{one.sent_per_s:.0f}", f"{one.taken_per_s:.0f}")
                    print(line(kind, "256 kB/s" if limited else "none", *much, *cells), flush=True)
        finally:
            collector.terminate()
            collector.wait(60)
            broker.stop()
            connection.close()
            database.end()


if __name__ == "__main__":
    main()
