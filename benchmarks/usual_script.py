"""The script that most people write: on_message, json.loads, INSERT, commit. Acknowledged on receipt.

`python -m benchmarks.usual_script PORT DSN MESSAGES each|many` says `ready`, and `done` with the time (monotonic) when
so many are committed. `each`: an INSERT an item; `many`: executemany. One commit a message in both; a message of one
item goes without BEGIN, which is faster. Same columns and keys as our tables, in tables `usual_…`.
"""

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_EVIDENCE = ("received_at", "recorded_at", "message_id", "boot_id", "seq", "place")
COLUMNS = {
    "status": ("connector_no", "at", "status", "fault_code", "detail", *_EVIDENCE),
    "meter": (
        *("connector_no", "at", "energy_kwh", "power_kw", "voltage_v", "current_a", "soc_pct", "session_id"),
        *_EVIDENCE,
    ),
    "heartbeat": ("connector_no", "at", *_EVIDENCE),
}
INSERT = {
    kind: f"INSERT INTO usual_{kind} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
    " ON CONFLICT DO NOTHING"
    for kind, columns in COLUMNS.items()
}


def connected(client: paho.Client, *_: Any) -> None:
    """Subscribe as the collector does."""
    client.subscribe("ev/1/+/+", qos=1)


def main(port: int, dsn: str, total: int, many: bool) -> None:
    """Store what comes until told to end."""
    connection = psycopg.connect(dsn, autocommit=True)
    numbers = {
        (operator, connector): number
        for number, operator, connector in connection.execute(
            "SELECT connector_no, operator_id, connector_id FROM connector_keys"
        )
    }
    cursor, stored = connection.cursor(), 0

    def store(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        nonlocal stored
        _, _, operator, kind = message.topic.split("/")
        body = json.loads(message.payload)
        now = datetime.now(UTC)
        rows = []
        for place, item in enumerate(body["items"]):
            for connector in item.get("connector_ids") or [item["connector_id"]]:
                content = [item.get(name) for name in COLUMNS[kind][2 : -len(_EVIDENCE)]]
                number = numbers[operator, connector]
                rows.append((number, item["at"], *content, now, now, stored, body["boot_id"], body["seq"], place))
        if len(rows) == 1:
            cursor.execute(INSERT[kind], rows[0])
        else:
            with connection.transaction():
                if many:
                    cursor.executemany(INSERT[kind], rows)
                else:
                    for row in rows:
                        cursor.execute(INSERT[kind], row)
        stored += 1
        if stored == total:
            print(f"done {time.monotonic()}", flush=True)

    client = paho.Client(CallbackAPIVersion.VERSION2, "usual", protocol=paho.MQTTv5)
    client.on_message = store
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.on_connect = connected
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = 2000
    client.connect("127.0.0.1", port, properties=properties)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] == "many")
