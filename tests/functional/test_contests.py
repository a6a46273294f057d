"""A contest, as typed: it keeps a figure from being issued, is decided by somebody else, and lifts what it names."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from chargewatch import database
from chargewatch.errors import Refusal
from tests.commands import Typed
from tests.functional.worked import Capture, Registry, beijing
from uptime import contests

JUNE = ("--from", "2023-06-01", "--to", "2023-07-01", "--by", "connector", "--format", "json")
START = beijing("2023-06-01 00:00")
NAMED = ("--operator", "A", "--connector", "C1-1", "--from", "2023-06-11", "--to", "2023-06-13", "--reference", "17")


@pytest.fixture
def june(embedded_rehearsal_dsn: str, tmp_path: Path, typed: Typed) -> None:
    """Faulted from 11 June on; that it was mended on the 12th is received days later, in time only on the 20th."""
    registry, capture = Registry(), Capture()
    registry.operator("A", reporting_interval_min=1440)
    registry.station("A")
    registry.charger("A", "C1", "dc", 60)
    for day, status, late in ((0, "available", 0), (10, "faulted", 0), (11, "available", 5), (19, "available", 0)):
        at = START + timedelta(days=day)
        capture.status("A", "C1-1", at, status, at + timedelta(days=late))
    capture.heartbeats("A", "C1-1", [START + timedelta(days=nth) for nth in range(40)])
    assert typed("registry", "import", registry.write(tmp_path / "tables")).returncode == 0
    assert typed("ingest", capture.write(tmp_path / "june.ndjson")).returncode == 0


def down(typed: Typed, *more: str) -> str:
    (row,) = typed("uptime", "report", *JUNE, *more).json()
    return str(row["down_s"])


def test_a_contest_from_filing_to_a_figure_that_counts_what_it_names(june: None, tmp_path: Path, typed: Typed) -> None:
    whole, lifted = "777600.000000", "691200.000000"  # nine days; eight without 12 June
    filing = ("uptime", "contest", "file", *NAMED, "--ground", "the link was down", "--by", "Li Wei")
    assert typed(*filing).returncode == 0
    again = typed(*filing)
    assert (again.returncode, "already filed" in again.stderr) == (2, True)
    assert "2023-06 waits for the decision of contest A 17" in typed("schedule", "--once", "report").stderr
    assert down(typed) == whole
    (contest,) = typed("uptime", "contest", "list", "--format", "json").json()
    assert (contest["state"], contest["connectors"], contest["filed_by"]) == ("open", ["C1-1"], "Li Wei")

    deciding = ("uptime", "contest", "decide", "1", "--reason", "orders of that day seen")
    own = typed(*deciding, "--granted", "--by", "LI WEI")
    assert (own.returncode, "filed contest 1" in own.stderr) == (2, True)
    assert typed(*deciding, "--by", "Chen Jing").returncode == 2  # neither granted nor refused
    before = contest["filed_at"]
    capture = Capture()
    capture.heartbeats("A", "C1-1", [START + timedelta(days=40)])  # a rehearsal's clock goes by what is sent
    assert typed("ingest", capture.write(tmp_path / "later.ndjson")).returncode == 0
    assert typed(*deciding, "--granted", "--by", "Chen Jing").returncode == 0
    assert typed(*deciding, "--refused", "--by", "Chen Jing").returncode == 2  # once for all
    assert down(typed) == lifted
    assert down(typed, "--as-of", before) == whole

    (contest,) = typed("uptime", "contest", "list", "--operator", "A", "--format", "json").json()
    assert (contest["state"], contest["decided_by"]) == ("granted", "Chen Jing")
    found = typed("uptime", "diff", before, "2023-07-20T00:00:00Z", *JUNE).json()
    assert [(one["input"], one["reference"], one["left_out_s"]) for one in found["inputs"]] == [
        ("contest", "17", {"up": "86400.000000", "down": "-86400.000000"})
    ]
    assert "2023-06 issued as record" in typed("schedule", "--once", "report").stderr


@pytest.mark.usefixtures("june")
def test_what_cannot_be_contested() -> None:
    contest = contests.Contest("A", "17", ["C1-1"], START, START + timedelta(days=1), "the link was down", "Li Wei")
    with database.connect() as connection:
        for changes, said in (
            ({"connectors": ["C9-1"]}, "knows no connector C9-1"),
            ({"end": START + timedelta(days=4000)}, "has not come yet"),
            ({"start": START + timedelta(days=1)}, "is not before"),
            ({"reference": " "}, "reference is empty"),
        ):
            with pytest.raises(Refusal, match=said):
                contests.file(connection, replace(contest, **changes))
        assert contests.listed(connection) == []
        contests.file(connection, contest)
        for table in ("uptime_contest", "uptime_contest_decision"):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
                connection.execute(f"DELETE FROM {table}".encode())


def test_what_was_issued_is_superseded_after_a_granted_contest(june: None, tmp_path: Path, typed: Typed) -> None:
    report = ("schedule", "--once", "report")
    assert "2023-06 issued as record" in typed(*report).stderr
    filing = ("uptime", "contest", "file", *NAMED, "--ground", "the link was down", "--by", "Li Wei")
    assert typed(*filing).returncode == 0
    later = Capture()
    later.heartbeats("A", "C1-1", [START + timedelta(days=40)])  # a rehearsal's clock goes by what is sent
    assert typed("ingest", later.write(tmp_path / "later.ndjson")).returncode == 0
    # Until it is decided the record stands as it was issued.
    assert "2023-06 waits for the decision of contest A 17" in typed(*report).stderr
    assert len(typed("ledger", "list", "--format", "json").json()) == 1
    deciding = ("uptime", "contest", "decide", "1", "--granted", "--by", "Chen Jing", "--reason", "orders seen")
    assert typed(*deciding).returncode == 0
    assert typed(*report).returncode == 0

    records = typed("ledger", "list", "--format", "json").json()
    assert [(one["seq"], one["supersedes"]) for one in records] == [(1, None), (2, 1)]
    before, after = (typed("ledger", "show", str(seq)).json() for seq in (1, 2))
    down = [
        next(row["down_s"] for row in record["body"] if (row["level"], row["id"]) == ("connector", "C1-1"))
        for record in (before, after)
    ]
    assert down == ["777600.000000", "691200.000000"]
    (named,) = [one for one in after["difference"]["inputs"] if one["input"] == "contest"]
    assert (named["reference"], named["left_out_s"]) == ("17", {"up": "86400.000000", "down": "-86400.000000"})
    assert any(change["field"] == "down_s" for change in after["difference"]["changes"])
    assert typed(*report).returncode == 0
    assert len(typed("ledger", "list", "--format", "json").json()) == 2, "once"
    assert typed("ledger", "verify").returncode == 0
