"""`subsidy findings list|show|decide` as typed: what was found, on what it rests, and what a decision moves."""

from pathlib import Path

import pytest

from tests.commands import Typed
from tests.subsidy_world import World

STATEMENT = ("subsidy", "statement", "--period", "2023-06", "--format", "json")
LIST = ("subsidy", "findings", "list", "--format", "json")


@pytest.fixture
def told(typed: Typed, embedded_dsn: str, tmp_path: Path) -> World:
    """A store with an order beyond what its meter gained, one without readings, and five that are a vehicle's day."""
    world = World()
    world.prove(world.charger(charger_id="C1", rated_kw_dc=60), "2023-06-02 10:00")
    world.state("C1-1", "2023-06-02 10:00", "charging")
    world.session("meter", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", 30, registers=(2000, 2030))
    world.sample("C1-1", "2023-06-05 07:59", 2000)
    world.sample("C1-1", "2023-06-05 09:01", 2020)
    world.session("bare", "C1-1", "2023-06-06 08:00", "2023-06-06 09:00", 20, registers=None)
    world.state("C1-1", "2023-06-06 08:00", "charging")
    for hour in (0, 9):
        start, end = f"2023-06-07 {hour:02d}:00", f"2023-06-07 {hour + 8:02d}:00"
        world.session(f"day{hour}", "C1-1", start, end, 210, registers=(2030 + 25 * hour, 2240 + 25 * hour))
        world.state("C1-1", start, "charging")
        world.vehicles[f"day{hour}"] = "v1"
    assert typed("registry", "import", world.write_registry(tmp_path / "registry")).returncode == 0
    assert typed("ingest", world.write_capture(tmp_path / "capture.ndjson")).returncode == 0
    return world


def test_a_finding_is_listed_shown_and_decided(typed: Typed, told: World) -> None:
    before = typed(*STATEMENT).json()
    rows = {row["rule"]: row for row in typed(*LIST, "--period", "2023-06", "--state", "open").json()}
    assert {"beyond_meter", "no_registers", "one_vehicle"} <= set(rows)
    assert rows["one_vehicle"]["sessions"] == 2
    assert typed(*LIST, "--operator", "nobody").json() == []
    name = rows["beyond_meter"]["finding"]
    assert typed(*LIST, "--rule", "beyond_meter").json()[0]["finding"] == name, "computed again it is the same"

    (shown,) = typed("subsidy", "findings", "show", name, "--format", "json").json()
    assert "电表" in shown["zh"]
    assert "the meter gained 20 kWh" in shown["en"]
    samples = [(row["at"], row["energy_kwh"]) for row in shown["evidence"] if row["what"].startswith("meter")]
    assert samples == [("2023-06-04T23:59:00Z", "2000"), ("2023-06-05T01:01:00Z", "2020")]
    assert shown["messages"][0]["sha256"]

    who = ("--who", "Chen", "--reason", "the meter was read anew")
    (decided,) = typed("subsidy", "findings", "decide", name, "--accept", *who, "--format", "json").json()
    rejected = typed("subsidy", "findings", "decide", rows["one_vehicle"]["finding"], "--reject", *who)
    assert rejected.returncode == 0
    (line,) = typed(*STATEMENT).json()[0]["operating"]
    (was,) = before[0]["operating"]
    assert (was["admitted_kwh"], was["held_kwh"], was["rejected_kwh"]) == ("1", "470", "0")
    assert (line["admitted_kwh"], line["held_kwh"], line["rejected_kwh"]) == ("31", "20", "420")
    then = typed(*STATEMENT, "--as-of", before[0]["as_of"]).json()
    assert then == before, "a statement as of before does not see the decision"
    states = {row["rule"]: row["state"] for row in typed(*LIST).json()}
    assert (states["beyond_meter"], states["one_vehicle"]) == ("accepted", "rejected")

    typed("ledger", "export", "ledger.jsonl")
    assert typed("ledger", "verify").returncode == 0
    assert decided["ledger_seq"] == 1
    again = typed("subsidy", "findings", "decide", name, "--reject", *who)
    assert again.returncode == 2
    assert "has been decided" in again.stderr


def test_who_may_not_decide_and_what_there_is_not(typed: Typed, told: World) -> None:
    (row,) = typed(*LIST, "--rule", "no_registers").json()
    importer = typed("registry", "history", "operators", "--operator", "A", "--format", "json").json()[0]["imported_by"]
    call = ("subsidy", "findings", "decide", row["finding"], "--accept", "--reason", "fine")
    same = typed(*call, "--who", importer.upper())
    assert same.returncode == 2
    assert "imported rows of operator A" in same.stderr
    assert typed(*call, "--who", " ").returncode == 2
    assert typed("subsidy", "findings", "show", "F0").returncode == 2
    assert typed(*LIST, "--rule", "no_such_rule").returncode == 2
    assert typed(*LIST, "--state", "no_such_state").returncode == 2
