"""Plates, VINs and telephone numbers through the real path: afterwards they are nowhere in clear."""

import base64
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chargewatch import database
from collector import capture
from tests.commands import Command
from tests.integration.collecting import START, at, message, register, status
from tests.integration.publishing import Publisher, collect, wait_until
from tests.servers import Broker, free_port

VALUES = ("浙C·D12345", "浙C88888", "LSVAU2180N2184411", "13900017771", "+86 139 8765 4321", "0577-88886666")
FREE = ("vehicle", "detail", "stop_reason", "fault_code", "vendor", "status", "at", "phone", "energy_kwh", "end")


def escaped(value: str) -> str:
    """Every character as \\uXXXX."""
    return "".join(f"\\u{ord(one):04x}" for one in value)


def payloads(value: str) -> Iterator[bytes]:
    """The value in every field where it can be, in messages of every state of health."""
    good = status(0, 0)
    for name in FREE:
        yield message("status", [good, good | {name: value}])[1]
        yield message("session", [{"session_id": "s", "connector_id": "c77", name: [value, {"deep": value}]}])[1]
    body = message("status", [good])[1]
    yield message("status", [good | {"detail": 5, value: 1}], note=value)[1]
    yield message("status", [value, [value]])[1]  # type: ignore[list-item]
    yield message("status", [], vehicle=value)[1]
    yield message("status", [good], schema="ev.status/2", vehicle=value)[1]
    yield message("status", [good], seq=-1, vehicle=value)[1]
    raw = json.dumps({"x": {"vehicle": value}}, ensure_ascii=False)
    yield raw.encode()
    yield raw.encode()[:-3]  # cut off within the string
    yield raw.encode() + b"\xff"
    yield raw.replace(value, escaped(value)).encode()
    yield raw.replace(value, value[:3] + escaped(value[3:])).encode()
    yield raw.replace("vehicle", escaped("vehicle")).encode()
    yield raw.encode("gb18030")
    yield raw.encode("utf-16")
    yield raw.encode("utf-16-be")
    yield body[:-1] + f',"detail":"{value}" oops'.encode()
    if value == VALUES[0]:
        yield message("status", [good] * 1001, vehicle=value)[1]
        yield b"x" * 262_145 + raw.encode()


def clear(value: str) -> set[bytes]:
    """The value as any of these bytes."""
    forms = {value, escaped(value), value[:3] + escaped(value[3:]), json.dumps(value)[1:-1]}
    return {form.encode(encoding) for form in forms for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")}


NEEDLES = {needle for value in VALUES for needle in clear(value)}


PLAIN = {value.encode() for value in VALUES}


def nothing_in(kept: bytes, where: str, needles: set[bytes] = NEEDLES) -> None:
    for needle in needles:
        found = kept.find(needle)
        assert found < 0, f"{where} holds {kept[max(0, found - 200) : found + 60]!r}"


def everything(connection: psycopg.Connection) -> Iterator[tuple[str, bytes]]:
    """Each table's rows as text, and each column of bytes as it is."""
    tables = connection.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace"
        " WHERE relkind IN ('r', 'p') AND nspname = 'public' AND NOT relispartition"
    ).fetchall()
    for (table,) in tables:
        rows = connection.execute(f'SELECT t::text FROM "{table}" AS t'.encode()).fetchall()
        yield table, "\n".join(row[0] for row in rows).encode()
    rows = connection.execute("SELECT payload FROM quarantine").fetchall()
    yield "quarantine.payload", b"\n".join(bytes(row[0]) for row in rows)


def on_disk(connection: psycopg.Connection, since: float) -> Iterator[tuple[str, bytes]]:
    """The server's own files that were written since: tables, write-ahead log, log."""
    row = connection.execute("SELECT current_setting('data_directory'), oid FROM pg_database"
                             " WHERE datname = current_database()").fetchone()  # fmt: skip
    assert row is not None
    connection.execute("CHECKPOINT")
    folder = Path(row[0])
    files = [*(folder / "base" / str(row[1])).iterdir(), *(folder / "pg_wal").iterdir()]
    written = [file for file in files if file.is_file() and file.stat().st_mtime >= since]
    assert len(written) > 20, "the server's files were not found"
    assert {file.parent.name for file in written} >= {"pg_wal", str(row[1])}
    yield from ((str(file), file.read_bytes()) for file in (*written, folder.parent / "log"))


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    one = Publisher(broker.port)
    yield one
    one.close()


def test_nobodys_plate_vin_or_number_is_kept_in_clear(
    embedded_dsn: str, publisher: Publisher, chargewatch: Command, tmp_path: Path
) -> None:
    port, sent, started = free_port(), 0, time.time()
    with database.connect() as connection:
        register(connection)
        running = collect(chargewatch, CAPTURE_DIR=str(tmp_path / "archive"), COLLECTOR_METRICS_PORT=str(port))
        recorder = chargewatch.start("record", tmp_path / "recorded.ndjson")
        watch = chargewatch.start(
            "conformance", "--operator", "op0", "--minutes", "60", "--page", tmp_path / "op0.html", "--format", "json"
        )
        watch.wait_for("Watching op0")
        wait_until((tmp_path / "recorded.ndjson").exists)
        time.sleep(1)
        for value in VALUES:
            for payload in payloads(value):
                for kind in ("status", "session", "link") if len(payload) < 2000 else ("status",):
                    publisher.send(sent, f"ev/1/op0/{kind}", payload)
                    sent += 1
        wait_until(lambda: messages(connection) >= sent)
        assert messages(connection) == sent
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read()
        assert watch.process.send_signal(2) is None
        assert watch.wait() == 1
        assert recorder.terminate() == 0
        assert running.terminate() == 0
        broken(chargewatch, tmp_path)
        export = chargewatch("quarantine", "export", "refused.ndjson")
        assert export.returncode == 0
        listed = chargewatch("quarantine", "list", "--limit", "100000", "--format", "json")
        retried = chargewatch("quarantine", "retry")
        said = [running.said, recorder.said, watch.said, listed.stdout, listed.stderr, retried.stdout, retried.stderr]
        nothing_in("\n".join(said).encode(), "what was said")
        nothing_in(metrics, "the metrics")
        for name, kept in everything(connection):
            nothing_in(kept, name)
        for name, kept in on_disk(connection, started):
            nothing_in(kept, name, PLAIN)
        files = [tmp_path / "op0.html", tmp_path / "refused.ndjson", tmp_path / "recorded.ndjson",
                 *(tmp_path / "archive").iterdir()]  # fmt: skip
        assert sum(one.stat().st_size for one in files) > 1_000_000
        for file in files:
            nothing_in(file.read_bytes(), str(file))
            if file.suffix == ".ndjson":
                for one in capture.read(file):
                    assert isinstance(one, capture.Captured)
                    nothing_in(one.payload, f"{file}, decoded")
        kept = connection.execute("SELECT count(*) FROM quarantine WHERE reason = 'personal_data'").fetchone()
        assert kept is not None
        assert kept[0] >= len(VALUES) * 2


def messages(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM message").fetchone()
    assert row is not None
    return int(row[0])


def broken(chargewatch: Command, tmp_path: Path) -> None:
    """Capture lines that cannot be read, with the values in them; and one that can, as base64."""
    lines: list[Any] = []
    for value in VALUES:
        whole = {"received_at": at(0), "topic": "ev/1/op0/status", "payload": {"vehicle": value}}
        line = json.dumps(whole, ensure_ascii=False)
        lines += [line[:-1], line.replace("received_at", "received"), f"not JSON {value} at all"]
        encoded = base64.b64encode(json.dumps({"vehicle": value}).encode()).decode()
        lines.append(json.dumps({"received_at": START.isoformat(), "topic": "ev/1/op0/status", "payload_b64": encoded}))
    (tmp_path / "broken.ndjson").write_text("\n".join(lines) + "\n")
    done = chargewatch("ingest", "broken.ndjson")
    assert done.returncode == 0
    nothing_in(done.stdout.encode() + done.stderr.encode(), "what ingest said")
    (tmp_path / "broken.ndjson").unlink()
