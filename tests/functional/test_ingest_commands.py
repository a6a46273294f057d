"""`ingest` and `quarantine` as a user types them."""

import gzip
import json
from pathlib import Path

import pytest

from chargewatch import database
from tests.commands import Command, Typed
from tests.integration.collecting import Sent, message, register, status, totals

REGISTRY = {
    "operators": "operator_id,name,legal_form,business_scope,credit_good,management_system,maintenance_team,"
    "platform_commitment\nop0,Zero,limited,yes,yes,yes,yes,yes\n",
    "stations": "operator_id,station_id,name,district,category,open_to_public\nop0,s,S,lucheng,public,yes\n",
    "chargers": "operator_id,charger_id,station_id,serial_no,kind,rated_kw_dc\nop0,k,s,SN1,dc,60\n",
    "connectors": "operator_id,connector_id,charger_id,kind,rated_kw\nop0,c77,k,dc,60\n",
}


def line(sent: Sent) -> bytes:
    topic, payload, receipt = sent
    whole = {"received_at": receipt.isoformat(), "topic": topic, "payload": json.loads(payload)}
    return json.dumps(whole).encode() + b"\n"


@pytest.fixture
def registered(embedded_dsn: str) -> None:
    with database.connect() as connection:
        register(connection)


@pytest.mark.usefixtures("registered")
def test_ingest_prints_what_became_of_the_items(typed: Typed, tmp_path: Path) -> None:
    plain, zipped = tmp_path / "a.ndjson", tmp_path / "b.ndjson.gz"
    plain.write_bytes(line(message("status", [status(0, 0), status(77, 0)])) + b"broken\n")
    zipped.write_bytes(gzip.compress(line(message("status", [status(0, 0, detail="other"), status(1, 0)], seq=1))))
    result = typed("ingest", plain, zipped, "--format", "json")
    assert result.json() == [
        {"kind": "other", "offered": 1, "stored": 0, "duplicate": 0, "quarantined": 1, "conflicts": 0},
        {"kind": "status", "offered": 4, "stored": 2, "duplicate": 1, "quarantined": 1, "conflicts": 1},
    ]
    assert "a.ndjson, line 2, is quarantined as it cannot be read" in result.stderr
    assert "quarantined as unknown_connector: 1" in result.stderr
    assert "items/s" in result.stderr
    again = typed("ingest", zipped)
    assert again.returncode == 0
    assert "status" in again.stdout
    assert typed("ingest", zipped, "--format", "csv").stdout.splitlines() == [
        "kind,offered,stored,duplicate,quarantined,conflicts", "status,2,0,2,0,1",
    ]  # fmt: skip


@pytest.mark.usefixtures("registered")
def test_a_file_that_ends_in_the_middle_is_a_failure_and_is_read_so_far(typed: Typed, tmp_path: Path) -> None:
    cut = tmp_path / "cut.ndjson.gz"
    lines = b"".join(line(message("status", [status(n % 10, n)], seq=n, receipt_s=n)) for n in range(2000))
    cut.write_bytes(gzip.compress(lines)[:-500])
    result = typed("ingest", cut, "--format", "json")
    assert result.returncode == 1
    assert "ends in the middle, after line" in result.stderr
    (row,) = json.loads(result.stdout)
    assert 100 < row["stored"] == row["offered"] < 2000


@pytest.mark.usefixtures("registered")
def test_what_cannot_be_ingested_is_refused_before_anything_is(typed: Typed, tmp_path: Path) -> None:
    good = tmp_path / "good.ndjson"
    good.write_bytes(line(message("status", [status(0, 0)])))
    for wrong in (tmp_path / "missing", tmp_path):
        result = typed("ingest", good, wrong)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1)
        assert "cannot be read" in result.stderr
    with database.connect() as connection:
        assert totals(connection) == {}


def test_the_receipt_is_the_captured_one(embedded_dsn: str, typed: Typed, tmp_path: Path) -> None:
    sent = message("status", [status(0, 0)], receipt_s=5)
    (tmp_path / "a.ndjson").write_bytes(line(sent))
    with database.connect() as connection:
        register(connection)
        assert typed("ingest", "a.ndjson").returncode == 0
        rows = connection.execute("SELECT received_at, recorded_at > received_at FROM status_fact").fetchall()
    assert rows == [(sent[2], True)]


def test_in_a_rehearsal_the_receipt_is_the_senders(embedded_rehearsal_dsn: str, typed: Typed, tmp_path: Path) -> None:
    topic, payload, receipt = message("status", [status(0, 0)], receipt_s=5)
    (tmp_path / "a.ndjson").write_bytes(line((topic, payload, receipt.replace(year=2024))) + b"broken\n")
    with database.connect() as connection:
        register(connection)
        assert typed("ingest", "a.ndjson").returncode == 0
        rows = connection.execute(
            "SELECT DISTINCT received_at, recorded_at FROM message WHERE kind = 'status'"
        ).fetchall()
    assert rows == [(receipt, receipt)]


def test_an_unregistered_connectors_items_wait_for_its_registration(
    embedded_dsn: str, typed: Typed, tmp_path: Path
) -> None:
    with database.connect() as connection:
        register(connection, operators=1)
    (tmp_path / "a.ndjson").write_bytes(line(message("status", [status(77, 0), status(78, 0)])))
    typed("ingest", "a.ndjson")
    listed = typed("quarantine", "list", "--reason", "unknown_connector", "--format", "json").json()
    assert [(row["operator_id"], row["kind"], row["detail"]) for row in listed] == [
        ("op0", "status", "connector c78 is not in the registry"),
        ("op0", "status", "connector c77 is not in the registry"),
    ]
    (shown,) = typed("quarantine", "show", str(listed[1]["quarantine_id"]), "--format", "json").json()
    assert json.loads(shown["payload"]) == status(77, 0)
    folder = tmp_path / "registry"
    folder.mkdir()
    for name, text in REGISTRY.items():
        (folder / f"{name}.csv").write_text(text)
    imported = typed("registry", "import", folder)
    assert imported.returncode == 0, imported
    assert typed("quarantine", "retry", "--format", "json").json() == [
        {"kind": "status", "tried": 2, "stored": 1, "duplicate": 0, "conflicts": 0, "still_quarantined": 1}
    ]
    assert len(typed("quarantine", "list", "--format", "json").json()) == 1
    with database.connect() as connection:
        assert totals(connection) == {("op0", "status"): (2, 1, 0, 1)}


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("quarantine", "show", "1"), "there is no item 1"),
        (("quarantine", "list", "--reason", "bad"), "one of unreadable"),
        (("record", "/no/such/folder/x.ndjson"), "cannot be written"),
        (("record", "x.ndjson"), "cannot be used"),
    ],
)
def test_a_wrong_call_ends_in_one_sentence(chargewatch: Command, arguments: tuple[str, ...], words: str) -> None:
    result = chargewatch(*arguments)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert words in result.stderr
