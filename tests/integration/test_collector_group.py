"""Collectors in a group: the same rows as one, nothing lost with a member, nothing left behind by a change."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from chargewatch import database, settings
from chargewatch.errors import Refusal
from collector.group import members
from collector.group.retiring import retire as take_out
from tests.commands import Command
from tests.conftest import Databases
from tests.integration.collecting import facts, message, register, status, totals
from tests.integration.group import collecting, offered, stream
from tests.integration.production_broker import ProductionBroker
from tests.integration.publishing import Publisher, collect, numbered, stored, wait_until
from tests.servers import Broker


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


def test_one_two_and_four_collectors_store_the_same_rows(
    databases: Callable[[str], Databases], broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, told = databases("embedded"), []
    sent = stream(seed=12, messages=300)
    for count in (1, 2, 4):
        name = server.fresh(rehearsal=True)  # its clock is the senders': receipts are the same each time, too
        monkeypatch.setenv("CHARGEWATCH_DSN", server.uri(name))
        publisher = Publisher(broker.port)
        with database.connect() as connection, ExitStack() as running:
            register(connection)
            names = [f"c{nth}of{count}" for nth in range(count)]
            group = [running.enter_context(collecting(one, f"g{count}", batch_items=7)) for one in names]
            for number, (topic, payload) in enumerate(sent):
                publisher.send(number, topic, payload)
            total = len(sent) + 2 * sum("heartbeat" in topic for topic, _ in sent)
            wait_until(lambda total=total: offered(connection) >= total)
            running.close()
            shares = [sum(one.offered for one in member.fates.counts.values()) for member in group]
            assert min(shares) > total / count / 2, f"the group does not share: {shares}"
            told.append((facts(connection), totals(connection)))
        publisher.close()
        server.drop(name)
        for one in names:  # the next group of this broker gets the messages once
            _forget(broker, one)
    assert sum(map(len, told[0][0].values())) > 180
    assert sum(row[2] for row in told[0][1].values()) > 40
    assert sum(row[3] for row in told[0][1].values()) > 10
    assert told[1] == told[0]
    assert told[2] == told[0]


def _forget(broker: Broker, client_id: str) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", broker.port, clean_start=True)
    client.loop(0.2)
    client.disconnect()


def test_a_member_killed_keeps_its_share_and_loses_nothing(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    total = 1000
    dies = collect(chargewatch, CLIENT_ID="dies", SHARE="city")
    with collecting("lives", "city"):
        for number in range(total):
            publisher.send(number, *numbered(number))
            if number == total // 3:
                dies.kill()
        publisher.settle(total)
        wait_until(lambda: len(stored(connection)) > total * 0.45)  # pulses take turns, too
        time.sleep(0.5)
        missing = total - len(stored(connection))
        assert missing > total / 5, "its part waits for it"
        listed = chargewatch("collectors", "list", "--format", "json").json()
        assert [(one["client_id"], one["share"]) for one in listed] == [("dies", "city"), ("lives", "city")]
        assert all(one["kept_until"] > one["last_seen_at"] for one in listed)
        with collecting("dies", "city"):
            wait_until(lambda: len(stored(connection)) >= total)
    assert stored(connection) == sorted(publisher.acknowledged) == list(range(total))
    for all_of_them, kept, duplicate, quarantined in totals(connection).values():
        assert all_of_them == kept + duplicate + quarantined
        assert (kept, quarantined) == (total, 0)


def test_a_change_of_the_group_leaves_no_old_subscription(connection: psycopg.Connection, publisher: Publisher) -> None:
    def send_and_wait(numbers: range) -> None:
        for number in numbers:
            publisher.send(number, *numbered(number))
        wait_until(lambda: len(stored(connection)) >= numbers.stop)

    with collecting("one"):
        send_and_wait(range(20))
    for number in range(20, 40):  # queued under the old form while it is away
        publisher.send(number, *numbered(number))
    publisher.settle(40)
    with collecting("one", "city"):
        send_and_wait(range(40, 60))
    with collecting("one", "county"):
        send_and_wait(range(60, 80))
        held = {"$share/county/chargewatch/pulse/+", "$share/county/ev/1/+/+", "ev/1/+/link"}
        wait_until(lambda: set(members.members(connection)[0].subscriptions) == held)
    with collecting("one"):
        send_and_wait(range(80, 100))
        time.sleep(0.2)
    assert stored(connection) == list(range(100))
    assert totals(connection) == {("op0", "status"): (100, 100, 0, 0)}, "some came twice"


def test_a_link_is_known_to_the_group_and_recorded_once(connection: psycopg.Connection, publisher: Publisher) -> None:
    def link(state: str, boot: str = "b") -> None:
        body = f'{{"schema":"ev.link/1","state":"{state}","boot_id":"{boot}"}}'
        publisher.send(0, "ev/1/op0/link", body.encode(), retain=True)

    def events() -> list[str]:
        rows = connection.execute("SELECT state FROM link_event ORDER BY received_at, recorded_at")
        return [row[0] for row in rows]

    link("ready")
    publisher.settle(1)
    with collecting("a", "city") as first, collecting("b", "city") as second:
        wait_until(lambda: events() == ["ready"])
        for number, state in enumerate(("lost", "ready", "lost"), 2):
            link(state)
            wait_until(lambda number=number: len(events()) == number)
            # Each of them has heard it twice by now, once for itself and maybe once for the group.
            wait_until(lambda: first.caught_up_s() > 0.3 and second.caught_up_s() > 0.3)
    assert events() == ["ready", "lost", "ready", "lost"]
    assert totals(connection) == {}


def test_members_notice_a_registration_each_for_itself(connection: psycopg.Connection, publisher: Publisher) -> None:
    with collecting("a", "city"), collecting("b", "city"):
        for number in range(10):
            publisher.send(number, *message("status", [status(42, number)], seq=number)[:2])
        wait_until(lambda: totals(connection) == {("op0", "status"): (10, 0, 0, 10)})
        connection.execute("INSERT INTO connector_keys (operator_id, connector_id) VALUES ('op0', 'c42')")
        connection.execute(
            "INSERT INTO registry_imports (recorded_at, imported_by, source, sha256, rows)"
            " VALUES (now(), 'x', 'x', '', 1)"
        )
        for number in range(10, 30):
            publisher.send(number, *message("status", [status(42, number)], seq=number)[:2])
        wait_until(lambda: totals(connection)["op0", "status"][0] == 30)
    assert stored(connection) == list(range(10, 30))


def test_a_retired_member_leaves_what_it_had_and_nothing_behind(
    connection: psycopg.Connection, publisher: Publisher, broker: Broker, chargewatch: Command
) -> None:
    def retire(*words: str) -> Any:
        return chargewatch("collectors", "retire", *words)

    with collecting("goes", "city"), collecting("stays", "city"):
        refused = retire("goes")
        assert (refused.returncode, "is running" in refused.stderr) == (2, True)
    for number in range(200):
        publisher.send(number, *numbered(number))
    publisher.settle(200)
    gone = retire("goes")
    assert gone.returncode == 0, gone
    assert "it still brought 100 items" in gone.stderr
    states = chargewatch("collectors", "list", "--all", "--format", "json").json()
    assert {one["client_id"]: one["state"] for one in states}["goes"] == "retired"
    for number in range(200, 300):
        publisher.send(number, *numbered(number))
    with collecting("stays", "city"):
        wait_until(lambda: len(stored(connection)) >= 300)
    assert stored(connection) == list(range(300))
    with pytest.raises(Refusal, match="last collector"):
        take_out(settings.load(), "stays", last=False, stopping=threading.Event(), tell=print)


def test_the_deployed_broker_lets_the_pulse_through_and_one_that_does_not_is_told_of_once(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    quick = tmp_path / "quick.yaml"
    quick.write_text("id: quick\nnote: ''\ninterval_s: 0.2\ntolerance_s: 3\nsteady_s: 0\nsettled_s: 1\n")
    folder = Path(tempfile.mkdtemp(prefix="mosquitto-"))
    deployed = ProductionBroker(folder)
    for name, value in deployed.environment.items():
        monkeypatch.setenv(name, value)

    def pulses() -> int:
        [(number,)] = connection.execute("SELECT count(*) FROM pulse").fetchall()
        return int(number)

    try:
        deployed.start()
        said: list[str] = []
        with collecting("collector-1", "city", said, pulses=str(quick)):
            wait_until(lambda: pulses() > 2)
        assert not [one for one in said if "pulse" in one]
        deployed.stop()
        rules = deployed.keys / "platform.acl"
        rules.write_text(rules.read_text().replace("topic readwrite chargewatch/pulse/#", ""))
        deployed.start()
        before = pulses()
        with collecting("collector-1", "city", said, pulses=str(quick)) as collector:
            wait_until(lambda: any("refuses the pulse" in one for one in said))
            time.sleep(1)
            assert collector.subscription.up.is_set()
        assert len([one for one in said if "refuses the pulse" in one]) == 1
        assert pulses() == before
    finally:
        deployed.stop()
        shutil.rmtree(folder, ignore_errors=True)
