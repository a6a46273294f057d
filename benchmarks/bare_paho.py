"""The bare client: paho receives and acknowledges, and that is all it does.

`python -m benchmarks.bare_paho PORT MESSAGES RECEIVE_MAXIMUM auto|manual` says `ready`, and `done` after so many.
"""

import sys
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def connected(client: paho.Client, *_: Any) -> None:
    """Subscribe as the collector does."""
    client.subscribe("ev/1/+/+", qos=1)


def main(port: int, total: int, receive_maximum: int, manual: bool) -> None:
    """Receive until told to end."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "bare", protocol=paho.MQTTv5, manual_ack=manual)
    received = 0

    def automatic(_client: paho.Client, _data: Any, _message: paho.MQTTMessage) -> None:
        nonlocal received
        received += 1
        if received == total:
            print("done", flush=True)

    def by_hand(client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        automatic(client, data, message)
        client.ack(message.mid, message.qos)

    client.on_message = by_hand if manual else automatic
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.on_connect = connected
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = receive_maximum
    client.connect("127.0.0.1", port, properties=properties)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "manual")
