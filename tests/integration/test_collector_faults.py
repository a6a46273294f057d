"""What the collector does and says while database or broker are away; what is killed when is test_faults.py's."""

import asyncio
import os
import signal
import threading
import time
import urllib.request

import paho.mqtt.client as paho
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from chargewatch import database
from collector import service
from tests.commands import Command
from tests.integration.collecting import register
from tests.integration.publishing import Publisher, collect, numbered, stored, wait_until
from tests.integration.running import collecting
from tests.integration.scraping import scraped
from tests.servers import Broker, free_port


def test_the_database_goes_away_and_comes_back(dsn: str, publisher: Publisher, chargewatch: Command) -> None:
    """The broker's connection stays, no more than the window is held, all is said, and it goes on by itself."""
    port = free_port()
    with database.connect() as connection:
        register(connection)
        running = collect(chargewatch, BATCH_MS="20", RECEIVE_MAXIMUM="50", COLLECTOR_METRICS_PORT=str(port))
        name = connection.info.dbname
        with psycopg.connect(dsn.replace(f"/{name}", "/postgres"), autocommit=True) as other:
            for number in range(1000):
                publisher.send(number, *numbered(number))
                if number == 300:
                    other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
                if number in (300, 700):
                    terminate(other, connection)
            publisher.settle(1000)
            running.wait_for("cannot be stored now")
            # the window; a broker that answers an acknowledgement with two deliveries may pass it by a few
            wait_until(lambda: 50 <= (sample(port, "chargewatch_unacknowledged_messages") or 0) < 60)
            assert sample(port, "chargewatch_database_up") == 0
            assert sample(port, "chargewatch_broker_up") == 1
            wait_until(lambda: (sample(port, 'chargewatch_database_failures_total{reason="unreachable"}') or 0) >= 1)
            assert len(stored(connection)) < 1000
            other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        wait_until(lambda: len(stored(connection)) >= 1000)
        assert stored(connection) == list(range(1000))
        assert sample(port, "chargewatch_database_up") == 1
    assert "is away" not in running.said
    assert running.terminate() == 0


def terminate(other: psycopg.Connection, connection: psycopg.Connection) -> None:
    """End the collector's connections, not the test's own."""
    other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'chargewatch' AND datname = %s AND pid <> %s",
        [connection.info.dbname, connection.info.backend_pid],
    )


def sample(port: int, name: str) -> float | None:
    """One number of the collector's metrics."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    return next((float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(f"{name} ")), None)


def test_the_broker_goes_away_and_comes_back(
    connection: psycopg.Connection, broker: Broker, publisher: Publisher, chargewatch: Command
) -> None:
    port = free_port()
    running = collect(chargewatch, COLLECTOR_METRICS_PORT=str(port))
    assert sample(port, "chargewatch_broker_up") == 1
    for number in range(300):
        publisher.send(number, *numbered(number))
    publisher.settle(300)
    broker.stop()
    running.wait_for("is away")
    assert sample(port, "chargewatch_broker_up") == 0
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
    port = free_port()
    running = collect(chargewatch, BATCH_MS="60000", COLLECTOR_METRICS_PORT=str(port))
    for number in range(50):
        publisher.send(number, *numbered(number))
    publisher.settle(50)
    # all of them, and a pulse every ten seconds
    wait_until(lambda: scraped(port)["chargewatch_unacknowledged_messages"] >= 50)
    assert running.terminate() == 0
    assert "status 50 stored" in running.said
    assert stored(connection) == list(range(50))


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
        terminate(other, connection)
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


def test_a_database_that_says_nothing_is_cut_off(
    connection: psycopg.Connection, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a network that broke; the server's old session and its half batch do not stand in the way."""
    monkeypatch.setattr(service, "_STUCK_S", 0.5)
    with collecting() as one:
        with connection.transaction():
            connection.execute("LOCK TABLE message IN ACCESS EXCLUSIVE MODE")
            for number in range(10):
                publisher.send(number, *numbered(number))
            wait_until(lambda: any("does not answer" in said for said in one.said))
        wait_until(lambda: len(stored(connection)) == 10)
        wait_until(lambda: one.held == 0)
        assert one.is_alive()


def test_a_database_that_says_nothing_does_not_keep_a_collector_from_ending(
    connection: psycopg.Connection, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_PARTING_S", 0.5)
    with connection.transaction():
        connection.execute("LOCK TABLE message IN ACCESS EXCLUSIVE MODE")
        with collecting() as one:
            for number in range(10):
                publisher.send(number, *numbered(number))
            wait_until(lambda: one.held >= 10)
        assert "messages were not stored; the broker keeps them." in one.said[-1]
    with collecting():
        wait_until(lambda: len(stored(connection)) == 10)
