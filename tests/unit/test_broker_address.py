"""Where the broker is and who we are to it, as the settings tell."""

from pathlib import Path

import pytest

from chargewatch import broker, settings
from chargewatch.errors import Refusal


def address(monkeypatch: pytest.MonkeyPatch, **env: object) -> broker.Address:
    for name, value in env.items():
        monkeypatch.setenv(f"CHARGEWATCH_MQTT_{name}", str(value))
    return broker.address(settings.load())


def test_a_plain_url() -> None:
    where = broker.parse("mqtt://a%40b:p%2Fw@broker.example")
    assert (where.host, where.port, where.user, where.password) == ("broker.example", 1883, "a@b", "p/w")
    assert (where.prefix, where.tls) == ("", None)
    assert str(where) == "mqtt://broker.example:1883", "no password where it is said"


def test_the_path_is_what_stands_before_the_operators_topics() -> None:
    assert broker.parse("mqtt://h/operators").prefix == broker.parse("mqtt://h/operators/").prefix == "operators/"
    assert broker.parse("mqtt://h/").prefix == ""


@pytest.mark.parametrize(
    "url",
    ["", "h", "http://h", "mqtt://", "mqtt://h:x", "mqtt://h/+", "mqtt://h?tls=no", "mqtt://h/$SYS", "mqtt://h#x"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Refusal, match="not the address of a broker"):
        broker.parse(url)


def test_encryption_verifies_certificate_and_name_whatever_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import ssl

    for where in (broker.parse("mqtts://h"), address(monkeypatch, URL="mqtts://h")):
        assert where.tls is not None
        assert where.port == 8883
        assert where.tls.verify_mode == ssl.CERT_REQUIRED
        assert where.tls.check_hostname
        assert where.tls.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_the_password_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    assert address(monkeypatch, URL="mqtt://me@h", PASSWORD_FILE=file).password == "s3cret"
    for url, sentence in (("mqtt://h", "has no user"), ("mqtt://me:too@h", "has a password of its own")):
        with pytest.raises(Refusal, match=sentence):
            address(monkeypatch, URL=url)
    file.write_text("")
    with pytest.raises(Refusal, match="is empty"):
        address(monkeypatch, URL="mqtt://me@h")
    file.unlink()
    with pytest.raises(Refusal, match="cannot be read"):
        address(monkeypatch, URL="mqtt://me@h")


@pytest.mark.parametrize(
    ("name", "url", "sentence"),
    [
        ("CA", "mqtt://h", "asks for no encryption"),
        ("CERT", "mqtt://h", "asks for no encryption"),
        ("KEY", "mqtts://h", "without CHARGEWATCH_MQTT_CERT"),
        ("CA", "mqtts://h", "CHARGEWATCH_MQTT_CA is .* cannot be used"),
        ("CERT", "mqtts://h", "CHARGEWATCH_MQTT_CERT is .* cannot be used"),
    ],
)
def test_certificates_that_cannot_be_used_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, url: str, sentence: str
) -> None:
    for text in (None, "no certificate"):
        file = tmp_path / "file.pem"
        if text is not None:
            file.write_text(text)
        with pytest.raises(Refusal, match=sentence):
            address(monkeypatch, URL=url, **{name: file})
