"""`chargewatch uptime diff` with what an auditor has in hand, and `registry history`."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from chargewatch.errors import Refusal
from tests.commands import Typed
from tests.functional.worked import Registry, beijing, serving_in_june
from uptime import auditing

START = beijing("2023-06-01 00:00")
JUNE = ("--from", "2023-06-01", "--to", "2023-07-01")


@pytest.fixture
def june(embedded_dsn: str, typed: Typed, tmp_path: Path) -> Path:
    """A report of June at the connectors, in a file; then a fault of a day comes in, and the charger retires."""
    registry, capture = serving_in_june("C1", "C2")
    assert typed("registry", "import", registry.write(tmp_path / "first")).returncode == 0
    assert typed("ingest", capture.write(tmp_path / "first.ndjson")).returncode == 0
    file = tmp_path / "june.json"
    file.write_text(typed("uptime", "report", *JUNE, "--by", "connector", "--format", "json").stdout)
    capture.lines.clear()
    for day, status in ((9, "faulted"), (10, "available")):
        at = START + timedelta(days=day)
        capture.status("A", "C1-1", at, status, at)
    assert typed("ingest", capture.write(tmp_path / "second.ndjson")).returncode == 0
    retired = Registry()
    retired.charger("A", "C2", "dc", 60, retired_on="2023-06-16")
    assert typed("registry", "import", retired.write(tmp_path / "second")).returncode == 0
    return file


def test_a_file_in_hand_against_now(june: Path, typed: Typed, tmp_path: Path) -> None:
    now = "2100-01-01T00:00:00Z"
    found = typed("uptime", "diff", june, now, "--format", "json").json()
    assert found["not_reproduced"] == []
    assert [(one["number"], one["input"], one["connectors"]) for one in found["inputs"]] == [
        (1, "registry", ["A C2-1"]), (2, "status", ["A C1-1"]),
    ]  # fmt: skip
    assert found["inputs"][0]["cells"] == {"retired_on": [None, "2023-06-16"]}
    assert found["inputs"][1]["left_out_s"] == {"up": "-86400.000000", "down": "86400.000000"}
    by_id = {(row["id"], row["field"]): row for row in found["figures"]}
    assert by_id["C1-1", "ratio"]["inputs"] == [2]
    assert by_id["C2-1", "required_s"]["inputs"] == [1]
    assert (by_id["C1-1", "ratio"]["before"], by_id["C1-1", "ratio"]["after"]) == ("1.00000000", "0.96666666")

    # The same from two times, and as a table for people.
    as_of = json.loads(june.read_text())[0]["as_of"]
    again = typed("uptime", "diff", now, as_of, *JUNE, "--by", "connector", "--format", "json").json()
    assert (again["figures"], again["inputs"]) == (found["figures"], found["inputs"])
    table = typed("uptime", "diff", june, now)
    assert table.returncode == 0, table
    assert "retired_on: empty → 2023-06-16" in " ".join(table.stdout.split())

    history = typed("registry", "history", "chargers", "--id", "C2", "--format", "json").json()
    assert [(row["change"], row["column"], row["before"], row["after"]) for row in history[1:]] == [
        ("changed", "retired_on", None, "2023-06-16")
    ]
    assert history[0]["change"] == "added"
    assert history[1]["key"] == {"operator_id": "A", "charger_id": "C2", "valid_from": None}
    assert history[1]["imported_by"]
    assert history[1]["source"] == str(tmp_path / "second")

    # A file that was improved is not what the store gives.
    rows = json.loads(june.read_text())
    rows[0]["ratio"] = "0.99999999"
    june.write_text(json.dumps(rows))
    done = typed("uptime", "diff", june, now, "--format", "json")
    assert done.returncode == 1
    (wrong,) = json.loads(done.stdout)["not_reproduced"]
    assert (wrong["id"], wrong["field"], wrong["before"], wrong["after"]) == (
        "C1-1", "ratio", "0.99999999", "1.00000000",
    )  # fmt: skip


def test_what_is_no_run_is_refused(embedded_dsn: str, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('[{"level": "city"}]')
    for run, words in (
        ("2023-08-01T00:00:00Z", "neither run says a period"),
        ("yesterday", "no run"),
        ("2023-08-01T00:00:00", "no offset"),
        ("7", "no record 7"),
        (str(other), "no rows of a report"),
    ):
        with pytest.raises(Refusal, match=words):
            auditing.diff(run, "2023-09-01T00:00:00Z")
