"""Where the broker is, who we are to it, and how we know that it is the one: from the settings, for all who connect."""

import ssl
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho

from chargewatch.errors import Refusal
from chargewatch.settings import Settings

_EXPECTED = "mqtt[s]://[user[:password]@]host[:port][/prefix]"


@dataclass(frozen=True, slots=True)
class Address:
    """One door of a broker. `prefix` is what stands before the operators' topics behind it, such as `operators/`."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    prefix: str = ""
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def parse(url: str) -> Address:
    """The address that a URL tells; `mqtts` is verified by the system's certificates. Refusal if it tells none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    path = unquote(parts.path).strip("/")
    more = parts.query or parts.fragment or set(path) & {*"+#$"}
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or more:
        raise Refusal("CHARGEWATCH_MQTT_URL is not the address of a broker", _EXPECTED)
    tls = parts.scheme == "mqtts"
    user, password = (None if text is None else unquote(text) for text in (parts.username, parts.password))
    return Address(
        host=parts.hostname,
        port=port or (8883 if tls else 1883),
        user=user,
        password=password,
        prefix=f"{path}/" if path else "",
        tls=ssl.create_default_context() if tls else None,
    )


def address(settings: Settings) -> Address:
    """The broker's address with the password and the certificates that the settings name; Refusal if one is no good."""
    where = parse(settings.mqtt_url)
    if settings.mqtt_password_file is not None:
        where = replace(where, password=_password(where, settings))
    certificates = (settings.mqtt_ca, settings.mqtt_cert, settings.mqtt_key)
    if where.tls is None:
        if any(certificates):
            raise Refusal(
                "certificates are set, but CHARGEWATCH_MQTT_URL asks for no encryption", "an mqtts:// address with them"
            )
        return where
    if settings.mqtt_key is not None and settings.mqtt_cert is None:
        raise Refusal("CHARGEWATCH_MQTT_KEY is set without CHARGEWATCH_MQTT_CERT", "both, or neither")
    return replace(where, tls=_context(settings))


def identify(client: paho.Client, where: Address) -> None:
    """Give a client, before it connects, what the broker knows us by and is verified by."""
    if where.user is not None:
        client.username_pw_set(where.user, where.password)
    if where.tls is not None:
        client.tls_set_context(where.tls)


def why(error: Exception) -> str:
    """Why a connection could not be had, for a sentence."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate does not hold: {error.verify_message.rstrip('.')} (CHARGEWATCH_MQTT_CA names whose "
            "certificates do)"
        )
    return str(getattr(error, "strerror", None) or error)


def _password(where: Address, settings: Settings) -> str:
    path = settings.mqtt_password_file
    assert path is not None
    if where.user is None or where.password is not None:
        raise Refusal(
            "CHARGEWATCH_MQTT_PASSWORD_FILE is set, but CHARGEWATCH_MQTT_URL has "
            + ("no user" if where.user is None else "a password of its own"),
            "mqtts://user@host and the file",
        )
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"the broker's password cannot be read from {path}: {why(error)}") from None
    if not lines or not lines[0]:
        raise Refusal(f"{path} is empty", "the broker's password in its first line")
    return lines[0]


def _context(settings: Settings) -> ssl.SSLContext:
    """What verifies the broker, always, host name and all."""
    steps: list[tuple[str, Any, Any]] = []
    context = ssl.create_default_context() if settings.mqtt_ca is None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.mqtt_ca is not None:
        steps.append(("CHARGEWATCH_MQTT_CA", settings.mqtt_ca, lambda: context.load_verify_locations(settings.mqtt_ca)))
    if settings.mqtt_cert is not None:
        cert, key = settings.mqtt_cert, settings.mqtt_key
        # Without a password of its own OpenSSL would ask the terminal for one.
        steps.append(("CHARGEWATCH_MQTT_CERT", cert, lambda: context.load_cert_chain(cert, key, password="")))
    for name, path, load in steps:
        try:
            load()
        except (OSError, ValueError) as error:
            raise Refusal(
                f"{name} is {path}, which cannot be used: {why(error)}", "a file of certificates in PEM, and their key"
            ) from None
    return context
