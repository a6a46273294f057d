"""Where a connector stands on which day: boundaries, and a day-by-day reference that it must equal."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargewatch.instants import day_start_us
from registry.contents import Registry
from registry.placement import SINCE_EVER_US, placements, reporting_intervals

SHANGHAI, LONDON = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/London")
FIRST, LAST = date(2023, 6, 1), date(2023, 7, 1)


def operator(valid_from=None, minutes=None):
    return {"operator_id": "OP1", "valid_from": valid_from, "reporting_interval_min": minutes}


def station(id, valid_from=None, district="lucheng", category="public", open_to_public=True):
    return {
        "operator_id": "OP1",
        "station_id": id,
        "valid_from": valid_from,
        "district": district,
        "category": category,
        "open_to_public": open_to_public,
    }


def charger(id, station_id, valid_from=None, commissioned_on=None, retired_on=None):
    return {
        "operator_id": "OP1",
        "charger_id": id,
        "station_id": station_id,
        "valid_from": valid_from,
        "commissioned_on": commissioned_on,
        "retired_on": retired_on,
    }


def connector(id, charger_id, valid_from=None, kind="dc", rated_kw="60"):
    return {
        "operator_id": "OP1",
        "connector_id": id,
        "charger_id": charger_id,
        "valid_from": valid_from,
        "kind": kind,
        "rated_kw": Decimal(rated_kw),
    }


def city(**more):
    rows = {
        "operators": [operator()],
        "stations": [station("S1")],
        "chargers": [charger("C1", "S1")],
        "connectors": [connector("G1", "C1")],
    }
    return Registry.of({**rows, **more})


def told(registry, *columns, first=FIRST, last=LAST, zone=SHANGHAI):
    frame = placements(registry, zone, first, last)
    starts = {day_start_us(first + timedelta(days=n), zone): first + timedelta(days=n) for n in range(9999)}
    return [
        (starts[row.from_us], starts[row.to_us], *(getattr(row, column) for column in columns))
        for row in frame.itertuples()
    ]


def test_rows_without_valid_from_hold_since_ever():
    assert told(city(), "charger_id", "station_id", "district") == [(FIRST, LAST, "C1", "S1", "lucheng")]


def test_a_row_holds_from_its_valid_from_and_the_earlier_one_to_the_day_before():
    move = city(stations=[station("S1"), station("S1", date(2023, 6, 15), "ouhai")])
    assert told(move, "district") == [
        (FIRST, date(2023, 6, 15), "lucheng"),
        (date(2023, 6, 15), LAST, "ouhai"),
    ]
    assert told(move, "district", first=date(2023, 6, 15)) == [(date(2023, 6, 15), LAST, "ouhai")]
    assert told(move, "district", last=date(2023, 6, 15)) == [(FIRST, date(2023, 6, 15), "lucheng")]


@pytest.mark.parametrize("table", ["operators", "stations", "chargers", "connectors"])
def test_before_its_first_row_nothing_exists(table):
    begins = date(2023, 6, 10)
    rows = {
        "operators": operator(begins),
        "stations": station("S1", begins),
        "chargers": charger("C1", "S1", begins),
        "connectors": connector("G1", "C1", begins),
    }
    assert told(city(**{table: [rows[table]]})) == [(begins, LAST)]


def test_a_connector_that_moves_takes_its_new_chargers_place():
    move = city(
        stations=[station("S1"), station("S2", district="ouhai", category="dedicated", open_to_public=False)],
        chargers=[charger("C1", "S1"), charger("C2", "S2", commissioned_on=date(2023, 6, 20))],
        connectors=[connector("G1", "C1"), connector("G1", "C2", date(2023, 6, 20), rated_kw="120")],
    )
    assert told(move, "charger_id", "district", "category", "rated_kw", "commissioned_on") == [
        (FIRST, date(2023, 6, 20), "C1", "lucheng", "public", Decimal(60), None),
        (date(2023, 6, 20), LAST, "C2", "ouhai", "dedicated", Decimal(120), date(2023, 6, 20)),
    ]


def test_a_row_that_changes_nothing_of_the_place_cuts_nothing():
    assert told(city(connectors=[connector("G1", "C1"), connector("G1", "C1", date(2023, 6, 5), rated_kw="60.0")])) == [
        (FIRST, LAST)
    ]


def test_nothing_at_all_gives_no_rows_with_all_columns():
    frame = placements(Registry.of({}), "Asia/Shanghai", FIRST, LAST)
    assert frame.empty
    assert list(frame.columns) == list(placements(city(), "Asia/Shanghai", FIRST, LAST).columns)


def test_days_of_23_and_25_hours():
    def hours(day):
        frame = placements(city(), LONDON, day, day + timedelta(days=1))
        return int(frame["to_us"][0] - frame["from_us"][0]) // 3_600_000_000

    assert [hours(date(2023, 3, 26)), hours(date(2023, 6, 1)), hours(date(2023, 10, 29))] == [23, 24, 25]


def test_reporting_intervals_hold_from_their_day_and_none_is_told_as_none():
    agreed = city(operators=[operator(), operator(date(2023, 6, 15), Decimal("2.5"))])
    frame = reporting_intervals(agreed, "Asia/Shanghai")
    assert frame["from_us"].tolist() == [SINCE_EVER_US, day_start_us(date(2023, 6, 15), SHANGHAI)]
    assert frame["interval_us"].isna().tolist() == [True, False]
    assert int(frame["interval_us"][1]) == 150_000_000


days = st.one_of(st.none(), st.dates(date(2023, 5, 29), date(2023, 6, 12)))


def versions(make):
    """Rows of one id, no two with the same valid_from."""
    return st.lists(make, min_size=1, max_size=4, unique_by=lambda row: row["valid_from"])


def ids(prefix):
    return st.sampled_from([f"{prefix}1", f"{prefix}2", f"{prefix}3"])


@st.composite
def registries(draw):
    def table(make, names):
        return [row for name in names for row in draw(versions(make(name)))]

    districts = st.sampled_from(["lucheng", "ouhai"])
    return Registry.of(
        {
            "operators": draw(versions(st.builds(operator, days))),
            "stations": table(lambda name: st.builds(station, st.just(name), days, districts), ["S1", "S2"]),
            "chargers": table(lambda name: st.builds(charger, st.just(name), ids("S"), days, days), ["C1", "C2"]),
            "connectors": table(lambda name: st.builds(connector, st.just(name), ids("C"), days), ["G1", "G2"]),
        }
    )


def in_force(registry, table, day, **key):
    """The row of an id on a day, read off the table as a clerk would."""
    rows = [row for row in registry[table] if all(row[k] == v for k, v in key.items())]
    rows = [row for row in rows if row["valid_from"] is None or row["valid_from"] <= day]
    return max(rows, key=lambda row: row["valid_from"] or date.min, default=None)


def place_on(registry, connector_id, day):
    gun = in_force(registry, "connectors", day, connector_id=connector_id)
    box = gun and in_force(registry, "chargers", day, charger_id=gun["charger_id"])
    site = box and in_force(registry, "stations", day, station_id=box["station_id"])
    if not site or not in_force(registry, "operators", day, operator_id="OP1"):
        return None
    return (box["charger_id"], site["station_id"], site["district"], box["commissioned_on"])


@given(registries())
@settings(max_examples=40, deadline=None)
def test_each_day_is_as_a_clerk_reads_it_off_the_tables(registry):
    first, last = date(2023, 6, 1), date(2023, 6, 10)
    runs = placements(registry, SHANGHAI, first, last).to_dict("records")
    tables = {name: frame.to_dict("records") for name, frame in registry.tables.items()}
    for connector_id in ("G1", "G2"):
        own = [run for run in runs if run["connector_id"] == connector_id]
        for offset in range((last - first).days):
            day = first + timedelta(days=offset)
            start = day_start_us(day, SHANGHAI)
            said = [
                (run["charger_id"], run["station_id"], run["district"], run["commissioned_on"])
                for run in own
                if run["from_us"] <= start < run["to_us"]
            ]
            place = place_on(tables, connector_id, day)
            assert said == ([place] if place else [])
        for one, following in pairwise(own):
            assert one["to_us"] <= following["from_us"]
            touching = one["to_us"] == following["from_us"]
            assert not touching or any(one[k] != following[k] for k in one if k not in ("from_us", "to_us"))
