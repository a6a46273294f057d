"""The collector between a real broker and a real database: what was acknowledged is stored, once, whatever dies."""

import asyncio
import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from chargewatch import database
from collector import capture
from tests.commands import Command, Running
from tests.integration.collecting import START, at, message, register, status, totals
from tests.servers import Broker, free_port


class Publisher:
    """Publishes at QoS 1 and knows which messages the broker has acknowledged."""

    def __init__(self, port: int, version: Any = paho.MQTTv5) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self.client.max_inflight_messages_set(500)
        self.sent: dict[int, int] = {}
        self.answered: set[int] = set()
        self.client.on_publish = self._on_publish
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            self.answered.add(mid)

    @property
    def acknowledged(self) -> set[int]:
        """Numbers of the messages that the broker has acknowledged."""
        return {number for mid, number in self.sent.items() if mid in self.answered}

    def send(self, number: int, topic: str, payload: bytes | str, retain: bool = False) -> None:
        self.sent[self.client.publish(topic, payload, qos=1, retain=retain).mid] = number

    def settle(self, count: int, seconds: float = 60) -> None:
        wait_until(lambda: len(self.answered) >= count, seconds)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    one = Publisher(broker.port)
    yield one
    one.close()


@pytest.fixture
def connection(embedded_dsn: str) -> Iterator[psycopg.Connection]:
    with database.connect() as opened:
        register(opened)
        yield opened


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def collect(chargewatch: Command, **env: str) -> Running:
    running = chargewatch.start("collect", env={f"CHARGEWATCH_{name}": value for name, value in env.items()})
    running.wait_for("Collecting from")
    return running


def stored(connection: psycopg.Connection) -> list[int]:
    """Numbers of the messages whose fact is in the store, one a fact."""
    return [row[0] for row in connection.execute("SELECT seq FROM status_fact ORDER BY 1")]


def numbered(number: int) -> tuple[str, bytes]:
    """A message whose one fact nobody else's is: its number tells its second."""
    return message("status", [status(number % 10, number)], seq=number)[:2]


def test_kill_9_in_the_middle_of_a_stream_loses_nothing_and_stores_nothing_twice(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    total, kills = 3000, 4
    running = collect(chargewatch)
    for number in range(total):
        publisher.send(number, *numbered(number))
        if number % (total // (kills + 1)) == total // (kills + 1) - 1 and number < total - 10:
            # At another phase every time: while it receives, commits, acknowledges.
            time.sleep(0.02 + 0.06 * (number % 7))
            running.kill()
            running = collect(chargewatch)
    publisher.settle(total)
    wait_until(lambda: len(stored(connection)) >= total)
    assert stored(connection) == sorted(publisher.acknowledged) == list(range(total))
    assert running.terminate() == 0
    for offered, kept, duplicate, quarantined in totals(connection).values():
        assert offered == kept + duplicate + quarantined
        assert (kept, quarantined) == (total, 0)


def test_the_database_goes_away_and_comes_back(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    running = collect(chargewatch, BATCH_MS="20", RECEIVE_MAXIMUM="50")
    name = connection.info.dbname
    with psycopg.connect(connection.info.dsn, dbname="postgres", autocommit=True) as other:
        for number in range(1000):
            publisher.send(number, *numbered(number))
            if number == 300:
                other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            if number in (300, 700):
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'chargewatch' AND datname = %s AND pid <> %s",
                    [name, connection.info.backend_pid],
                )
        publisher.settle(1000)
        running.wait_for("cannot be stored now")
        assert len(stored(connection)) < 1000
        other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    wait_until(lambda: len(stored(connection)) >= 1000)
    assert stored(connection) == list(range(1000))
    assert running.terminate() == 0


def test_the_broker_goes_away_and_comes_back(
    connection: psycopg.Connection, broker: Broker, publisher: Publisher, chargewatch: Command
) -> None:
    running = collect(chargewatch)
    for number in range(300):
        publisher.send(number, *numbered(number))
    publisher.settle(300)
    broker.stop()
    running.wait_for("is away")
    broker.start()
    for number in range(300, 600):
        publisher.send(number, *numbered(number))
    publisher.settle(600)
    wait_until(lambda: len(stored(connection)) >= 600)
    assert stored(connection) == list(range(600))
    assert running.terminate() == 0


def test_what_comes_while_nobody_collects_is_kept_by_the_broker(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    assert collect(chargewatch).terminate() == 0
    for number in range(600):
        publisher.send(number, *numbered(number))
    publisher.settle(600)
    running = collect(chargewatch)
    wait_until(lambda: len(stored(connection)) >= 600)
    assert running.terminate() == 0
    assert stored(connection) == list(range(600))
    # Acknowledged is acknowledged: nothing comes again.
    running = collect(chargewatch)
    time.sleep(1)
    assert running.terminate() == 0
    assert "No items came" in running.said


def test_a_clean_stop_finishes_what_was_taken(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    running = collect(chargewatch, BATCH_MS="60000")
    for number in range(50):
        publisher.send(number, *numbered(number))
    publisher.settle(50)
    time.sleep(0.5)
    assert running.terminate() == 0
    assert "status 50 stored" in running.said
    assert stored(connection) == list(range(50))


def test_poison_costs_itself_only_and_metrics_always_balance(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    port = free_port()
    running = collect(chargewatch, COLLECTOR_METRICS_PORT=str(port))
    poison = [
        b"", b"\x00", b"\xff\xfe", b"null", b"[" * 100_000, b'{"schema":', b'{"items":' + b"9" * 10_000 + b"}",
        b'{"schema":"ev.status/1","boot_id":"\\u0000","seq":0,"sent_at":"2023-06-01T00:00:00Z","items":[]}',
        b"x" * 300_000, json.dumps({"schema": "ev.status/9"}).encode(),
    ]  # fmt: skip
    bad_items = [
        status(0, 0, detail="\0"), status(0, 0, "no"), {"at": at(0)}, 5, None, status(77, 0), status(0, 10**9),
        status(0, 0, detail="13812345678"), status(0, 1.5, detail="\U0001f600" * 600), status(0, -(10**9)),
    ]  # fmt: skip
    number = 0
    for bad in poison:
        publisher.send(number, "ev/1/op0/status", bad)
        publisher.send(number + 1, *numbered(number))
        number += 2
    for item in bad_items:
        topic, payload, _ = message("status", [item, status(number % 10, number)], seq=number)
        publisher.send(number, topic, payload)
        number += 2
    publisher.send(number, "ev/1/stranger-13812345678/status", b"{}")
    publisher.send(number + 1, "ev/1/op0/other", b"{}")
    publisher.send(number + 2, "ev/1/op0/link", b'{"schema":"ev.link/1","state":"ready","boot_id":"b"}')
    good = [*range(0, number, 2)]
    # The emoji is a text like any other: 600 characters of it are stored.
    wait_until(lambda: len(stored(connection)) >= len(good) + 1)
    assert sorted(set(stored(connection))) == good
    reasons = connection.execute("SELECT reason, count(*) FROM quarantine GROUP BY 1 ORDER BY 1").fetchall()
    assert dict(reasons) == {
        "clock_future": 1, "implausible": 1, "invalid_item": 5, "personal_data": 1, "too_large": 1,
        "unknown_connector": 1, "unknown_schema": 2, "unreadable": 8, "wrong_operator": 1,
    }  # fmt: skip
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    samples = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"}
    offered = sum(value for name, value in samples.items() if name.startswith("chargewatch_items_offered_total"))
    items = sum(value for name, value in samples.items() if name.startswith("chargewatch_items_total"))
    assert offered == items == sum(row[0] for row in totals(connection).values()) > 30
    assert samples['chargewatch_quarantined_total{reason="unreadable"}'] == 8
    assert samples['chargewatch_link_up{operator="op0"}'] == 1
    assert samples["chargewatch_unacknowledged_messages"] == 0
    assert samples["chargewatch_ingest_lag_seconds_count"] == len(good) + 1
    assert samples['chargewatch_sequence_gaps_total{operator="op0"}'] > 10
    assert "chargewatch_build_info" in text
    assert "chargewatch_commit_seconds_bucket" in text
    assert "stranger" not in text
    assert running.terminate() == 0
    kept = b"".join(row[0] for row in connection.execute("SELECT payload FROM quarantine"))
    assert b"13812345678" not in kept


def test_a_retained_copy_is_never_a_fact(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    publisher.send(0, *numbered(0), retain=True)
    publisher.send(1, "ev/1/op0/link", b'{"schema":"ev.link/1","state":"lost","boot_id":"b"}', retain=True)
    publisher.settle(2)
    running = collect(chargewatch)
    publisher.send(2, *numbered(2))
    wait_until(lambda: stored(connection) != [])
    assert stored(connection) == [2]
    assert connection.execute("SELECT operator_id, state FROM link_event").fetchall() == [("op0", "lost")]
    assert running.terminate() == 0
    assert sum(row[0] for row in totals(connection).values()) == 1


def test_a_registration_is_noticed_without_a_restart(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    running = collect(chargewatch)
    publisher.send(0, *message("status", [status(42, 0)])[:2])
    wait_until(lambda: totals(connection) == {("op0", "status"): (1, 0, 0, 1)})
    connection.execute("INSERT INTO connector_keys (operator_id, connector_id) VALUES ('op0', 'c42')")
    connection.execute(
        "INSERT INTO registry_imports (recorded_at, imported_by, source, sha256, rows) VALUES (now(), 'x', 'x', '', 1)"
    )
    publisher.send(1, *message("status", [status(42, 1)], seq=1)[:2])
    wait_until(lambda: stored(connection) == [1])
    assert running.terminate() == 0


def test_a_second_collector_under_the_same_id_is_refused(
    connection: psycopg.Connection, broker: Broker, chargewatch: Command
) -> None:
    first = collect(chargewatch)
    second = chargewatch("collect")
    assert second.returncode == 2
    assert "is running already" in second.stderr
    assert first.process.poll() is None
    assert first.terminate() == 0


def test_one_whose_id_is_taken_by_a_stranger_comes_back(
    connection: psycopg.Connection, publisher: Publisher, broker: Broker, chargewatch: Command
) -> None:
    running = collect(chargewatch, CLIENT_ID="mine")
    thief = paho.Client(CallbackAPIVersion.VERSION2, client_id="mine", protocol=paho.MQTTv311, clean_session=False)
    thief.connect("127.0.0.1", broker.port)
    thief.loop_start()
    running.wait_for("is away")
    thief.disconnect()
    thief.loop_stop()
    for number in range(100):
        publisher.send(number, *numbered(number))
    wait_until(lambda: len(stored(connection)) >= 100)
    assert stored(connection) == list(range(100))
    assert running.terminate() == 0


def test_the_archive_holds_every_stored_message_and_makes_the_same_facts(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command, tmp_path: Path
) -> None:
    running = collect(chargewatch, CAPTURE_DIR=str(tmp_path / "archive"))
    for number in range(100):
        publisher.send(number, *numbered(number))
    publisher.send(100, *message("status", [status(0, 0, detail="浙C12345")], seq=100)[:2])
    publisher.send(101, "ev/1/op0/status", b"\xff")
    wait_until(lambda: totals(connection).get(("op0", "status"), (0,))[0] == 102)
    assert running.terminate() == 0
    files = sorted((tmp_path / "archive").glob("*.ndjson"))
    assert sum(1 for path in files for _ in capture.read(path)) == 102
    assert "浙C12345" not in "".join(path.read_text() for path in files)
    again = chargewatch("ingest", *files, "--format", "json").json()
    assert again == [
        {"kind": "status", "offered": 102, "stored": 0, "duplicate": 100, "quarantined": 2, "conflicts": 0}
    ]


def test_record_writes_what_comes_without_taking_it_from_the_collector(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command, tmp_path: Path
) -> None:
    running = collect(chargewatch)
    recorder = chargewatch.start("record", tmp_path / "r.ndjson.gz", "--count", "200")
    time.sleep(2)
    deadline, number = time.monotonic() + 60, 0
    while recorder.process.poll() is None and time.monotonic() < deadline:
        publisher.send(number, *numbered(number))
        number += 1
        time.sleep(0.002)
    assert recorder.wait() == 0
    assert "200 messages are in" in recorder.said
    read = list(capture.read(tmp_path / "r.ndjson.gz"))
    assert len(read) == 200
    assert all(isinstance(one, capture.Captured) and not one.why for one in read)
    publisher.settle(number)
    wait_until(lambda: len(stored(connection)) >= number)
    assert running.terminate() == 0
    assert stored(connection) == list(range(number))


def test_a_broker_of_mqtt_3_1_1(connection: psycopg.Connection, chargewatch: Command) -> None:
    port = free_port()
    started, ending = threading.Event(), threading.Event()

    async def serve() -> None:
        from amqtt.broker import Broker as Amqtt

        amqtt = Amqtt({"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
        }})  # fmt: skip
        await amqtt.start()
        started.set()
        while not ending.is_set():
            await asyncio.sleep(0.05)
        await amqtt.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(20)
        running = collect(chargewatch, MQTT_URL=f"mqtt://127.0.0.1:{port}")
        sender = Publisher(port, paho.MQTTv311)
        for number in range(300):
            sender.send(number, *numbered(number))
        sender.settle(300)
        wait_until(lambda: len(stored(connection)) >= 300)
        running.kill()
        running = collect(chargewatch, MQTT_URL=f"mqtt://127.0.0.1:{port}")
        for number in range(300, 400):
            sender.send(number, *numbered(number))
        sender.settle(400)
        wait_until(lambda: len(stored(connection)) >= 400)
        assert running.terminate() == 0
        sender.close()
    finally:
        ending.set()
        thread.join()
    assert stored(connection) == list(range(400))


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"CHARGEWATCH_MQTT_URL": "mqtt://127.0.0.1:1"}, "cannot be used"),
        ({"CHARGEWATCH_MQTT_URL": "http://127.0.0.1"}, "is not the address of a broker"),
        ({"CHARGEWATCH_MQTT_URL": "mqtt://no.such.host.invalid"}, "cannot be used"),
        ({"CHARGEWATCH_DSN": "host=127.0.0.1 port=1"}, "the database cannot be reached"),
    ],
)
def test_what_cannot_be_reached_ends_in_one_sentence(
    connection: psycopg.Connection, broker: Broker, chargewatch: Command, env: dict[str, str], words: str
) -> None:
    result = chargewatch("collect", env=env)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert words in result.stderr


def test_a_stopped_collector_that_has_no_database_leaves_the_messages_to_the_broker(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    running = collect(chargewatch)
    name = connection.info.dbname
    with psycopg.connect(connection.info.dsn, dbname="postgres", autocommit=True) as other:
        other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'chargewatch' AND datname = %s AND pid <> %s",
            [name, connection.info.backend_pid],
        )
        for number in range(20):
            publisher.send(number, *numbered(number))
        running.wait_for("cannot be stored now")
        os.kill(running.process.pid, signal.SIGTERM)
        assert running.wait() == 0
        assert "the broker keeps them" in running.said
        other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    running = collect(chargewatch)
    wait_until(lambda: len(stored(connection)) >= 20)
    assert running.terminate() == 0
    assert START.year == 2023
