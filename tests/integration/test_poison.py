"""Poison of every kind between good neighbours, through a real broker, collector and database: exactly its own fate."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from chargewatch import database
from tests.commands import Command
from tests.integration.collecting import at, register, totals
from tests.integration.publishing import Publisher, collect, wait_until
from tests.servers import Broker

STORED = "stored"
CONNECTORS = 10

WHOLE: list[tuple[str, bytes, str]] = [
    ("nothing at all", b"", "unreadable"),
    ("one NUL", b"\0", "unreadable"),
    ("a NUL after the document", b'{"schema":"ev.status/1"}\0', "unreadable"),
    ("bad UTF-8", b'{"schema":"ev.status/1","x":"\xff"}', "unreadable"),
    ("UTF-8 cut in a character", '{"schema":"ev.status/1","x":"温'.encode()[:-1] + b'"}', "unreadable"),
    ("an encoded surrogate", b'{"schema":"ev.status/1","x":"\xed\xa0\x80"}', "unreadable"),
    ("GB 18030", '{"schema":"ev.status/1","x":"温州"}'.encode("gb18030"), "unreadable"),
    ("UTF-16", '{"schema":"ev.status/1"}'.encode("utf-16"), "unreadable"),
    ("null", b"null", "unreadable"),
    ("a list", b"[]", "unreadable"),
    ("cut off", b'{"schema":', "unreadable"),
    ("nested 100,000 deep", b"[" * 100_000, "unreadable"),
    ("nested and closed", b'{"schema":"ev.status/1","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "unreadable"),
    ("300,000 bytes", b"x" * 300_000, "too_large"),
    ("a number of 10,000 digits", b'{"items":' + b"9" * 10_000 + b"}", "unreadable"),
]


def written(fields: dict[str, Any]) -> bytes:
    """A JSON object; a value may be given as the bytes that stand for it, and ... leaves the field out."""
    pairs = (
        f'"{name}":'.encode() + (value if isinstance(value, bytes) else json.dumps(value).encode())
        for name, value in fields.items()
        if value is not ...
    )
    return b"{" + b",".join(pairs) + b"}"


def message(kind: str = "status", **changes: Any) -> bytes:
    """A message with one good item, but for what is changed."""
    item = {"connector_id": "c1", "at": at(0), "status": "charging"}
    fields: dict[str, Any] = {
        "schema": f"ev.{kind}/1", "boot_id": "poison", "seq": 0, "sent_at": at(0), "items": [item], **changes,
    }  # fmt: skip
    return written(fields)


WHOLE += [
    ("a byte order mark", b"\xef\xbb\xbf" + message(), "unreadable"),
    ("two documents", message() + message(), "unreadable"),
    ("trailing garbage", message() + b"x", "unreadable"),
    ("NaN in the envelope", message(seq=b"NaN"), "unreadable"),
    ("seq of 2^63", message(seq=2**63), "unreadable"),
    ("seq of 10^400", message(seq=10**400), "unreadable"),
    ("seq of -1", message(seq=-1), "unreadable"),
    ("seq as a text", message(seq="0"), "unreadable"),
    ("seq twice", message()[:-1] + b',"seq":1}', "unreadable"),
    ("seq twice, disguised", message()[:-1] + b',"s\\u0065q":1}', "unreadable"),
    ("boot_id with U+0000", message(boot_id="\0"), "unreadable"),
    ("boot_id empty", message(boot_id=""), "unreadable"),
    ("half a surrogate pair in boot_id", message(boot_id=b'"\\ud800"'), "unreadable"),
    ("half a surrogate pair in an unknown field", message(vendor=b'"\\ud800"'), "unreadable"),
    ("sent_at beyond the calendar", message(sent_at="9999-12-31T23:59:59-08:00"), "unreadable"),
    ("items null", message(items=None), "unreadable"),
    ("no items", message(items=[]), "invalid_item"),
    ("1,001 items", message(items=[{}] * 1001), "too_large"),
    ("Infinity in an item", message(items=b'[{"connector_id":"c1","energy_kwh":Infinity}]'), "unreadable"),
    ("half a surrogate pair in an item", message(items=b'[{"detail":"\\udc00"}]'), "unreadable"),
    ("a number with a leading zero in an item", message(items=b'[{"energy_kwh":01}]'), "unreadable"),
    ("another version", message(schema="ev.status/2"), "unknown_schema"),
]
TOPICS = [
    ("ev/1//status", "unreadable"), ("ev/1/ /status", "unreadable"), ("ev/1/温州/status", "unreadable"),
    ("ev/1/op0/", "unknown_schema"), ("ev/1/op0/tariff", "unknown_schema"), ("ev/1/nobody/status", "wrong_operator"),
    ("ev/1/OP0/status", "wrong_operator"), (f"ev/1/{'x' * 51}/status", "unreadable"),
]  # fmt: skip

ITEMS: list[tuple[str, dict[str, Any], str]] = [
    ("status", {"detail": b'"a\\u0000b"'}, "invalid_item"),
    ("status", {"detail": b'"\\ud83d\\ude97"'}, STORED),
    ("status", {"detail": "x" * 1000}, STORED),
    ("status", {"detail": "x" * 1001}, "invalid_item"),
    ("status", {"detail": "温" * 1000}, STORED),
    ("status", {"detail": "x" * 200_000}, "invalid_item"),
    ("status", {"detail": "'; DROP TABLE message; --"}, STORED),
    ("status", {"detail": "\\N\t\\."}, STORED),
    ("status", {"detail": "\u202e\u200b\ufeff"}, STORED),
    ("status", {"detail": "13812345678"}, "personal_data"),
    ("status", {"vendor": b"[" * 200 + b"]" * 200}, STORED),
    ("status", {"vendor": b"1e999999"}, STORED),
    ("status", {"status": b'"charging","status":"faulted"'}, "invalid_item"),
    ("status", {"status": b'"charging","st\\u0061tus":"faulted"'}, "invalid_item"),
    ("status", {"status": ""}, "invalid_item"),
    ("status", {"status": None}, "invalid_item"),
    ("status", {"status": ["charging"]}, "invalid_item"),
    ("status", {"connector_id": ""}, "invalid_item"),
    ("status", {"connector_id": "c1 "}, "invalid_item"),
    ("status", {"connector_id": "c1\0"}, "invalid_item"),
    ("status", {"connector_id": 1}, "invalid_item"),
    ("status", {"connector_id": "c77"}, "unknown_connector"),
    ("status", {"at": "9999-12-31T23:59:59Z"}, "clock_future"),
    ("status", {"at": "9999-12-31T23:59:59-08:00"}, "invalid_item"),
    ("status", {"at": "0001-01-01T00:00:00+08:00"}, "invalid_item"),
    ("status", {"at": "0001-01-01T00:00:00Z"}, "implausible"),
    ("status", {"at": "2023-02-29T00:00:00Z"}, "invalid_item"),
    ("status", {"at": "2023-06-01T00:00:00"}, "invalid_item"),
    ("status", {"at": "2023-06-01T00:00:60Z"}, "invalid_item"),
    ("status", {"at": 1685577600}, "invalid_item"),
    ("status", {"at": {}}, "invalid_item"),
    ("meter", {"energy_kwh": b"1" + b"0" * 400}, "implausible"),
    ("meter", {"energy_kwh": b"9" * 5000}, "invalid_item"),
    ("meter", {"energy_kwh": b"1e400"}, "implausible"),
    ("meter", {"energy_kwh": b"1e999999999999999999999"}, "implausible"),
    ("meter", {"energy_kwh": b"1e-400"}, "invalid_item"),
    ("meter", {"energy_kwh": b"-0"}, STORED),
    ("meter", {"energy_kwh": b"-0.0"}, STORED),
    ("meter", {"energy_kwh": b"-0.001"}, "implausible"),
    ("meter", {"energy_kwh": b"999999999999999.9"}, STORED),
    ("meter", {"energy_kwh": b"1000000000000000"}, "implausible"),
    ("meter", {"energy_kwh": b"18446744073709551616"}, "implausible"),
    ("meter", {"energy_kwh": b"1e-60"}, STORED),
    ("meter", {"energy_kwh": "12.5"}, "invalid_item"),
    ("meter", {"energy_kwh": "NaN"}, "invalid_item"),
    ("meter", {"energy_kwh": True}, "invalid_item"),
    ("meter", {"soc_pct": b"100.0000001"}, "implausible"),
    ("meter", {"power_kw": b"-1e15"}, "implausible"),
    ("meter", {"session_id": "x" * 101}, "invalid_item"),
    ("meter", {"session_id": "a\u0085b"}, "invalid_item"),
    ("heartbeat", {"connector_id": ..., "connector_ids": []}, "invalid_item"),
    ("heartbeat", {"connector_ids": ["c1"]}, "invalid_item"),
    ("heartbeat", {"connector_id": ["c1"]}, "invalid_item"),
    ("session", {"revision": 2**31 - 1}, STORED),
    ("session", {"revision": 2**31}, "invalid_item"),
    ("session", {"revision": 2**64}, "invalid_item"),
    ("session", {"revision": b"1.0"}, "invalid_item"),
    ("session", {"revision": -1}, "invalid_item"),
    ("session", {"void": 1}, "invalid_item"),
    ("session", {"connector_id": ..., "connector_ids": ["c1", "c1\0"]}, "invalid_item"),
    ("session", {"connector_id": ..., "connector_ids": ["c1", "c77"]}, "unknown_connector"),
    ("session", {"periods": [[]]}, "invalid_item"),
    ("session", {"periods": [{"start": at(0), "end": at(-1), "energy_kwh": 1}]}, "implausible"),
    ("session", {"stop_reason": 'a "quoted" \\ \n word'}, STORED),
    ("session", {"stop_reason": "a\0b"}, "invalid_item"),
    ("session", {"vehicle": "LSVAU2180N2183294"}, "personal_data"),
    ("session", {"total_fee": b"1e400"}, "implausible"),
    ("session", {"start": at(0.000001), "end": at(0)}, "implausible"),
    ("session", {"energy_kwh": None}, "invalid_item"),
]  # fmt: skip
RAW_ITEMS = [b"1", b"null", b'"x"', b"[]", b"true", b"[[[[1]]]]", b"{}", b'{"":{}}']


def item(kind: str, number: int, place: int, **changes: Any) -> bytes:
    """A good item that is nobody else's, but for what is changed."""
    when = at(number * 10 + place)
    fields: dict[str, Any] = {"connector_id": f"c{number % CONNECTORS}", "at": when}
    fields |= {"status": {"status": "charging"}, "meter": {"energy_kwh": 1}, "heartbeat": {}}.get(kind, {})
    if kind == "session":
        fields = {"session_id": f"s{number}-{place}", "connector_id": "c1", "start": when, "end": when, "energy_kwh": 1}
    return written({**fields, **changes})


@pytest.fixture
def connection(embedded_dsn: str) -> Iterator[psycopg.Connection]:
    with database.connect() as opened:
        register(opened, connectors=CONNECTORS)
        yield opened


def test_every_poison_has_its_own_fate_and_costs_no_neighbour(
    connection: psycopg.Connection, broker: Broker, chargewatch: Command
) -> None:
    running = collect(chargewatch)
    publisher = Publisher(broker.port)
    sent: list[bytes] = []

    def send(payload: bytes, topic: str = "ev/1/op0/status") -> None:
        publisher.send(len(sent), topic, payload)
        sent.append(payload)

    number = 0
    expected: dict[int, list[tuple[int, str]]] = {}
    raw_items = [
        (kind, raw, "invalid_item") for kind in ("status", "meter", "heartbeat", "session") for raw in RAW_ITEMS
    ]
    for kind, changes, fate in [*ITEMS, *raw_items]:
        number += 1
        poison = changes if isinstance(changes, bytes) else item(kind, number, 1, **changes)
        entries = b"[" + b",".join([item(kind, number, 0), poison, item(kind, number, 2)]) + b"]"
        send(message(kind, seq=number, boot_id="items", items=entries), f"ev/1/op0/{kind}")
        expected[number] = [(0, STORED), (1, fate), (2, STORED)]
    whole: list[tuple[str, bytes, str, str]] = [
        (name, payload, "ev/1/op0/status", fate) for name, payload, fate in WHOLE
    ]
    whole += [(topic, message(vendor=topic), topic, fate) for topic, fate in TOPICS]
    for _, payload, topic, _ in whole:
        number += 1
        send(payload, topic)
        entries = b"[" + item("status", number, 0) + b"]"
        send(message(seq=number, boot_id="items", items=entries))  # right behind it, a good one
        expected[number] = [(0, STORED)]
    wait_until(lambda: connection.execute("SELECT count(*) FROM message").fetchone() == (len(sent),))
    assert running.process.poll() is None
    assert fates(connection) == expected
    for name, payload, topic, fate in whole:
        rows = connection.execute(
            "SELECT reason, place, topic FROM quarantine JOIN message USING (message_id, topic)"
            " WHERE sha256 = %s AND topic = %s",
            [hashlib.sha256(payload).digest(), topic],
        ).fetchall()
        assert rows == [(fate, 0, topic)], name
    for offered, stored, duplicate, quarantined in totals(connection).values():
        assert offered == stored + duplicate + quarantined
    refused = sum(fate != STORED for fates in expected.values() for _, fate in fates) + len(whole)
    assert connection.execute("SELECT count(*) FROM quarantine").fetchone() == (refused,)
    assert running.terminate() == 0
    publisher.close()


def fates(connection: psycopg.Connection) -> dict[int, list[tuple[int, str]]]:
    """By the message's seq: each place and what became of it."""
    rows = connection.execute(
        "SELECT seq, place, 'stored' FROM status_fact WHERE boot_id = 'items' UNION ALL"
        " SELECT seq, place, 'stored' FROM meter_fact UNION ALL"
        " SELECT seq, place, 'stored' FROM heartbeat_fact UNION ALL"
        " SELECT seq, place, 'stored' FROM session_fact UNION ALL"
        " SELECT seq, place, reason FROM quarantine JOIN message USING (message_id) WHERE boot_id = 'items'"
        " ORDER BY 1, 2"
    )
    found: dict[int, list[tuple[int, str]]] = {}
    for seq, place, fate in rows:
        found.setdefault(seq, []).append((place, fate))
    return found
