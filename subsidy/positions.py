"""Positions on the earth: how far apart two are, and which stand near each other, in time linear in their number."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import asin, cos, floor, radians, sin, sqrt
from typing import Generic, TypeVar

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius R1 of the earth (IUGG)."""
MM = 1000

T = TypeVar("T")
Position = tuple[Decimal, Decimal]
"""Longitude and latitude, degrees."""
Cell = tuple[int, int, int]


def distance_mm(one: Position, other: Position) -> int:
    """Great-circle distance in whole millimetres (haversine; differences of degrees are exact)."""
    east, north = (radians(float(b - a)) for a, b in zip(one, other, strict=True))
    part = sin(north / 2) ** 2 + cos(radians(float(one[1]))) * cos(radians(float(other[1]))) * sin(east / 2) ** 2
    return round(2 * EARTH_RADIUS_M * MM * asin(sqrt(min(1.0, part))))


class Near(Generic[T]):
    """Things by position, in cubes of the space around the earth as wide as the distance that is asked about.

    Two that are no farther apart than that lie in one cube or in two that touch; poles and the date line are nothing
    special.
    """

    def __init__(self, at: Mapping[Position, T], within_m: Decimal) -> None:
        self.at, self.within_mm = at, int(within_m * MM)
        # A thousandth wider, so that no rounding puts a neighbour two cubes away.
        self._width_m = float(within_m) * 1.001
        self._cells: dict[Cell, list[Position]] = {}
        for position in at:
            self._cells.setdefault(self._cell(position), []).append(position)

    def to(self, position: Position) -> Iterator[tuple[int, T]]:
        """What stands within the distance of a position, itself included, with how far (mm)."""
        x, y, z = self._cell(position)
        for cell in [(x + i, y + j, z + k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]:
            for other in self._cells.get(cell, ()):
                apart = distance_mm(position, other)
                if apart <= self.within_mm:
                    yield apart, self.at[other]

    def _cell(self, position: Position) -> Cell:
        east, north = (radians(float(degrees)) for degrees in position)
        point = (cos(north) * cos(east), cos(north) * sin(east), sin(north))
        x, y, z = (floor(one * EARTH_RADIUS_M / self._width_m) for one in point)
        return x, y, z
