"""mosquitto with deploy/mosquitto/production.conf itself: only its folders and ports are other ones (and its haste)."""

import json
import os
import re
import subprocess
from pathlib import Path

import psycopg
from typer.testing import CliRunner

from collector.operators import commands as operator_commands
from tests.servers import Broker, free_port

DEPLOYED = Path(__file__).resolve().parents[2] / "deploy/mosquitto"


class ProductionBroker(Broker):
    """The broker of a city on free ports of 127.0.0.1, its folder made by first-start.sh.

    If it `tells_all` its log holds every packet, and with them what the access list refuses.
    """

    def __init__(self, folder: Path, *, tells_all: bool = True) -> None:
        super().__init__(folder)  # the port of the operators' door
        self.platform_port, self.certificate_port = free_port(), free_port()
        self.keys = folder / "chargewatch"
        self.pid_file = folder / "mosquitto.pid"
        subprocess.run([DEPLOYED / "first-start.sh", self.keys, "localhost"], check=True, capture_output=True)
        text = (DEPLOYED / "production.conf").read_text(encoding="utf-8")
        for deployed, here in {
            "/etc/mosquitto/chargewatch": str(self.keys),
            "/var/lib/mosquitto/": f"{folder}/",
            "/run/mosquitto/mosquitto.pid": str(self.pid_file),
            "log_dest file /var/log/mosquitto/mosquitto.log": "log_dest stderr",
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "listener 8884 127.0.0.1": f"listener {self.platform_port} 127.0.0.1",
            "listener 8885": f"listener {self.certificate_port} 127.0.0.1",
            "#log_type debug": "log_type debug" if tells_all else "",
            "sys_interval 10": "sys_interval 1",
        }.items():
            assert deployed in text, f"production.conf no longer says {deployed!r}"
            text = text.replace(deployed, here)
        user = "user root\n" if os.geteuid() == 0 else ""
        self.configuration.write_text(user + text, encoding="utf-8")

    def with_certificates(self) -> None:
        """Open the door for client certificates, which production.conf holds as comments."""
        text = self.configuration.read_text(encoding="utf-8")
        door = re.search(r"^#listener .*(?:\n#.+)+", text, re.M)
        assert door
        self.configuration.write_text(text.replace(door[0], door[0].replace("\n#", "\n")[1:]), encoding="utf-8")

    def restart(self) -> None:
        """Stop and start, as after a change that SIGHUP does not take up."""
        self.stop()
        self.start()

    @property
    def environment(self) -> dict[str, str]:
        """What `chargewatch operator` and `chargewatch collect` need to know of it."""
        return {
            "CHARGEWATCH_BROKER_DIR": str(self.keys),
            "CHARGEWATCH_BROKER_PID_FILE": str(self.pid_file),
            "CHARGEWATCH_MQTT_URL": f"mqtts://platform@localhost:{self.platform_port}/operators",
            "CHARGEWATCH_MQTT_PASSWORD_FILE": str(self.keys / "platform.secret"),
            "CHARGEWATCH_MQTT_CA": str(self.keys / "ca.crt"),
        }

    def log_lines(self, words: str) -> list[str]:
        """Lines of the broker's log that hold these words."""
        return [line for line in self.log.read_text(errors="replace").splitlines() if words in line]


def registered(connection: psycopg.Connection, operator_id: str) -> None:
    """An operator that the registry knows, with connectors c0 to c9."""
    connection.execute(
        "INSERT INTO connector_keys (operator_id, connector_id) SELECT %s, 'c' || c FROM generate_series(0, 9) AS c",
        [operator_id],
    )
    connection.execute(
        "INSERT INTO registry_operators (operator_id, name, legal_form, business_scope, credit_good, management_system,"
        " maintenance_team, platform_commitment, recorded_at, import_id) VALUES"
        " (%s, %s, 'limited', true, true, true, true, true, now(), %s)",
        [operator_id, operator_id, _an_import(connection)],
    )


def _an_import(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "INSERT INTO registry_imports (recorded_at, imported_by, source, sha256, rows) VALUES (now(), 'x', 'x', '', 1)"
        " RETURNING import_id"
    ).fetchone()
    assert row
    return int(row[0])


def operator(*words: str) -> str:
    """`chargewatch operator …`, in this process; its standard output. What it raises is raised."""
    done = CliRunner().invoke(operator_commands.app, list(words), catch_exceptions=False)
    return done.stdout


def secret(*words: str) -> str:
    """The secret that `add` or `rotate` prints."""
    [row] = json.loads(operator(*words, "--format", "json"))
    return str(row["password"])
