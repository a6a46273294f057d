"""`chargewatch operator` beside a real mosquitto with the production configuration: who gets in, and who no longer."""

import base64
import json
import shutil
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from chargewatch import database
from chargewatch.errors import CheckFailed, Refusal
from collector.operators.accounts import hashed
from tests.commands import Command
from tests.conftest import need
from tests.integration.mqtt_client import Client, client
from tests.integration.production_broker import ProductionBroker, operator, registered, secret
from tests.integration.publishing import wait_until
from tests.servers import started


def let_in(city: ProductionBroker, user: str | None, password: str | None) -> bool:
    with client(city.port, user, password, ca=city.keys / "ca.crt") as one:
        return one.let_in


def test_an_account_from_nothing_to_its_end(city: ProductionBroker) -> None:
    assert not let_in(city, "A", ""), "before anybody was added nobody gets in"
    first = secret("add", "A")
    with client(city.port, "A", first, ca=city.keys / "ca.crt") as live:
        assert live.publish("ev/1/A/status") == "No matching subscribers"
        assert live.publish("ev/1/B/status") == "Not authorized"
        second = secret("rotate", "A")
        wait_until(lambda: live.disconnects != [], 5)
    assert second != first
    assert not let_in(city, "A", first)
    with client(city.port, "A", second, ca=city.keys / "ca.crt") as live:
        assert live.let_in
        operator("suspend", "A")
        wait_until(lambda: live.disconnects != [], 5)
    assert not let_in(city, "A", second)
    assert not let_in(city, "A", "")
    assert not let_in(city, None, None), "with no account open, nobody gets in at all"
    operator("resume", "A")
    assert let_in(city, "A", second)
    [row] = json.loads(operator("list", "--format", "json"))
    assert (row["operator_id"], row["state"]) == ("A", "open")
    assert row["opened_at"] < row["secret_since"] < row["state_since"]
    assert row["opened_by"] == row["secret_by"] == row["state_by"] != ""


def test_others_keep_their_connection_while_one_is_changed(city: ProductionBroker) -> None:
    other = secret("add", "B")
    with client(city.port, "B", other, ca=city.keys / "ca.crt") as live:
        assert live.let_in
        secret("add", "A")
        operator("suspend", "A")
        assert live.publish("ev/1/B/status") == "No matching subscribers"
        assert live.disconnects == []


def test_what_was_not_sent_at_a_rotation_is_sent_with_the_new_secret(city: ProductionBroker) -> None:
    first = secret("add", "A")
    sender = Client(city.port, "A", first, ca=city.keys / "ca.crt", reconnect=True)
    second = secret("rotate", "A")
    wait_until(lambda: sender.disconnects != [], 5)
    sent = [sender.paho.publish("ev/1/A/status", b"%d" % number, qos=1).mid for number in range(20)]
    assert not set(sent) & set(sender.answers)
    sender.paho.username_pw_set("A", second)
    wait_until(lambda: set(sent) <= set(sender.answers), 20)
    sender.close()


def test_the_secret_is_nowhere_in_clear(city: ProductionBroker) -> None:
    shown = secret("add", "A")
    assert len(shown) >= 32
    with client(city.port, "A", shown, ca=city.keys / "ca.crt") as one:
        assert one.let_in
    files = [path.read_bytes() for path in city.folder.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert not [text for text in files if shown.encode() in text]
    with database.connect() as connection:
        history = connection.execute("SELECT to_jsonb(o)::text FROM operator_account AS o").fetchall()
    assert len(history) == 1
    assert shown not in str(history)
    assert shown not in operator("list", "--format", "json")


def test_what_cannot_be_is_said(city: ProductionBroker) -> None:
    with database.connect() as connection:
        registered(connection, "chargewatch-1")
    secret("add", "A")
    before = {path: path.read_bytes() for path in city.keys.iterdir()}
    for words, sentence in (
        (["add", "nobody"], "the registry knows no operator 'nobody'"),
        (["add", "A"], "A has an account since"),
        (["rotate", "B"], "B has no account"),
        (["suspend", "B"], "B has no account"),
        (["resume", "A"], "A is not suspended"),
        (["add", "chargewatch-1"], "cannot be a user name at the broker"),
    ):
        with pytest.raises(Refusal, match=sentence):
            operator(*words)
    assert {path: path.read_bytes() for path in city.keys.iterdir()} == before
    operator("suspend", "A")
    with pytest.raises(Refusal, match="is suspended already, since"):
        operator("suspend", "A")


def test_files_are_whole_closed_to_others_and_made_again_elsewhere(
    city: ProductionBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret("add", "A")
    secret("add", "B")
    operator("suspend", "B")
    names = ("operators.passwd", "operators.acl")
    for name in names:
        assert stat.S_IMODE((city.keys / name).stat().st_mode) == 0o640
        assert (city.keys / name).stat().st_gid == city.keys.stat().st_gid
    assert not list(city.keys.glob(".*")), "no half file is left"
    second = tmp_path / "second"
    second.mkdir()
    monkeypatch.setenv("CHARGEWATCH_BROKER_DIR", str(second))
    operator("write")
    assert [(second / name).read_text() for name in names] == [(city.keys / name).read_text() for name in names]


def test_a_broker_that_cannot_be_told_is_said_and_the_secret_is_not_lost(
    city: ProductionBroker, chargewatch: Command
) -> None:
    city.kill()  # leaves its pid file behind
    done = chargewatch("operator", "add", "A", "--format", "json")
    assert done.returncode == 1
    assert "systemctl reload mosquitto" in done.stderr
    city.start()
    assert let_in(city, "A", json.loads(done.stdout)[0]["password"])


def test_a_folder_that_is_not_there_changes_nothing(
    city: ProductionBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for folder, sentence in ((str(tmp_path / "none"), "cannot be written"), ("", "CHARGEWATCH_BROKER_DIR is not set")):
        monkeypatch.setenv("CHARGEWATCH_BROKER_DIR", folder)
        with pytest.raises(Refusal, match=sentence):
            operator("add", "A")
    assert json.loads(operator("list", "--format", "json")) == []


def test_another_process_is_never_signalled(city: ProductionBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    with started("sleep", "60") as ours:
        stale = city.folder / "stale.pid"
        stale.write_text(str(ours.pid))
        monkeypatch.setenv("CHARGEWATCH_BROKER_PID_FILE", str(stale))
        with pytest.raises(CheckFailed, match="it names another process"):
            operator("write")
        assert ours.poll() is None


def test_the_history_is_never_edited(city: ProductionBroker) -> None:
    secret("add", "A")
    with database.connect() as connection:
        for sql in ("UPDATE operator_account SET recorded_by = 'x'", "DELETE FROM operator_account"):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
                connection.execute(sql)


def test_our_hash_is_mosquittos_own(tmp_path: Path) -> None:
    program = shutil.which("mosquitto_passwd")
    need("" if program else "mosquitto_passwd is not installed")
    assert program
    file = tmp_path / "passwd"
    subprocess.run([program, "-c", "-b", str(file), "A", "s3cret"], check=True, capture_output=True)
    line = file.read_text().strip().removeprefix("A:")
    assert line == hashed("s3cret", _salt(line))
    assert line != hashed("s3cret!", _salt(line))


def _salt(line: str) -> bytes:
    return base64.b64decode(line.split("$")[3])
