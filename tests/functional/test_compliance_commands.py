"""An inspection as it is typed: draw, look, record what was found, publish; and orders for what was issued."""

from datetime import timedelta
from pathlib import Path

from chargewatch import database
from chargewatch.output import Format
from collector.commands import ingest
from registry.commands import import_
from registry.tables import DEFAULT_TIME_ZONE
from scheduler.jobs import issue_reports
from tests.commands import Result, Typed
from tests.functional.worked import Capture, Registry, beijing

START = beijing("2023-06-01 00:00")


def test_from_a_month_to_a_published_share(embedded_rehearsal_dsn: str, typed: Typed, tmp_path: Path) -> None:
    registry, capture = Registry(), Capture()
    registry.operator("A", reporting_interval_min=1440)
    registry.station("A")
    registry.charger("A", "C1", "dc", 60)
    capture.status("A", "C1-1", START, "available", START)
    capture.heartbeats("A", "C1-1", [START + timedelta(days=nth) for nth in range(37)])
    capture.status("A", "C1-1", START + timedelta(days=9), "faulted", START + timedelta(days=9))
    import_(registry.write(tmp_path / "registry"), Format.json, DEFAULT_TIME_ZONE)
    ingest([capture.write(tmp_path / "capture.ndjson")], Format.json)
    with database.connect() as connection:
        issue_reports(connection)

    def comply(*words: str) -> Result:
        return typed("compliance", *words)

    period = ("--from", "2023-06-01", "--to", "2023-07-01")
    drawn = comply(
        "sample", "draw", *period, "--count", "1", "--seed", "07 12 19", "--by", "Office", "--format", "json"
    )
    assert [(one["connector_id"], one["probability"]) for one in drawn.json()] == [("C1-1", "1")]
    about = ("C1-1", "--operator", "A", "--sample", "1", "--by", "Chen", "--at", "2023-07-07T00:00:00+08:00")
    kwh = ("--energy-kwh", "1.8", "--photo", "IMG_7")
    (visit,) = comply("inspect", "record", *about, "--result", "charged", *kwh, "--format", "json").json()
    assert (visit["state"], visit["photo"], visit["rehearsal"]) == ("faulted", "IMG_7", True)
    published = comply("estimate", "1", "--format", "csv").stdout
    assert "works,1.000000,1.000000,1.000000,0.95,0.000000,1\n" in published
    assert "believed not to work, charges" in published

    (issued,) = comply("order", "issue", "2023-06", "--by", "Office", "--format", "json").json()
    assert (issued["operator_id"], issued["state"]) == ("A", "open")
