"""`quarantine` as a user types it: what broke, tried again, handed over."""

import gzip
import json
from pathlib import Path

import pytest

from chargewatch import database
from tests.commands import Typed
from tests.integration.collecting import message, register, status, totals


@pytest.fixture
def refused(embedded_dsn: str, typed: Typed, tmp_path: Path) -> None:
    """Seven items in quarantine: six of a connector nobody knows, one message of an operator nobody knows."""
    sent = [message("status", [status(77, n) for n in range(6)]), message("status", [status(0, 0)], operator="new")]
    with database.connect() as connection:
        register(connection, operators=1)
    lines = [
        {"received_at": receipt.isoformat(), "topic": topic, "payload": json.loads(payload)}
        for topic, payload, receipt in sent
    ]
    (tmp_path / "a.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert typed("ingest", "a.ndjson").returncode == 0


@pytest.mark.usefixtures("refused")
def test_one_look_tells_what_broke_and_pages_tell_all(typed: Typed) -> None:
    found = typed("quarantine", "list", "--summary", "--format", "json").json()
    assert [(row["reason"], row["operator_id"], row["items"]) for row in found] == [
        ("unknown_connector", "op0", 6), ("wrong_operator", "new", 1),
    ]  # fmt: skip
    assert "connector c77 is not in the registry" in typed("quarantine", "list", "--summary").stdout
    page = typed("quarantine", "list", "--limit", "4", "--format", "json")
    numbers = [row["quarantine_id"] for row in page.json()]
    assert f"the next page is --before {numbers[-1]}" in page.stderr
    rest = typed("quarantine", "list", "--limit", "4", "--before", str(numbers[-1]), "--format", "json")
    assert len({*numbers, *(row["quarantine_id"] for row in rest.json())}) == 7
    assert "next page" not in rest.stderr


@pytest.mark.usefixtures("refused")
def test_what_is_tried_again_can_be_chosen(typed: Typed) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO connector_keys (operator_id, connector_id) VALUES ('op0', 'c77'), ('new', 'c0')"
        )
        (first, *_) = typed("quarantine", "list", "--operator", "op0", "--format", "json").json()
        one = typed("quarantine", "retry", str(first["quarantine_id"]), "--format", "json").json()
        assert one == [
            {"kind": "status", "tried": 1, "stored": 1, "duplicate": 0, "conflicts": 0, "still_quarantined": 0}
        ]
        assert typed("quarantine", "retry", "--reason", "wrong_operator", "--format", "json").json() == one
        assert totals(connection) == {("op0", "status"): (6, 1, 0, 5), ("new", "status"): (1, 1, 0, 0)}
        assert typed("quarantine", "retry").returncode == 0
        assert totals(connection) == {("op0", "status"): (6, 6, 0, 0), ("new", "status"): (1, 1, 0, 0)}
    wrong = typed("quarantine", "retry", "--reason", "bad")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


@pytest.mark.usefixtures("refused")
def test_an_export_tells_the_reasons_and_can_be_ingested(typed: Typed, tmp_path: Path) -> None:
    done = typed("quarantine", "export", "refused.ndjson.gz")
    assert "7 refused items are in refused.ndjson.gz" in done.stderr
    with gzip.open(tmp_path / "refused.ndjson.gz") as file:
        lines = [json.loads(line) for line in file]
    assert [line["reason"] for line in lines] == ["unknown_connector"] * 6 + ["wrong_operator"]
    assert typed("ingest", "refused.ndjson.gz", "--format", "json").json() == [
        {"kind": "status", "offered": 7, "stored": 0, "duplicate": 0, "quarantined": 7, "conflicts": 0}
    ]
    again = typed("quarantine", "export", "refused.ndjson.gz")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "cannot be written" in again.stderr
