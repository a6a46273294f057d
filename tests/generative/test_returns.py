"""A serial number that comes back: the engine's days away against the reference's, at every hour."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from hypothesis import given, note, settings
from hypothesis import strategies as st

from chargewatch.instants import US_PER_H, day_start_us
from registry.contents import Registry
from registry.placement import placements
from tests.generative.reference_returns import Row, away, comes_back
from uptime import states
from uptime.intervals import Timeline
from uptime.life import NEVER, service_life
from uptime.returning import out_of_service

ZONE = ZoneInfo("Asia/Shanghai")
DAY_ZERO = date(2023, 6, 1)
NAMES = ("C1", "C2", "C3")

days = st.integers(2, 16)
rows = st.lists(
    st.builds(
        Row, st.none() | days, st.sampled_from(("SN 1", "sn-1", "SN1", "X")), st.none() | st.integers(-3, 16),
        st.none() | days,
    ),
    min_size=1, max_size=3, unique_by=lambda row: row.valid_from,
)  # fmt: skip
cities = st.fixed_dictionaries(dict.fromkeys(NAMES, rows))
firsts = st.fixed_dictionaries({name: st.none() | st.integers(0, 23) for name in NAMES})


def on(day: int | None) -> date | None:
    return None if day is None else DAY_ZERO + timedelta(days=day)


def start(day: int) -> int:
    return day_start_us(DAY_ZERO + timedelta(days=day), ZONE)


def registry(chargers: Mapping[str, Sequence[Row]]) -> Registry:
    """One connector a charger, of its id; another operator has a charger with the same number all the time."""
    told = [
        {"operator_id": "A", "charger_id": name, "station_id": "S", "valid_from": on(row.valid_from),
         "serial_no": row.serial, "commissioned_on": on(row.commissioned), "retired_on": on(row.retired)}
        for name, of in chargers.items() for row in of
    ]  # fmt: skip
    guns = [*(("A", name) for name in NAMES), ("B", "C9")]
    return Registry.of(
        {
            "operators": [{"operator_id": "A"}, {"operator_id": "B"}],
            "stations": [
                {"operator_id": one, "station_id": "S", "district": "lucheng", "category": "public"} for one in "AB"
            ],
            "chargers": [*told, {"operator_id": "B", "charger_id": "C9", "station_id": "S", "serial_no": "SN1"}],
            "connectors": [
                {"operator_id": one, "connector_id": name, "charger_id": name, "kind": "dc"} for one, name in guns
            ],
        }
    )


@settings(max_examples=settings.default.max_examples // 6)  # a table of the registry each time
@given(cities, firsts, st.integers(0, 6), st.integers(4, 14))
def test_away_is_when_the_reference_says(
    chargers: dict[str, list[Row]], hours: dict[str, int | None], most: int, until: int
) -> None:
    """Each connector is heard of at one hour of every day, or never; what is known ends with day `until`."""
    note(f"{chargers} {hours}")  # the registry numbers connectors from 1
    places = placements(registry(chargers), ZONE, on(0), on(until))
    hour = [hours.get(name) for name in places["charger_id"]]
    day_of = [None if day is None else (day - DAY_ZERO).days for day in places["commissioned_on"]]
    on_day = [
        NEVER if h is None or day is None or day < 0 else start(day) + h * US_PER_H
        for h, day in zip(hour, day_of, strict=True)
    ]
    ever = [NEVER if h is None else start(0) + h * US_PER_H for h in hour]
    series = (pd.Series(on_day, dtype="int64"), pd.Series(ever, dtype="int64"))
    plain, life = service_life(places, *series, ZONE), service_life(places, *series, ZONE, most)
    lived, gone = (_hours(frame, name) for frame, name in ((plain, None), (life, True)))
    assert _hours(life, False) == lived
    for number, name in enumerate(NAMES, 1):
        for day in range(until):
            since, back = away(chargers, name, day, most), comes_back(chargers, name, day, most)
            first = hours[name] if hours[name] is not None else 24
            for h in range(24):
                instant = start(day) + h * US_PER_H
                expected = back and h < first
                if since is not None:
                    expected = (number, start(since) - US_PER_H) in lived
                assert ((number, instant) in gone) == expected, f"{name} on day {day} at {h}, away since {since}"


def _hours(life: pd.DataFrame, is_away: bool | None) -> set[tuple[int, int]]:
    """Connector and hour of all that lies in a life."""
    rows = life if is_away is None else life[life["away"] == is_away]
    found = set()
    for row in rows.itertuples():
        hours = np.arange(row.from_us, row.to_us, US_PER_H)
        assert not found & {(row.connector_no, int(hour)) for hour in hours}, "told twice"
        found |= {(row.connector_no, int(hour)) for hour in hours}
    return found


stretch = st.tuples(st.integers(0, 9), st.integers(1, 5))


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(st.tuples(stretch, st.sampled_from((0, 1, 4))), min_size=1, max_size=6), st.lists(stretch, max_size=3))
def test_only_the_time_away_changes(told: list[tuple[tuple[int, int], int]], gone: list[tuple[int, int]]) -> None:
    """At every instant the state is what it was, or out of service where the life says away."""
    reached, intervals = 0, []
    for (_, length), state in told:
        intervals.append((7, reached, reached + length, state, 1, 0))
        reached += length
    intervals += [(8, 0, reached, 0, 1, 0)]
    columns = ["connector", "from_us", "to_us", "state", "reason", "status_row"]
    timeline = Timeline(pd.DataFrame(intervals, columns=columns), pd.DataFrame())
    life = pd.DataFrame(
        [(7, start, start + length, True) for start, length in gone] + [(8, 0, reached, False)],
        columns=["connector_no", "from_us", "to_us", "away"],
    )
    found = out_of_service(timeline, life).intervals

    def at(frame: pd.DataFrame, connector: int, instant: int) -> list[tuple[int, int]]:
        rows = frame[(frame["connector"] == connector) & (frame["from_us"] <= instant) & (instant < frame["to_us"])]
        return [(int(row.state), int(row.reason)) for row in rows.itertuples()]

    for connector in (7, 8):
        for instant in range(-1, reached + 1):
            there = connector == 7 and any(start <= instant < start + length for start, length in gone)
            before = at(timeline.intervals, connector, instant)
            expected = [(states.OUT_OF_SERVICE, states.AWAY)] if there and before else before
            assert at(found, connector, instant) == expected
