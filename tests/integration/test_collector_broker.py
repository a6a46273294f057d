"""The collector between a real broker and a real database: what it takes, refuses, tells and keeps."""

import json
import time
import urllib.request
from pathlib import Path

import psycopg

from collector import capture
from tests.commands import Command
from tests.integration.collecting import at, message, status, totals
from tests.integration.publishing import Publisher, collect, numbered, stored, wait_until
from tests.servers import Broker, free_port


def test_poison_costs_itself_only_and_metrics_always_balance(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    port = free_port()
    running = collect(chargewatch, COLLECTOR_METRICS_PORT=str(port))
    poison = [
        b"", b"\x00", b"\xff\xfe", b"null", b"[" * 100_000, b'{"schema":', b'{"items":' + b"9" * 10_000 + b"}",
        b'{"schema":"ev.status/1","boot_id":"\\u0000","seq":0,"sent_at":"2023-06-01T00:00:00Z","items":[]}',
        b"x" * 300_000, json.dumps({"schema": "ev.status/9"}).encode(),
    ]  # fmt: skip
    bad_items = [
        status(0, 0, detail="\0"), status(0, 0, "no"), {"at": at(0)}, 5, None, status(77, 0), status(0, 10**9),
        status(0, 0, detail="13812345678"), status(0, 1.5, detail="\U0001f600" * 600), status(0, -(10**9)),
    ]  # fmt: skip
    number = 0
    for bad in poison:
        publisher.send(number, "ev/1/op0/status", bad)
        publisher.send(number + 1, *numbered(number))
        number += 2
    for item in bad_items:
        topic, payload, _ = message("status", [item, status(number % 10, number)], seq=number)
        publisher.send(number, topic, payload)
        number += 2
    publisher.send(number, "ev/1/stranger-13812345678/status", b"{}")
    publisher.send(number + 1, "ev/1/op0/other", b"{}")
    publisher.send(number + 2, "ev/1/op0/link", b'{"schema":"ev.link/1","state":"ready","boot_id":"b"}')
    good = [*range(0, number, 2)]
    # The emoji is a text like any other: 600 characters of it are stored.
    wait_until(lambda: len(stored(connection)) >= len(good) + 1)
    assert sorted(set(stored(connection))) == good
    reasons = connection.execute("SELECT reason, count(*) FROM quarantine GROUP BY 1 ORDER BY 1").fetchall()
    assert dict(reasons) == {
        "clock_future": 1, "implausible": 1, "invalid_item": 5, "personal_data": 1, "too_large": 1,
        "unknown_connector": 1, "unknown_schema": 2, "unreadable": 8, "wrong_operator": 1,
    }  # fmt: skip

    def scraped() -> dict[str, float]:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        assert "stranger" not in text
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#"]
        return {name: float(value) for name, value in lines}

    wait_until(lambda: scraped()["chargewatch_unacknowledged_messages"] == 0)  # a pulse of its own may be on its way
    samples = scraped()
    offered = sum(value for name, value in samples.items() if name.startswith("chargewatch_items_offered_total"))
    items = sum(value for name, value in samples.items() if name.startswith("chargewatch_items_total"))
    assert offered == items == sum(row[0] for row in totals(connection).values()) > 30
    assert samples['chargewatch_quarantined_total{reason="unreadable"}'] == 8
    assert samples['chargewatch_link_up{operator="op0"}'] == 1
    assert samples["chargewatch_ingest_lag_seconds_count"] == len(good) + 1
    assert [name for name in samples if name.startswith("chargewatch_build_info")]
    assert [name for name in samples if name.startswith("chargewatch_commit_seconds_bucket")]
    assert running.terminate() == 0
    kept = b"".join(row[0] for row in connection.execute("SELECT payload FROM quarantine"))
    assert b"13812345678" not in kept


def test_a_retained_copy_is_never_a_fact(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    publisher.send(0, *numbered(0), retain=True)
    publisher.send(1, "ev/1/op0/link", b'{"schema":"ev.link/1","state":"lost","boot_id":"b"}', retain=True)
    publisher.settle(2)
    running = collect(chargewatch)
    publisher.send(2, *numbered(2))
    wait_until(lambda: stored(connection) != [])
    assert stored(connection) == [2]
    assert connection.execute("SELECT operator_id, state FROM link_event").fetchall() == [("op0", "lost")]
    assert running.terminate() == 0
    assert sum(row[0] for row in totals(connection).values()) == 1


def test_a_registration_is_noticed_without_a_restart(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command
) -> None:
    running = collect(chargewatch)
    publisher.send(0, *message("status", [status(42, 0)])[:2])
    wait_until(lambda: totals(connection) == {("op0", "status"): (1, 0, 0, 1)})
    connection.execute("INSERT INTO connector_keys (operator_id, connector_id) VALUES ('op0', 'c42')")
    connection.execute(
        "INSERT INTO registry_imports (recorded_at, imported_by, source, sha256, rows) VALUES (now(), 'x', 'x', '', 1)"
    )
    publisher.send(1, *message("status", [status(42, 1)], seq=1)[:2])
    wait_until(lambda: stored(connection) == [1])
    assert running.terminate() == 0


def test_a_second_collector_under_the_same_id_is_refused(
    connection: psycopg.Connection, broker: Broker, chargewatch: Command
) -> None:
    first = collect(chargewatch)
    second = chargewatch("collect")
    assert second.returncode == 2
    assert "is running already" in second.stderr
    assert first.process.poll() is None
    assert first.terminate() == 0


def test_the_archive_holds_every_stored_message_and_makes_the_same_facts(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command, tmp_path: Path
) -> None:
    running = collect(chargewatch, CAPTURE_DIR=str(tmp_path / "archive"))
    for number in range(100):
        publisher.send(number, *numbered(number))
    publisher.send(100, *message("status", [status(0, 0, detail="浙C12345")], seq=100)[:2])
    publisher.send(101, "ev/1/op0/status", b"\xff")
    wait_until(lambda: totals(connection).get(("op0", "status"), (0,))[0] == 102)
    assert running.terminate() == 0
    files = sorted((tmp_path / "archive").glob("*.ndjson"))
    assert sum(1 for path in files for _ in capture.read(path)) == 102
    assert "浙C12345" not in "".join(path.read_text() for path in files)
    again = chargewatch("ingest", *files, "--format", "json").json()
    assert again == [
        {"kind": "status", "offered": 102, "stored": 0, "duplicate": 100, "quarantined": 2, "conflicts": 0}
    ]


def test_record_writes_what_comes_without_taking_it_from_the_collector(
    connection: psycopg.Connection, publisher: Publisher, chargewatch: Command, tmp_path: Path
) -> None:
    running = collect(chargewatch)
    recorder = chargewatch.start("record", tmp_path / "r.ndjson.gz", "--count", "200")
    deadline, number = time.monotonic() + 60, 0
    while recorder.process.poll() is None and time.monotonic() < deadline:
        publisher.send(number, *numbered(number))
        number += 1
        time.sleep(0.002)
    assert recorder.wait() == 0
    assert "200 messages are in" in recorder.said
    read = list(capture.read(tmp_path / "r.ndjson.gz"))
    assert len(read) == 200
    assert all(isinstance(one, capture.Captured) and not one.why for one in read)
    publisher.settle(number)
    wait_until(lambda: len(stored(connection)) >= number)
    assert running.terminate() == 0
    assert stored(connection) == list(range(number))
