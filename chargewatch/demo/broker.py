"""The demo's broker: mosquitto where it is installed, else a small one in memory."""

import shutil
import sys
from pathlib import Path

from chargewatch.demo.processes import Processes

MOSQUITTO = """listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
max_queued_messages 0
max_queued_bytes 0
max_packet_size 1048576
persistent_client_expiration 1d
"""
AMQTT = """listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


def start(processes: Processes, folder: Path, port: int) -> str:
    """Start a broker on this port of 127.0.0.1 and wait until it listens; which one it is, and what that means."""
    shutil.rmtree(folder, ignore_errors=True)  # an earlier demo's messages are none of this one's
    folder.mkdir(parents=True)
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto:
        configuration, text = folder / "mosquitto.conf", MOSQUITTO.format(port=port, folder=folder)
        if folder.owner() == "root":
            text += "user root\n"  # it would give up its rights, and with them the folder for its state
        command = [mosquitto, "-c", str(configuration)]
        sentence = "mosquitto, MQTT 5"
    else:
        configuration, text = folder / "amqtt.yaml", AMQTT.format(port=port)
        command = [str(Path(sys.executable).parent / "amqtt"), "-c", str(configuration)]
        sentence = (
            "amqtt, as mosquitto is not installed: MQTT 3.1.1, in memory. Nothing survives its end, and what is not "
            "acknowledged in 5 s it drops:\n           good for this demo, not for a city"
        )
    configuration.write_text(text, encoding="utf-8")
    processes.start("broker", command)
    processes.wait_for_port("broker", port)
    return sentence
