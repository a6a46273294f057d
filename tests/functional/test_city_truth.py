"""Simulated messages through the whole program: measured is true, and where it is not, something explains it."""

from collections import Counter
from pathlib import Path

import psycopg
import pytest

from chargewatch.instants import to_us
from simulators.truth import CAUSES, Measured, compare, read
from tests.commands import Typed


@pytest.mark.slow
def test_measured_availability_is_the_truth_wherever_nothing_went_wrong_on_the_way(
    rehearsal_dsn: str, typed: Typed, tmp_path: Path
) -> None:
    files = ("--registry", tmp_path / "r", "--capture", tmp_path / "c.ndjson.gz", "--truth", tmp_path / "t.json.gz")
    days = ("--seed", "23", "--from", "2023-06-01", "--to", "2023-06-15", "--stations", "8")
    assert typed("simulate", *files, *days).returncode == 0
    assert typed("registry", "import", tmp_path / "r").returncode == 0
    rows = typed("ingest", tmp_path / "c.ndjson.gz", "--format", "json").json()
    assert all(row["offered"] == row["stored"] + row["duplicate"] + row["quarantined"] for row in rows)
    assert sum(row["duplicate"] for row in rows) > 0
    assert typed("schedule", "--once", "availability").returncode == 0
    truth = read(tmp_path / "t.json.gz")
    with psycopg.connect(rehearsal_dsn) as connection:
        measured = [
            Measured(operator, connector, state, to_us(start), to_us(end))
            for operator, connector, state, start, end in connection.execute(
                "SELECT operator_id, connector_id, state, started_at, ended_at FROM service_interval"
                " WHERE started_at < to_timestamp(%s)",
                [truth.to_us / 1_000_000],
            )
        ]
    compared = compare(truth, measured)
    undisturbed = [row for row in compared if not row["disturbed"]]
    assert len(undisturbed) > 15
    assert [row for row in undisturbed if row["differences"]] == []
    assert any(row["true_ratio"] != "1.00000000" for row in undisturbed)
    causes = Counter(one["cause"] for row in compared for one in row["differences"])
    assert causes["none"] == 0, [row for row in compared if any(one["cause"] == "none" for one in row["differences"])]
    assert set(causes) >= {"silence", "clock"}
    assert set(causes) <= set(CAUSES)
    # The report takes maintenance out by itself and must come to the same figure.
    period = ("--from", "2023-06-01", "--to", "2023-06-15", "--by", "connector", "--all")
    reported = {row["id"]: row["ratio"] for row in typed("uptime", "report", *period, "--format", "json").json()}
    assert {row["connector_id"]: row["measured_ratio"] for row in compared} == reported
