"""A serial number that comes back, case by case."""

from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import yaml

from chargewatch.instants import from_us, to_us
from registry.contents import Registry
from registry.placement import placements
from uptime import settings
from uptime.life import NEVER, service_life

CASES = yaml.safe_load((Path(__file__).parent / "returns" / "137-七.yaml").read_text(encoding="utf-8"))
ZONE = ZoneInfo("Asia/Shanghai")
FIRST, LAST = date(2022, 1, 1), date(2024, 1, 1)


def city(chargers: dict[str, dict[str, Any]]) -> Registry:
    """Each charger with one connector of its id, at one station of its operator."""
    operators = sorted({of.get("operator_id", "A") for of in chargers.values()})
    kept = ("serial_no", "commissioned_on", "retired_on")
    return Registry.of(
        {
            "operators": [{"operator_id": one} for one in operators],
            "stations": [
                {"operator_id": one, "station_id": "S", "district": "lucheng", "category": "public"}
                for one in operators
            ],
            "chargers": [
                {"operator_id": of.get("operator_id", "A"), "charger_id": name, "station_id": "S",
                 **{column: of.get(column) for column in kept}}
                for name, of in chargers.items()
            ],
            "connectors": [
                {"operator_id": of.get("operator_id", "A"), "connector_id": name, "charger_id": name,
                 "kind": "dc"}
                for name, of in chargers.items()
            ],
        }
    )  # fmt: skip


def heard(of: dict[str, Any]) -> int:
    """First item on the commissioning day."""
    if "heard" not in of:
        return NEVER
    hour, minute = divmod(of["heard"], 60) if isinstance(of["heard"], int) else map(int, of["heard"].split(":"))
    return to_us(datetime.combine(of["commissioned_on"], time(hour, minute), ZONE))


def told(from_us_: int, to_us_: int) -> str:
    """A stretch as the cases write it."""
    return " to ".join(f"{from_us(us).astimezone(ZONE):%Y-%m-%d %H:%M}" for us in (from_us_, to_us_))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
@pytest.mark.parametrize("last_day", [LAST, date(2023, 3, 8)], ids=["known to the end", "a period that ends before"])
def test_the_time_that_a_charger_is_away(case: dict[str, Any], last_day: date) -> None:
    limits = settings.load(case.get("settings", "intervals-3"))
    places = placements(city(case["chargers"]), ZONE, FIRST, last_day)
    on_day = pd.Series([heard(case["chargers"][name]) for name in places["charger_id"]], dtype="int64")
    life = service_life(places, on_day, on_day, ZONE, limits.returns_within_days)
    found: dict[str, list[str]] = {}
    for row in life[life["away"]].itertuples():
        found.setdefault(row.charger_id, []).append(told(row.from_us, row.to_us))
    end = f"{last_day} 00:00"
    expected = {
        name: [f"{start} to {min(until, end)}" for start, until in (one.split(" to ") for one in of) if start < end]
        for name, of in case["expected"].items()
    }
    assert found == {name: of for name, of in expected.items() if of}
    plain = service_life(places, on_day, on_day, ZONE)
    names = ["connector_no", "from_us", "to_us"]
    assert life.loc[~life["away"], names].to_numpy().tolist() == plain[names].to_numpy().tolist()
