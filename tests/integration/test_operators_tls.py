"""The production broker's doors with TLS, end to end, and what a certificate that does not hold comes to."""

import subprocess
from pathlib import Path

import psycopg
import pytest

from chargewatch import database
from tests.commands import Command
from tests.integration.collecting import message, status
from tests.integration.mqtt_client import client
from tests.integration.production_broker import ProductionBroker, operator, secret
from tests.integration.publishing import collect, wait_until


def stored(connection: psycopg.Connection) -> list[tuple[str, int]]:
    return connection.execute(
        "SELECT operator_id, seq FROM status_fact JOIN connector_keys USING (connector_no) ORDER BY 1, 2"
    ).fetchall()


@pytest.mark.parametrize("share", ["", "city"])
def test_an_operators_message_comes_through_both_doors_into_the_store(
    city: ProductionBroker, chargewatch: Command, share: str
) -> None:
    passwords = {name: secret("add", name) for name in ("A", "B")}
    running = collect(chargewatch, SHARE=share)
    with database.connect() as connection:
        for name, password in passwords.items():
            with client(city.port, name, password, ca=city.keys / "ca.crt") as sender:
                for seq in range(3):
                    topic, payload, _ = message("status", [status(seq, seq)], operator=name, seq=seq)
                    assert sender.publish(topic, payload) == "Success"
        wait_until(lambda: len(stored(connection)) == 6)
        assert running.terminate() == 0, running.said
        # What comes while the collector is away and the broker is restarted waits at the broker.
        with client(city.port, "A", passwords["A"], ca=city.keys / "ca.crt") as sender:
            assert sender.publish(*message("status", [status(3, 3)], operator="A", seq=3)[:2]) == "Success"
        city.restart()
        again = collect(chargewatch, SHARE=share)
        wait_until(lambda: ("A", 3) in stored(connection))
    assert "refuses" not in again.said, "the platform's access list allows all that the collector needs"
    assert city.log_lines("Denied PUBLISH") == []


def signed(city: ProductionBroker, name: str, extensions: str, *, ca: str = "ca", days: str = "2") -> tuple[Path, Path]:
    """A certificate of the broker's CA (or another) for this name; its file and its key's."""
    keys = city.keys
    key, certificate, request = keys / f"{name}.key", keys / f"{name}.crt", keys / f"{name}.csr"
    (keys / "extensions").write_text(extensions)
    for command in (
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)],
        ["openssl", "req", "-new", "-key", str(key), "-subj", f"/CN={name}", "-out", str(request)],
        ["openssl", "x509", "-req", "-in", str(request), "-CA", str(keys / f"{ca}.crt"), "-CAcreateserial",
         "-CAkey", str(keys / f"{ca}.key"), "-days", days, "-extfile", str(keys / "extensions"),
         "-out", str(certificate)],
    ):  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def other_ca(city: ProductionBroker) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=other", "-keyout", str(city.keys / "other.key"), "-out", str(city.keys / "other.crt")],
        check=True, capture_output=True,
    )  # fmt: skip


def refusal(chargewatch: Command) -> str:
    """The one sentence that a command which connects with the present settings ends with."""
    done = chargewatch("record", "/dev/null", "--seconds", "2")
    assert done.returncode == 2, done
    [sentence] = done.stderr.strip().splitlines()
    return sentence


def test_a_certificate_that_does_not_hold_is_one_sentence(
    city: ProductionBroker, chargewatch: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_ca(city)
    monkeypatch.setenv("CHARGEWATCH_MQTT_CA", str(city.keys / "other.crt"))
    done = chargewatch("collect")
    assert done.returncode == 2
    assert "its certificate does not hold" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    monkeypatch.delenv("CHARGEWATCH_MQTT_CA")
    assert "its certificate does not hold" in refusal(chargewatch), "without a setting, the system's certificates count"
    monkeypatch.setenv("CHARGEWATCH_MQTT_CA", str(city.keys / "ca.crt"))
    for name, extensions, days, words in (
        ("elsewhere", "subjectAltName=DNS:elsewhere", "2", "certificate is not valid for 'localhost'"),
        ("localhost", "subjectAltName=DNS:localhost", "-1", "certificate has expired"),
    ):
        certificate, key = signed(city, name, extensions, days=days)
        certificate.replace(city.keys / "server.crt")
        key.replace(city.keys / "server.key")
        city.restart()
        sentence = refusal(chargewatch)
        assert words in sentence
        assert "CHARGEWATCH_MQTT_CA" in sentence


def test_without_encryption_nobody_speaks_at_either_door(
    city: ProductionBroker, chargewatch: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHARGEWATCH_MQTT_CA")
    for port in (city.port, city.platform_port):
        monkeypatch.setenv("CHARGEWATCH_MQTT_URL", f"mqtt://platform@localhost:{port}")
        assert "cannot be used" in refusal(chargewatch)


def test_client_certificates_instead_of_passwords(city: ProductionBroker) -> None:
    other_ca(city)
    a = signed(city, "A", "extendedKeyUsage=clientAuth")
    b_of_another = signed(city, "B", "extendedKeyUsage=clientAuth", ca="other")
    (city.keys / "clients-ca.crt").write_bytes((city.keys / "ca.crt").read_bytes())
    city.with_certificates()
    city.restart()
    port, ca = city.certificate_port, city.keys / "ca.crt"
    with client(port, ca=ca, certificate=a, client_id="chargewatch-collector") as one:
        assert one.publish("ev/1/A/status") == "Not authorized", "nobody may before `operator` has written the list"
        password = secret("add", "A")
        # The broker reads its files a moment after it was told.
        wait_until(lambda: one.publish("ev/1/A/status") == "No matching subscribers", 5)
        assert one.publish("ev/1/B/status") == "Not authorized"
        operator("suspend", "A")
        wait_until(lambda: one.publish("ev/1/A/status") == "Not authorized", 5)
        operator("resume", "A")
        wait_until(lambda: one.publish("ev/1/A/status") == "No matching subscribers", 5)
    with client(port, "B", "x", ca=ca, certificate=a) as one:
        assert one.publish("ev/1/B/status") == "Not authorized", "the certificate tells who it is, whatever is said"
    for certificate in (b_of_another, None):
        with client(port, "A", password, ca=ca, certificate=certificate) as one:
            assert not one.let_in
