"""`conformance` as the commission types it: an operator's real traffic, watched at a real broker and from a capture."""

import json
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargewatch import database
from collector import capture
from tests.commands import Command, Running
from tests.integration.collecting import at, message, register, totals
from tests.integration.publishing import Publisher, collect, wait_until
from tests.servers import Broker

REGISTRY = {
    "operators": "operator_id,name,legal_form,business_scope,credit_good,management_system,maintenance_team,"
    "platform_commitment,reporting_interval_min\nop0,Zero,limited,yes,yes,yes,yes,yes,60\n",
    "stations": "operator_id,station_id,name,district,category,open_to_public\nop0,s,S,lucheng,public,yes\n",
    "chargers": "operator_id,charger_id,station_id,serial_no,kind,rated_kw_dc,retired_on\n"
    "op0,k,s,SN1,dc,60,\nop0,old,s,SN2,dc,60,2020-01-01\n",
    "connectors": "operator_id,connector_id,charger_id,kind,rated_kw\n"
    "op0,c0,k,dc,60\nop0,c1,k,dc,60\nop0,gone,old,dc,60\n",
}


class Sender:
    """An operator that does everything right, unless it is told otherwise."""

    def __init__(self, port: int) -> None:
        self.publisher = Publisher(port)
        self.seq = 0

    def send(self, kind: str, *items: dict[str, Any], retain: bool = False, qos: int = 1, **changes: Any) -> None:
        now = datetime.now(UTC).isoformat()
        body = {"schema": f"ev.{kind}/1", "boot_id": "b", "seq": self.seq, "sent_at": now, "items": [*items], **changes}
        self.publisher.client.publish(f"ev/1/op0/{kind}", json.dumps(body), qos=qos, retain=retain)
        self.seq += 1

    def link(self, state: str) -> None:
        payload = json.dumps({"schema": "ev.link/1", "state": state, "boot_id": "b"})
        self.publisher.client.publish("ev/1/op0/link", payload, qos=1, retain=True)

    def everything(self, **session: Any) -> None:
        now = datetime.now(UTC).isoformat()
        self.send("heartbeat", {"connector_ids": ["c0", "c1"], "at": now})
        self.send("status", {"connector_id": "c0", "at": now, "status": "charging"})
        self.send("meter", {"connector_id": "c0", "at": now, "energy_kwh": 10.5})
        whole = {
            "session_id": f"s{self.seq}", "connector_id": "c1", "start": now, "end": now, "energy_kwh": 1,
            "meter_start_kwh": 1, "meter_end_kwh": 2,
        }  # fmt: skip
        self.send("session", whole | session)


@pytest.fixture
def sender(broker: Broker) -> Iterator[Sender]:
    one = Sender(broker.port)
    yield one
    one.publisher.close()


@pytest.fixture
def registered(embedded_dsn: str, chargewatch: Command, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    for name, text in REGISTRY.items():
        (folder / f"{name}.csv").write_text(text)
    assert chargewatch("registry", "import", folder).returncode == 0


def watching(chargewatch: Command, *arguments: str) -> Running:
    running = chargewatch.start("conformance", "--operator", "op0", "--format", "json", *arguments)
    running.wait_for("Watching op0")
    return running


def outcomes(running: Running) -> dict[str, str]:
    said = running.said
    start, end = said.index("\n[\n") + 1, said.rindex("\n]\n") + 2
    return {row["code"]: row["outcome"] for row in json.loads(said[start:end])}


@pytest.mark.usefixtures("registered")
def test_a_sound_operator_passes_and_the_collector_misses_nothing(chargewatch: Command, sender: Sender) -> None:
    sender.link("ready")
    collector = collect(chargewatch)
    running = watching(chargewatch, "--minutes", "0.1", "--page", "op0.html")
    sender.everything()
    sender.everything()
    assert running.wait() == 0, running.said
    found = outcomes(running)
    assert {code for code, outcome in found.items() if outcome != "pass"} == {"cadence"}, running.said
    assert found["cadence"] == "not_seen"
    assert "op0 passes: 8 messages with 10 items" in running.said
    made = (chargewatch.folder / "op0.html").read_text()
    assert "通过 pass" in made
    assert "60 min" in made
    with database.connect() as connection:
        wait_until(lambda: sum(row[0] for row in totals(connection).values()) == 10)
    assert collector.terminate() == 0


@pytest.mark.usefixtures("registered")
def test_an_unsound_one_fails_with_examples_and_ctrl_c_ends_it_early(chargewatch: Command, sender: Sender) -> None:
    sender.link("lost")
    running = watching(chargewatch, "--minutes", "30", "--page", "op0.html")
    now = datetime.now(UTC).isoformat()
    sender.send("heartbeat", {"connector_ids": ["c0", "c9"], "at": now}, qos=0)
    sender.send("status", {"connector_id": "c0", "at": now, "status": "charging", "detail": "13812345678"})
    sender.send("meter", {"connector_id": "c0", "at": "2023-06-01T00:00:00Z", "energy_kwh": 9}, retain=True)
    sender.send("meter", {"connector_id": "c0", "at": now, "energy_kwh": 8}, sent_at="2023-06-01T00:00:00Z")
    sender.send("meter", {"connector_id": "c0", "at": now, "energy_kwh": 7}, seq=9)
    sender.send("session", {"session_id": "s"}, schema="ev.session/2")
    sender.everything(meter_end_kwh=3)
    time.sleep(1.0)
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 1, running.said
    found = outcomes(running)
    assert {code for code, outcome in found.items() if outcome == "fail"} == {
        "schema", "unknown_connector", "personal_data", "clock", "delay", "sequence", "register", "session", "conflict",
        "link", "retained", "qos",
    }, running.said  # fmt: skip
    assert "op0 does not pass yet: schema" in running.said
    made = (chargewatch.folder / "op0.html").read_text()
    assert "不通过 fail" in made
    assert "c9" in made
    assert "13812345678" not in made + running.said


@pytest.mark.usefixtures("registered")
def test_from_a_capture_it_can_be_repeated(chargewatch: Command, tmp_path: Path) -> None:
    sent = [
        message("heartbeat", [{"connector_ids": ["c0", "c1"], "at": at(0)}]),
        message("meter", [{"connector_id": "c0", "at": at(1), "energy_kwh": 5}], seq=1, receipt_s=1),
        message("heartbeat", [{"connector_id": "x", "at": at(2)}], seq=2, receipt_s=2, operator="other"),
        message("session", [{
            "session_id": "s", "connector_id": "c1", "start": at(0), "end": at(1), "energy_kwh": 1,
            "meter_start_kwh": 1, "meter_end_kwh": 2,
        }], seq=2, receipt_s=2),
    ]  # fmt: skip
    (tmp_path / "r.ndjson").write_bytes(b"".join(capture.line(*one) for one in sent))
    first = chargewatch("conformance", "--operator", "op0", "--capture", "r.ndjson", "--format", "json")
    assert first.returncode == 0, first
    assert first == chargewatch("conformance", "--operator", "op0", "--capture", "r.ndjson", "--format", "json")
    found = {row["code"]: row["outcome"] for row in first.json()}
    assert found["schema"] == found["session"] == found["silence"] == "pass"
    assert found["qos"] == found["retained"] == "not_seen"
    table = chargewatch("conformance", "--operator", "op0", "--capture", "r.ndjson")
    assert "Every connector is registered" in " ".join(table.stdout.split())


def test_a_wrong_call_ends_in_one_sentence(embedded_dsn: str, chargewatch: Command, tmp_path: Path) -> None:
    with database.connect() as connection:
        register(connection, operators=1)
    (tmp_path / "empty.ndjson").touch()
    for arguments, words in (
        (("--operator", "nobody"), "is not in the registry"),
        (("--operator", "op0"), "cannot be used"),
        (("--operator", "op0", "--capture", "empty.ndjson"), "hold no message"),
        (("--operator", "op0", "--capture", "missing"), "cannot be read"),
        (("--operator", "op0", "--page", "no/such/x.html"), "cannot be written"),
    ):
        result = chargewatch("conformance", *arguments)
        assert result.returncode == 2, result
        assert words in result.stderr
        assert result.stderr.strip().splitlines()[-1].startswith("chargewatch: ")
