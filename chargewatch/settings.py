"""Settings from the environment; the only module that reads it."""

import os
import pwd
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from chargewatch.errors import Refusal


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation decides. Every field has a default with which one machine works."""

    home: Path
    """Folder for the embedded database, the broker's state and logs (`CHARGEWATCH_HOME`)."""
    dsn: str | None
    """libpq connection string or URI (`CHARGEWATCH_DSN`); without it the embedded database is used."""
    mqtt_url: str
    """`mqtt://` or `mqtts://` with optional user and password (`CHARGEWATCH_MQTT_URL`)."""
    mqtt_password_file: Path | None
    """File whose first line is the broker's password, instead of one in the URL (`CHARGEWATCH_MQTT_PASSWORD_FILE`)."""
    mqtt_ca: Path | None
    """Certificates (PEM) that an `mqtts://` broker's is verified by (`CHARGEWATCH_MQTT_CA`); else the system's."""
    mqtt_cert: Path | None
    """Our own certificate, where the broker asks for one (`CHARGEWATCH_MQTT_CERT`)."""
    mqtt_key: Path | None
    """The key of that certificate (`CHARGEWATCH_MQTT_KEY`)."""
    client_id: str
    """MQTT client id of the collector, stable over restarts (`CHARGEWATCH_CLIENT_ID`)."""
    share: str | None
    """Name of the group of collectors that share the messages; none by default (`CHARGEWATCH_SHARE`)."""
    pulses: str
    """Id or path of the pulse settings: how often pulses are sent, what they prove (`CHARGEWATCH_PULSES`)."""
    metrics_port_collector: int
    """TCP port of the collector's /metrics, 0 for none (`CHARGEWATCH_COLLECTOR_METRICS_PORT`)."""
    metrics_port_scheduler: int
    """TCP port of the scheduler's /metrics, 0 for none (`CHARGEWATCH_SCHEDULER_METRICS_PORT`)."""
    metrics_host: str
    """Address that the metrics listen on (`CHARGEWATCH_METRICS_HOST`)."""
    capture_dir: Path | None
    """Folder of the capture archive; none by default (`CHARGEWATCH_CAPTURE_DIR`)."""
    batch_items: int
    """A batch is committed at this many items at the latest (`CHARGEWATCH_BATCH_ITEMS`)."""
    batch_ms: int
    """A batch is committed after this many milliseconds at the latest (`CHARGEWATCH_BATCH_MS`)."""
    receive_maximum: int
    """Messages that may be unacknowledged at a time (`CHARGEWATCH_RECEIVE_MAXIMUM`)."""
    broker_dir: Path | None
    """Folder that the broker reads the operators' accounts from (`CHARGEWATCH_BROKER_DIR`)."""
    broker_pid_file: Path
    """The broker's own pid file, to have it read them again (`CHARGEWATCH_BROKER_PID_FILE`)."""


def _whole(name: str, default: int, least: int, most: int) -> int:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise Refusal(f"{name} is {text!r}", f"a whole number from {least} to {most}")
    return value


def _path(name: str) -> Path | None:
    text = os.environ.get(name)
    return Path(text).expanduser().resolve() if text else None


def who() -> str:
    """Name of the user that runs this process, for histories that say who did something."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        return str(os.getuid())


def _name(name: str) -> str | None:
    """A name that can stand in a topic."""
    text = os.environ.get(name) or None
    if text is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        raise Refusal(f"{name} is {text!r}", "at most 64 letters, digits, '.', '_' or '-'")
    return text


def load() -> Settings:
    """Settings of this process; raises Refusal for a value that cannot be."""
    env = os.environ
    return Settings(
        home=Path(env.get("CHARGEWATCH_HOME") or ".chargewatch").expanduser().resolve(),
        dsn=env.get("CHARGEWATCH_DSN") or None,
        mqtt_url=env.get("CHARGEWATCH_MQTT_URL") or "mqtt://127.0.0.1:1883",
        mqtt_password_file=_path("CHARGEWATCH_MQTT_PASSWORD_FILE"),
        mqtt_ca=_path("CHARGEWATCH_MQTT_CA"),
        mqtt_cert=_path("CHARGEWATCH_MQTT_CERT"),
        mqtt_key=_path("CHARGEWATCH_MQTT_KEY"),
        client_id=_name("CHARGEWATCH_CLIENT_ID") or f"chargewatch-collector-{socket.gethostname()}",
        share=_name("CHARGEWATCH_SHARE"),
        pulses=env.get("CHARGEWATCH_PULSES") or "pulses-1",
        metrics_port_collector=_whole("CHARGEWATCH_COLLECTOR_METRICS_PORT", 9464, 0, 65535),
        metrics_port_scheduler=_whole("CHARGEWATCH_SCHEDULER_METRICS_PORT", 9465, 0, 65535),
        metrics_host=env.get("CHARGEWATCH_METRICS_HOST") or "127.0.0.1",
        capture_dir=_path("CHARGEWATCH_CAPTURE_DIR"),
        batch_items=_whole("CHARGEWATCH_BATCH_ITEMS", 20_000, 1, 1_000_000),
        batch_ms=_whole("CHARGEWATCH_BATCH_MS", 100, 1, 60_000),
        receive_maximum=_whole("CHARGEWATCH_RECEIVE_MAXIMUM", 2000, 1, 65_535),
        broker_dir=_path("CHARGEWATCH_BROKER_DIR"),
        broker_pid_file=_path("CHARGEWATCH_BROKER_PID_FILE") or Path("/run/mosquitto/mosquitto.pid"),
    )
