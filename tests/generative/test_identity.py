"""For random registries what is registered twice is what comparing every pair on every day finds."""

import math
from datetime import date
from decimal import Decimal
from typing import Any

import reference_identity
from hypothesis import given, note, settings
from hypothesis import strategies as st

from registry.contents import Registry
from subsidy.identity.holdings import Registered
from subsidy.identity.judgements import FOUND, judge
from subsidy.positions import Near, distance_mm
from subsidy.versions import Versions, rows
from tests.subsidy_world import POLICY

DAYS = [date(2023, 5, 1), date(2023, 5, 2), date(2023, 6, 10), date(2023, 7, 1)]
some_day = st.sampled_from(DAYS)
maybe_day = st.none() | some_day
METRE = 180 / (math.pi * reference_identity.RADIUS_M)
position = st.tuples(st.sampled_from([0, 0, 8, 13, 19.99, 20.01, 35, 5000]), st.sampled_from([0, 0, 11, 20.01]))


def place(draw: st.DrawFn) -> dict[str, Decimal | None]:
    """Some metres north and east of a point, or nowhere."""
    at = draw(st.none() | position)
    if at is None:
        return {"longitude": None, "latitude": None}
    east = at[1] * METRE / math.cos(math.radians(28))
    return {
        "longitude": Decimal(repr(round(120.6 + east, 9))),
        "latitude": Decimal(repr(round(28 + at[0] * METRE, 9))),
    }


@st.composite
def registries(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {"stations": [], "chargers": [], "connectors": [], "meters": []}
    for operator_id in ("A", "B"):
        for station_id in ("S1", "S2"):
            for since in draw(st.sampled_from([[None], [None], [None, DAYS[1]], [DAYS[1]]])):
                row = {"operator_id": operator_id, "station_id": station_id, "valid_from": since, **place(draw)}
                tables["stations"].append({**row, "closed_on": draw(st.sampled_from([None, None, DAYS[2]]))})
        for number in range(draw(st.integers(1, 3))):
            charger_id = f"C{number}"
            for since in draw(st.sampled_from([[None], [None], [None, DAYS[2]]])):
                tables["chargers"].append(
                    {
                        "operator_id": operator_id, "charger_id": charger_id, "valid_from": since, "kind": "dc",
                        "station_id": draw(st.sampled_from(["S1", "S2"])),
                        "serial_no": draw(st.sampled_from(["SN-1", "sn 1", "SN2", "－", f"{operator_id}{number}"])),
                        "commissioned_on": draw(maybe_day), "retired_on": draw(st.sampled_from([None, None, *DAYS])),
                        **place(draw),
                    }
                )  # fmt: skip
            connector = {"operator_id": operator_id, "connector_id": f"{charger_id}-1", "charger_id": charger_id}
            qr = draw(st.sampled_from([None, "Q1", " Q1", "Q2"]))
            tables["connectors"].append({**connector, "kind": "dc", "rated_kw": Decimal(60), "qr_code": qr})
            for since in draw(st.sampled_from([[], [None], [None, DAYS[2]]])):
                tables["meters"].append(
                    {
                        "operator_id": operator_id, "connector_id": f"{charger_id}-1", "installed_on": since,
                        "removed_on": draw(st.sampled_from([None, None, DAYS[2], DAYS[3]])),
                        "meter_no": draw(st.sampled_from(["M1", "m-1", "M2"])),
                    }
                )  # fmt: skip
    return tables


@given(registries())
@settings(max_examples=60)
def test_what_is_registered_twice(told: dict[str, list[dict[str, Any]]]) -> None:
    note(str(told))
    tables = Registry.of(told).tables
    registered = Registered(
        Versions(tables["chargers"], "operator_id", "charger_id"),
        Versions(tables["connectors"], "operator_id", "connector_id"),
        Versions(tables["stations"], "operator_id", "station_id"),
        tuple(rows(tables["meters"])),
    )
    found = {(one.code, one.operator_id, one.id) for one in judge(registered, [], [], POLICY) if one.code in FOUND}
    days = reference_identity.every_day(told)
    assert found == reference_identity.duplicates(told, days, 20)


degrees = st.tuples(st.integers(-1_800_000, 1_800_000), st.integers(-900_000, 900_000))


@given(degrees, st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=1, max_size=8))
@settings(max_examples=60)
def test_whoever_is_near_is_found_anywhere_on_earth(at: tuple[int, int], apart: list[tuple[int, int]]) -> None:
    """Poles and the date line included; positions in ten-thousandths of a degree, eleven metres."""
    points = {}
    for east, north in [(0, 0), *apart]:
        longitude = (at[0] + east + 1_800_000) % 3_600_000 - 1_800_000
        latitude = max(-900_000, min(900_000, at[1] + north))
        points[Decimal(longitude) / 10_000, Decimal(latitude) / 10_000] = (east, north)
    near = Near(points, Decimal(20))
    for one in points:
        slow = {name for other, name in points.items() if distance_mm(one, other) <= 20_000}
        assert {name for _, name in near.to(one)} == slow
        for other in points:
            numbers = [(float(a), float(b)) for a, b in (one, other)]
            assert abs(distance_mm(one, other) - 1000 * reference_identity.metres(*numbers)) < 2
