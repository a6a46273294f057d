"""Two operators attack each other, the platform and the collectors' group; the production broker, the real collector.

Everything that is sent in another's name is a message that would be stored if it came through: at the end the same
messages are sent by their owner, and are.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import paho.mqtt.client as paho
import psycopg
import pytest

from chargewatch import database
from collector.operators.accounts import hashed
from tests.commands import Command, Running
from tests.integration.collecting import at, message, status
from tests.integration.mqtt_client import Client
from tests.integration.production_broker import ProductionBroker, operator, secret
from tests.integration.publishing import collect, wait_until
from tests.integration.scraping import scraped
from tests.servers import free_port

KINDS = ("status", "meter", "session", "heartbeat")
REFUSED, TAKEN, UNHEARD = "Not authorized", "Success", "No matching subscribers"


@dataclass
class Siege:
    """The city under attack; `open` connects by the operators' door."""

    city: ProductionBroker
    collector: Running
    metrics_port: int
    connection: psycopg.Connection
    passwords: dict[str, str]
    clients: list[Client] = field(default_factory=list)

    def open(self, user: str | None, password: str | None = None, **how: object) -> Client:
        how = {"port": self.city.port, "ca": self.city.keys / "ca.crt", **how}
        chosen = self.passwords.get(user or "") if password is None else password
        self.clients.append(Client(user=user, password=chosen, **how))  # type: ignore[arg-type]
        return self.clients[-1]

    def stored(self) -> list[tuple[str, int]]:
        """Operator and seq of every stored message that has facts."""
        return self.connection.execute(
            "SELECT operator_id, seq FROM message WHERE stored > 0 ORDER BY operator_id, seq"
        ).fetchall()

    def sample(self, name: str) -> float:
        """One number of the collector's /metrics; 0 where it is not there."""
        return scraped(self.metrics_port).get(name, 0.0)


@pytest.fixture
def siege(city: ProductionBroker, chargewatch: Command) -> Iterator[Siege]:
    port = free_port()
    passwords = {name: secret("add", name) for name in ("A", "B")}
    # The collector is one of a group: only then is there something to steal by joining it.
    running = collect(chargewatch, SHARE="city", COLLECTOR_METRICS_PORT=str(port))
    with database.connect() as connection:
        one = Siege(city, running, port, connection, passwords)
        yield one
        for client in one.clients:
            client.close()
        assert running.terminate() == 0, running.said


def genuine(operator_id: str, seq: int, kind: str = "status") -> tuple[str, bytes]:
    """A message of this operator that is stored when it comes from itself."""
    session = {"session_id": f"s{seq}", "connector_id": "c1", "start": at(seq), "end": at(seq + 60), "energy_kwh": 1}
    item = {
        "status": status(0, seq),
        "meter": {"connector_id": "c0", "at": at(seq), "energy_kwh": seq},
        "session": session,
        "heartbeat": {"connector_id": "c0", "at": at(seq)},
    }[kind]
    return message(kind, [item], operator=operator_id, seq=seq)[:2]


def odd_names(victim: str) -> list[str]:
    """Topics that are the victim's to a careless reader."""
    lookalike = {"A": "\N{CYRILLIC CAPITAL LETTER A}", "B": "\N{GREEK CAPITAL LETTER BETA}"}[victim]
    wide = {"A": "\N{FULLWIDTH LATIN CAPITAL LETTER A}", "B": "\N{FULLWIDTH LATIN CAPITAL LETTER B}"}[victim]
    names = [
        victim.lower(), f" {victim}", f"{victim} ", f"{victim}%2f..", f"..%2f{victim}", f"%{ord(victim):x}", lookalike,
        wide, f"{victim}\u200b", f"{victim}\u0301", f"{victim}\n", "", "%u", "*",
    ]  # fmt: skip
    topics = [f"ev/1/{name}/status" for name in names]
    return [
        *topics, f"/ev/1/{victim}/status", f"ev/1/{victim}/status/", f"ev//1/{victim}/status", f"EV/1/{victim}/status",
        f"operators/ev/1/{victim}/status", f"ev/1/{victim}", f"ev/1/{victim}/other",
        f"$share/city/ev/1/{victim}/status", f"$SYS/broker/{victim}", "chargewatch/pulse/x",
        "$CONTROL/dynamic-security/v1", "ev/1",
    ]  # fmt: skip


def publish_for(siege: Siege, name: str, victim: str) -> int:
    """Publish what is the victim's, or may be taken for it; how often the broker refused it."""
    refused = 0
    attacker = siege.open(name)
    for seq, kind in enumerate(KINDS):
        for retain in (False, True):
            assert attacker.publish(*genuine(victim, seq, kind), retain=retain) == REFUSED
            refused += 1
    assert attacker.publish(f"ev/1/{victim}/link", lost(name), retain=True) == REFUSED
    for topic in odd_names(victim):
        answer = attacker.publish(topic, genuine(victim, 0)[1])
        assert answer in (REFUSED, "disconnected"), topic
        refused += answer == REFUSED
        attacker = attacker if answer == REFUSED else siege.open(name)
    # To 3.1.1 the broker can only acknowledge; it keeps nothing all the same.
    old = siege.open(name, version=paho.MQTTv311)
    for seq, kind in enumerate(KINDS):
        assert old.publish(*genuine(victim, seq, kind)) == TAKEN
    return refused + 1 + len(KINDS)


def lost(boot_id: str) -> bytes:
    return f'{{"schema":"ev.link/1","state":"lost","boot_id":"{boot_id}"}}'.encode()


def listen_to(siege: Siege, name: str, victim: str) -> None:
    """Subscribe to everything, and join the collectors' group, while the victim publishes: all of it is stored."""
    for version in (paho.MQTTv5, paho.MQTTv311):
        spy, seqs = siege.open(name, version=version), range(100 + version * 10, 110 + version * 10)
        for pattern in (
            "#", "+/#", "$SYS/#", "ev/#", f"ev/1/{victim}/status", f"ev/1/{name}/status", "operators/#",
            "$share/city/ev/1/+/+", "$share/city/operators/ev/1/+/+", "$share/city/#", "chargewatch/pulse/#",
        ):  # fmt: skip
            spy.subscribe(pattern)  # granted by mosquitto, whatever it is
        sender = siege.open(victim)
        for seq in seqs:
            assert sender.publish(*genuine(victim, seq)) == TAKEN
        wait_until(lambda: {(victim, seq) for seq in seqs} <= set(siege.stored()), 10)  # noqa: B023
        assert spy.got == [], "an operator reads nothing"
        assert sender.disconnects == []


def leave_wills(siege: Siege, name: str, victim: str) -> None:
    """Die with a last will on the victim's topics; only the one on its own is heard."""
    for topic, payload in ((f"ev/1/{victim}/link", lost(name)), genuine(victim, 50), (f"ev/1/{name}/link", lost(name))):
        siege.open(name, will=(topic, payload)).drop()
    wait_until(lambda: links(siege, name) == [(name, "lost")], 10)


def test_two_operators_attack_each_other(siege: Siege) -> None:
    refused = 0
    for victim, name in (("B", "A"), ("A", "B")):
        refused += publish_for(siege, name, victim)
        listen_to(siege, name, victim)
        leave_wills(siege, name, victim)
    assert links(siege, "A") == [("A", "lost")], "each operator's link says what it said itself"
    assert links(siege, "B") == [("B", "lost")]
    assert [row for row in siege.stored() if row[1] < 100] == []
    assert siege.connection.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)
    # What the broker refused is seen: who and where in its log, how much in the metrics.
    denied = siege.city.log_lines("Denied PUBLISH from A ") + siege.city.log_lines("Denied PUBLISH from B ")
    assert len(denied) == refused > 2 * len(odd_names("A"))
    came = sum(siege.sample(f'chargewatch_messages_total{{operator="{name}"}}') for name in ("A", "B"))
    wait_until(lambda: siege.sample("chargewatch_broker_received_total") > came + refused / 2, 25)
    assert siege.sample("chargewatch_broker_dropped_total") == 0
    # And what was refused would have been stored: from its owner it is.
    owner = siege.open("B")
    for seq, kind in enumerate(KINDS):
        assert owner.publish(*genuine("B", seq, kind)) == TAKEN
    wait_until(lambda: {("B", seq) for seq in range(len(KINDS))} <= set(siege.stored()), 10)


def links(siege: Siege, operator_id: str) -> list[tuple[str, str]]:
    return siege.connection.execute(
        "SELECT boot_id, state FROM link_event WHERE operator_id = %s", [operator_id]
    ).fetchall()


def test_nobody_takes_anothers_place(siege: Siege, monkeypatch: pytest.MonkeyPatch) -> None:
    b = siege.open("B")
    members = siege.connection.execute("SELECT client_id FROM collector_member").fetchall()
    assert len(members) == 1
    # Client ids: another operator's, the collector's, that of its pulse.
    for stolen in ("B", members[0][0], f"{members[0][0]}-pulse", f"{members[0][0]}-watch"):
        thief = siege.open("A", client_id=stolen, keep_session=True)
        assert thief.let_in
        thief.subscribe("#")
        thief.close()
    assert b.publish(*genuine("B", 1)) == TAKEN
    wait_until(lambda: siege.stored() == [("B", 1)], 10)
    assert b.disconnects == []
    assert "away" not in siege.collector.said
    # What was kept for the thief's own session holds nothing of it either.
    assert siege.open("A", keep_session=True).got == []
    # Names, passwords and doors.
    rotated = siege.passwords["A"]
    siege.passwords["A"] = secret("rotate", "A")
    wait_until(lambda: not let_in(siege, "A", rotated), 5)
    platform = (siege.city.keys / "platform.secret").read_text().strip()
    for user, password in (
        ("A", rotated), ("B", siege.passwords["A"]), ("A", ""), ("", ""), (None, None), ("A ", siege.passwords["A"]),
        ("a", siege.passwords["A"]), ("A\0", siege.passwords["A"]), ("operators", "x"), ("platform", platform),
        ("+", siege.passwords["A"]), ("#", "x"), ("A:B", siege.passwords["A"]),
    ):  # fmt: skip
        assert not let_in(siege, user, password), (user, "at the operators' door")
        if user != "platform":
            assert not let_in(siege, user, password, port=siege.city.platform_port), (user, "at the platform's door")
    assert not let_in(siege, "A", siege.passwords["A"], port=siege.city.platform_port)
    assert let_in(siege, "A", siege.passwords["A"]), "the right ones do open it"
    operator("suspend", "A")
    wait_until(lambda: not let_in(siege, "A", siege.passwords["A"]), 5)
    assert siege.stored() == [("B", 1)]
    assert siege.city.log_lines("not authorised"), "who was turned away is in the log"


def let_in(siege: Siege, user: str | None, password: str | None, **how: object) -> bool:
    with contextlib.closing(siege.open(user, password or "", **how)) as one:
        siege.clients.remove(one)
        return one.let_in


def test_what_the_broker_lets_through_the_collector_still_refuses(siege: Siege) -> None:
    # An account that the registry knows nothing of, as after a mistake in the broker's files.
    siege.connection.execute(
        "INSERT INTO operator_account (operator_id, action, password_hash, recorded_by) VALUES ('Z', 'add', %s, 'x')",
        [hashed("z-secret")],
    )
    siege.connection.execute("INSERT INTO connector_keys (operator_id, connector_id) VALUES ('B', 'of-b-only')")
    operator("write")
    wait_until(lambda: let_in(siege, "Z", "z-secret"), 5)
    z, a = siege.open("Z", "z-secret"), siege.open("A")
    for seq, kind in enumerate(KINDS):
        assert z.publish(*genuine("Z", seq, kind)) == TAKEN
    # In its own topic, about another's connector: names are each operator's own.
    topic, payload, _ = message(
        "status", [{"connector_id": "of-b-only", "at": at(0), "status": "faulted"}], operator="A"
    )
    assert a.publish(topic, payload) == TAKEN
    wait_until(lambda: siege.sample('chargewatch_quarantined_total{reason="wrong_operator"}') == len(KINDS), 10)
    assert siege.sample('chargewatch_quarantined_total{reason="unknown_connector"}') == 1
    assert siege.sample('chargewatch_messages_total{operator="(unknown)"}') == len(KINDS)
    assert siege.stored() == []
    kept = siege.connection.execute("SELECT DISTINCT operator_id, reason FROM quarantine ORDER BY 1").fetchall()
    assert kept == [("A", "unknown_connector"), ("Z", "wrong_operator")]
