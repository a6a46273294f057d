"""What changes in the registry within a period counts from its day on, and no second counts twice."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.commands import Typed
from tests.functional.worked import Capture, Registry, beijing

START = beijing("2023-06-01 00:00")


def every(minutes: int, days: int) -> list[Any]:
    """Instants that far apart."""
    return [START + timedelta(minutes=at) for at in range(0, days * 1440, minutes)]


def report(typed: Typed, folder: Path, registry: Registry, capture: Capture, by: str) -> dict[str, Any]:
    """June by id, from these tables and messages."""
    assert typed("registry", "import", registry.write(folder / "registry")).returncode == 0
    assert typed("ingest", capture.write(folder / "capture.ndjson")).returncode == 0
    rows = typed(
        "uptime", "report", "--from", "2023-06-01", "--to", "2023-06-11", "--by", by, "--format", "json"
    ).json()
    return {row["id"]: row for row in rows}


def test_where_no_interval_is_agreed_any_more_five_minutes_hold(
    typed: Typed, tmp_path: Path, embedded_dsn: str
) -> None:
    """Semantics 2.2: "5 min unless the registry says otherwise"."""
    registry, capture = Registry(), Capture()
    registry.operator("A", reporting_interval_min=60)
    registry.operator("A", reporting_interval_min=None, valid_from="2023-06-06")
    registry.station("A")
    registry.charger("A", "C1", "dc", 60)
    capture.status("A", "C1-1", START, "available", START)
    capture.heartbeats("A", "C1-1", every(60, 10))
    (row,) = report(typed, tmp_path, registry, capture, "connector").values()
    # Five days of an agreed hour without a gap; then 10 minutes of each hour. The last agreed sign carries two hours,
    # of which the first lies before the change and the second holds the sign of midnight.
    unknown_min = 5 * 24 * 50
    assert row["unknown_s"] == f"{unknown_min * 60}.000000"


def test_a_second_belongs_to_the_station_of_its_day(typed: Typed, tmp_path: Path, embedded_dsn: str) -> None:
    """Semantics 4: "a second belongs to the charger, station, operator and district … for that day"."""
    registry, capture = Registry(), Capture()
    registry.operator("A")
    registry.station("A", "S1")
    registry.station("A", "S2", district="ouhai")
    registry.charger("A", "C1", "dc", 60)
    moved = dict(registry.tables["chargers"][0], station_id="S2", valid_from="2023-06-04")
    registry.add("chargers", **moved)
    capture.status("A", "C1-1", START, "faulted", START)
    rows = report(typed, tmp_path, registry, capture, "station")
    days = {station: float(row["down_s"]) / 86_400 for station, row in rows.items()}
    assert days == {"S1": 3, "S2": 7}
