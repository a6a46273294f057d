"""Station-months from three sides: what was claimed, what the meters saw, what the grid supplied.

Stations on one grid account stand together: their bill tells only of their sum.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from subsidy.amounts import EXACT, ZERO, plain
from subsidy.clauses import Quantity
from subsidy.limits import Tolerance, Unexplained
from subsidy.triangle.bills import Supply

Station = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sides:
    """One station's month: its orders, and its meters.

    `orders_kwh`: of all that are possible and were not taken back; `counted_kwh`: of those that nothing else holds;
    `metered_kwh`: what the registers saw, None where one with orders was not read.
    """

    station: Station
    month: str
    orders: int
    orders_kwh: Decimal
    counted_kwh: Decimal
    metered_kwh: Decimal | None
    connectors: int
    connectors_read: int
    account: str


@dataclass(frozen=True, slots=True)
class Balance:
    """Station-months on one grid account (or one station's without), with what differs.

    `beyond_supply`: orders beyond the grid's energy; `differences`: every other pair beyond its tolerance, in words.
    """

    stations: tuple[Sides, ...]
    month: str
    account: str
    supply: Supply
    beyond_supply: bool
    differences: tuple[str, ...]

    @property
    def orders_kwh(self) -> Decimal:
        """Energy of all orders."""
        return sum((one.orders_kwh for one in self.stations), ZERO)

    @property
    def metered_kwh(self) -> Decimal | None:
        """What all meters saw; None if one of them was not read."""
        return added(one.metered_kwh for one in self.stations)


def added(parts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum; None if a part is not known."""
    total = ZERO
    for part in parts:
        if part is None:
            return None
        total += part
    return total


def beyond(more: Decimal, than: Decimal, share: Quantity, least: Quantity) -> bool:
    """Whether one side exceeds the other by more than a share of it and more than a least amount."""
    return more - than > max(EXACT.multiply(than, share.value), least.value)


def balance(stations: Iterable[Sides], account: str, supply: Supply, limit: Tolerance, other: Unexplained) -> Balance:
    """The three sides of some station-months on one account held against each other."""
    mine = tuple(sorted(stations, key=lambda one: one.station))
    orders, metered = sum((one.orders_kwh for one in mine), ZERO), added(one.metered_kwh for one in mine)
    found = []
    if metered is not None:
        found += _pair("orders", orders, "meters", metered, other)
        found += _pair("meters", metered, "orders", orders, other)
    over = False
    if supply.kwh is not None:
        counted = sum((one.counted_kwh for one in mine), ZERO)
        over = beyond(counted, supply.kwh, limit.share_of_energy, limit.least)
        used = orders if metered is None else metered
        found += [] if metered is None else _pair("meters", metered, "grid", supply.kwh, other)
        after_losses = EXACT.multiply(supply.kwh, 1 - other.losses.value)
        name = "meters" if metered is not None else "orders"
        found += _pair(f"grid less losses of {plain(other.losses.value)}", after_losses, name, used, other)
    return Balance(mine, mine[0].month, account, supply, over, tuple(found))


def _pair(name: str, more: Decimal, other: str, than: Decimal, limit: Unexplained) -> list[str]:
    if not beyond(more, than, limit.share_of_energy, limit.least):
        return []
    return [f"{name} {plain(more)} kWh, {other} {plain(than)} kWh"]
