"""Positions: distances on both sides of 20 m, and a search that looks at neighbours only."""

import math
from decimal import Decimal

import pytest

from subsidy import positions
from subsidy.positions import EARTH_RADIUS_M, Near, distance_mm

METRE = Decimal(repr(180 / (math.pi * EARTH_RADIUS_M)))
HERE = (Decimal("120.6"), Decimal(28))


@pytest.mark.parametrize(("metres", "apart_mm"), [("19.99", 19_990), ("20", 20_000), ("20.01", 20_010), ("0", 0)])
def test_metres_to_the_north(metres: str, apart_mm: int) -> None:
    assert distance_mm(HERE, (HERE[0], HERE[1] + Decimal(metres) * METRE)) == apart_mm


def test_a_degree_of_longitude_is_shorter_in_the_north() -> None:
    equator = distance_mm((Decimal(0), Decimal(0)), (Decimal(1), Decimal(0)))
    assert equator == round(EARTH_RADIUS_M * 1000 * math.pi / 180)
    assert distance_mm((Decimal(0), Decimal(60)), (Decimal(1), Decimal(60))) == pytest.approx(equator / 2, rel=1e-4)


def test_over_the_date_line_is_not_around_the_world() -> None:
    assert distance_mm((Decimal("179.9999"), Decimal(0)), (Decimal("-179.9999"), Decimal(0))) == 22_239


@pytest.mark.parametrize("count", [100, 1000])
def test_only_neighbours_are_measured(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    measured = []
    real = positions.distance_mm
    monkeypatch.setattr(positions, "distance_mm", lambda one, other: measured.append(1) or real(one, other))
    points = {(HERE[0], HERE[1] + 100 * number * METRE): number for number in range(count)}
    near = Near(points, Decimal(20))
    assert all([name for _, name in near.to(point)] == [number] for point, number in points.items())
    assert len(measured) == count
