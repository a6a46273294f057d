"""A charger that serves one connector at a time, from the store: its connectors are read together."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from chargewatch import database
from chargewatch.output import Format
from collector.commands import ingest
from registry.commands import import_
from registry.tables import DEFAULT_TIME_ZONE
from tests.functional.worked import Capture, Registry, beijing
from uptime import commands, facts, report, settings
from uptime import profile as profiles

START = beijing("2023-06-01 00:00")


def test_its_connectors_are_read_together(
    embedded_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(facts, "PART", 1)  # else all of so small a city is read together
    registry, capture = Registry(), Capture()
    registry.operator("A", reporting_interval_min=1440)
    registry.station("A")
    registry.charger("A", "C1", "dc", 60, simultaneous="no")
    registry.add("connectors", operator_id="A", connector_id="C1-2", charger_id="C1", kind="dc", rated_kw=60)
    for connector, status in (("C1-1", "unavailable"), ("C1-2", "charging")):
        for hours, said in ((0, "available"), (10, status), (12, "available")):
            at = START + timedelta(hours=hours)
            capture.status("A", connector, at, said, at)
    import_(registry.write(tmp_path / "tables"), Format.json, DEFAULT_TIME_ZONE)
    ingest([capture.write(tmp_path / "day.ndjson")], Format.json)
    capsys.readouterr()
    found = {}
    with database.connect() as connection:
        for limits in ("intervals-1", "intervals-2"):
            rows = report.compute(
                connection, first_day=date(2023, 6, 1), last_day=date(2023, 6, 2), by="connector",
                profile=profiles.load(), settings=settings.load(limits), as_of=database.watermark(connection),
            )  # fmt: skip
            found[limits] = {row["id"]: row["down_s"] for row in rows}
    assert found["intervals-1"] == {"C1-1": "7200.000000", "C1-2": "0.000000"}, json.dumps(found)
    assert found["intervals-2"] == {"C1-1": "0.000000", "C1-2": "0.000000"}

    # Why it is serving: what the other one said before, and at the end.
    day = ("2023-06-01", "2023-06-02")
    commands.explain("C1-1", "A", *day, format=Format.json)
    told = {row["reason"]: row for row in json.loads(capsys.readouterr().out)}
    (sibling,) = told["charger_in_use"]["because"]
    assert sibling["connector_id"] == "C1-2"
    assert [(one["kind"], one["said"]) for one in sibling["begins"]] == [("status", "charging")]
    assert [(one["said"], one["at"]) for one in sibling["ends"]] == [("available", "2023-06-01T04:00:00Z")]
    assert told["status"]["because"] == []
    commands.explain("C1-1", "A", *day, format=Format.csv)
    assert "C1-2: status charging at 2023-06-01T02:00:00Z" in capsys.readouterr().out
