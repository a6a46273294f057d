"""Mutated messages by the million through a broker, a collector and a database: no crash, no stall, every fate known.

    python -m tests.faults.mutations --count 1000000 --seed 1

Among them valid messages of another operator, each of which must be stored. What must become of each mutated message is
what decoding it here says, so every count in the store is known beforehand. The seed replays the stream.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from chargewatch import database, embedded
from collector.contract import decode
from collector.store import directory
from tests.commands import Command, Running
from tests.integration.collecting import START, message, register, status
from tests.mutating import Valid, mutated, written
from tests.servers import Broker

MUTATED, VALID = "op0", "op1"
CONTROL_EVERY = 20
_IN_FLIGHT = 1000
_BACKLOG = 20_000
_STALLED_S = 60.0
_MOST_BYTES = 900_000
_STRANGE_TOPICS = (
    "ev/1/op0/x", "ev/1//status", "ev/1/op 0/meter", "ev/1/op0/", "ev/1/温州/status", "ev/1/nobody/status",
    "ev/1/op0/link", "ev/1/OP0/session", "ev/1/op0/heartbeat",
)  # fmt: skip


class Expected:
    """What the store must hold once everything has arrived."""

    def __init__(self) -> None:
        self.messages = self.controls = 0
        self.offered: Counter[tuple[str | None, str]] = Counter()
        self.refused: Counter[tuple[str | None, str]] = Counter()
        self.reasons: Counter[str] = Counter()


def deliver(
    port: int,
    connection: psycopg.Connection,
    running: Running,
    *,
    count: int,
    seed: int,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Expected:
    """Publish the stream, wait until all of it is in the store, and hold the store to what is expected."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(_IN_FLIGHT)
    answered = [0]
    client.on_publish = lambda *_: answered.__setitem__(0, answered[0] + 1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    rng, expected, known = random.Random(seed), Expected(), directory(connection)
    valid, before = Valid(rng), b""
    watch = _Watch(connection, running, tell)
    for number in range(count):
        if number % CONTROL_EVERY == 0:
            topic, payload, _ = message("status", [status(number % 10, number)], operator=VALID, seq=number)
            expected.controls += 1
        else:
            kind, made = valid.message()
            original = written(rng, made)
            topic = f"ev/1/{MUTATED}/{kind}" if rng.random() < 0.98 else rng.choice(_STRANGE_TOPICS)
            payload, before = mutated(rng, original, before)[:_MOST_BYTES], original
        decoded = decode(topic, payload, START.replace(year=2026), known)
        key = (decoded.operator_id, decoded.kind)
        expected.messages += 1
        expected.offered[key] += decoded.offered
        expected.refused[key] += len(decoded.rejected)
        expected.reasons.update(one.reason for one in decoded.rejected)
        client.publish(topic, payload, qos=1)
        if number % 500 == 499:
            watch.until(lambda: expected.messages - answered[0] <= _IN_FLIGHT, "the broker acknowledges")
            watch.until(lambda: expected.messages - watch.taken() <= _BACKLOG, "the collector takes messages")
    watch.until(lambda: answered[0] >= count, "the broker acknowledges")
    watch.until(lambda: watch.taken() >= count and watch.stored() >= count, "the collector stores messages")
    client.disconnect()
    client.loop_stop()
    hold(connection, expected)
    assert running.process.poll() is None, running.said
    assert "Traceback" not in running.said
    return expected


class _Watch:
    """Waits for what must come, as long as something goes on."""

    def __init__(self, connection: psycopg.Connection, running: Running, tell: Callable[[str], None]) -> None:
        self.connection, self.running, self.tell = connection, running, tell
        self.told = time.monotonic()

    def taken(self) -> int:
        """Message numbers that the store has given out."""
        return self._number("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM message_id_seq")

    def stored(self) -> int:
        """Messages that are committed."""
        return self._number("SELECT count(*) FROM message")

    def _number(self, sql: str) -> int:
        row = self.connection.execute(sql.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Until it holds; fails once nothing at all has moved for a minute."""
        last, since = self.taken(), time.monotonic()
        while not holds():
            assert self.running.process.poll() is None, f"the collector has ended: {self.running.said[-2000:]}"
            now = self.taken()
            if now != last:
                last, since = now, time.monotonic()
            assert time.monotonic() - since < _STALLED_S, f"stalled before {what}: {self.running.said[-2000:]}"
            time.sleep(0.02)
        if time.monotonic() - self.told > 10:
            self.told = time.monotonic()
            self.tell(f"{self.taken()} messages taken")


def hold(connection: psycopg.Connection, expected: Expected) -> None:
    """Every message once, every item one fate, every reason as often as decoding says, every valid message stored."""
    messages = connection.execute("SELECT count(*) FROM message").fetchone()
    assert messages == (expected.messages,)
    found = connection.execute(
        "SELECT operator_id, kind, offered, stored, duplicate, quarantined FROM fates"
    ).fetchall()
    for _, _, offered, stored, duplicate, quarantined in found:
        assert offered == stored + duplicate + quarantined
    assert {(row[0], row[1]): row[2] for row in found} == {key: n for key, n in expected.offered.items() if n}
    assert {(row[0], row[1]): row[5] for row in found if row[5]} == {key: n for key, n in expected.refused.items() if n}
    reasons = connection.execute("SELECT reason, count(*) FROM quarantine GROUP BY 1").fetchall()
    assert dict(reasons) == dict(expected.reasons)
    rows = connection.execute(
        "SELECT count(*), count(DISTINCT (connector_no, at)) FROM status_fact JOIN connector_keys USING (connector_no)"
        " WHERE operator_id = %s",
        [VALID],
    ).fetchall()
    assert rows == [(expected.controls, expected.controls)]


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000, help="messages in all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="mutations-", dir="/tmp"))
    home.chmod(0o755)
    broker = Broker(Path(tempfile.mkdtemp(prefix="mosquitto-")))
    os.environ |= {
        "CHARGEWATCH_HOME": str(home), "CHARGEWATCH_MQTT_URL": broker.url, "CHARGEWATCH_COLLECTOR_METRICS_PORT": "0",
    }  # fmt: skip
    os.environ.pop("CHARGEWATCH_DSN", None)
    command = Command(home, {})
    try:
        broker.start()
        assert command("migrate").returncode == 0
        with database.connect() as connection:
            register(connection)
            running = command.start("collect")
            running.wait_for("Collecting from")
            started = time.monotonic()
            expected = deliver(
                broker.port, connection, running, count=options.count, seed=options.seed, tell=_say
            )  # fmt: skip
            seconds = time.monotonic() - started
            _say(_told(expected, options.seed, seconds))
            assert running.terminate() == 0
    finally:
        command.end_all()
        broker.stop()
        embedded.stop(home)
        for folder in (home, broker.folder):
            shutil.rmtree(folder, ignore_errors=True)


def _say(sentence: Any) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _told(expected: Expected, seed: int, seconds: float) -> str:
    offered, refused = expected.offered.total(), expected.refused.total()
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(expected.reasons.items()))
    return (
        f"seed {seed}: {expected.messages} messages, {expected.controls} of them valid controls, all stored; "
        f"{offered} items offered = {offered - refused} stored or duplicate + {refused} quarantined ({reasons}); "
        f"no crash, no stall; {seconds:.0f} s, {expected.messages / seconds:.0f} messages/s."
    )


if __name__ == "__main__":
    main()
