"""Published opening hours are laid over the time, under the regimes that look at them, from when they are published."""

import json
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from chargewatch import database
from chargewatch.output import Format
from collector.commands import ingest
from registry.commands import import_
from registry.tables import DEFAULT_TIME_ZONE
from tests.functional.worked import Capture, Registry, beijing
from uptime import auditing, settings
from uptime import profile as profiles
from uptime.report import compute

START = beijing("2023-06-01 00:00")


def test_closed_hours_are_deducted_where_the_regime_says_so(
    embedded_rehearsal_dsn: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    registry = Registry()
    registry.operator("A", reporting_interval_min=1440)
    registry.station("A", opening_hours="Mo-Su 08:00-20:00")
    registry.charger("A", "C1", "dc", 60)
    import_(registry.write(tmp_path / "registry"), Format.json, DEFAULT_TIME_ZONE)  # recorded in 1970: a rehearsal
    capture = Capture()
    capture.status("A", "C1-1", START, "available", START)
    night = START + timedelta(days=2, hours=18)  # a fault from 18:00 to 06:00, of which two hours are open
    for hours, status in ((0, "faulted"), (12, "available")):
        moment = night + timedelta(hours=hours)
        capture.status("A", "C1-1", moment, status, moment)
    # One message a day: in a rehearsal the platform's clock is the sender's.
    capture.heartbeats("A", "C1-1", [START + timedelta(days=nth) for nth in range(16)])
    capture.lines.sort(key=lambda line: line["received_at"])
    ingest([capture.write(tmp_path / "first.ndjson")], Format.json)
    longer = Registry()
    longer.station("A", opening_hours="24/7")
    import_(longer.write(tmp_path / "longer"), Format.json, DEFAULT_TIME_ZONE)  # published on 16 June
    capture.lines.clear()
    capture.heartbeats("A", "C1-1", [START + timedelta(days=nth) for nth in range(16, 32)])
    ingest([capture.write(tmp_path / "second.ndjson")], Format.json)

    def june(profile: str) -> dict[str, object]:
        with database.connect() as connection:
            (row,) = compute(
                connection, first_day=START.date(), last_day=beijing("2023-07-01 00:00").date(), by="connector",
                profile=profiles.load(profile), settings=settings.load(), as_of=database.now(connection),
            )  # fmt: skip
        return row

    hour = 3600
    row = june("cn-wenzhou-2022-137")
    assert (row["deducted_s"], row["down_s"]) == ({}, f"{12 * hour}.000000")
    # AFIREV's days are those of Paris, and Paris' clock is on the wall: 15 nights of 12 hours, less what is cut.
    paris = june("fr-afirev")["deducted_s"]
    assert isinstance(paris, dict)
    assert 14 * 12 * hour < float(paris["outside_hours"]) < 16 * 12 * hour

    capsys.readouterr()
    auditing.diff(
        "2023-06-10T00:00:00+08:00", "2023-07-02T00:00:00+08:00", from_="2023-06-17", to="2023-06-20",
        profile="fr-afirev", format=Format.json,
    )  # fmt: skip
    named = json.loads(capsys.readouterr().out)["inputs"]
    assert ("registry", "stations") in {(one["input"], one.get("table")) for one in named}


def test_who_publishes_later_improves_nothing(embedded_dsn: str, tmp_path: Path) -> None:
    """In a store of record what the registry learns today says nothing of June."""
    registry = Registry()
    registry.operator("A")
    registry.station("A", opening_hours="Mo-Su 08:00-20:00")
    registry.charger("A", "C1", "dc", 60)
    import_(registry.write(tmp_path / "registry"), Format.json, DEFAULT_TIME_ZONE)
    capture = Capture()
    capture.status("A", "C1-1", START, "faulted", START)
    ingest([capture.write(tmp_path / "first.ndjson")], Format.json)
    with psycopg.connect(embedded_dsn) as connection:
        (row,) = compute(
            connection, first_day=START.date(), last_day=beijing("2023-07-01 00:00").date(), by="connector",
            profile=profiles.load("fr-afirev"), settings=settings.load(), as_of=database.watermark(connection),
        )  # fmt: skip
    assert row["deducted_s"] == {}
