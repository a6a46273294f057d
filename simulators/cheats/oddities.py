"""Honest charges that look odd."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from chargewatch.instants import US_PER_S
from simulators.calendar import DAY_US, HOUR_US, MINUTE_US, day_of, start_of
from simulators.charging import Charge
from simulators.city import Plug
from simulators.power import Curve
from simulators.truth import TrueInterval

NIGHT_FROM_US, NIGHT_TO_US = 22 * HOUR_US, 8 * HOUR_US
LIMITED_TO = 0.45
"""Share of the rating that a site's connection to the grid leaves."""

_TAXI_WH, _TAXI_A_DAY = 45_000, 4


def full_car(charge: Charge, rng: Random) -> Charge:
    """A car that is full already: some minutes, next to nothing."""
    minutes, a_minute_wh = rng.randrange(5, 10), rng.randrange(20, 80)
    curve = Curve(
        tuple(a_minute_wh * minute for minute in range(minutes + 1)),
        tuple(min(100, 98 + minute // 3) for minute in range(minutes + 1)),
    )
    end_us = charge.start_us + minutes * MINUTE_US
    return replace(charge, end_us=end_us, left_us=end_us + MINUTE_US, curve=curve, stop_reason="ev", oddity="full_car")


def cold_battery(charge: Charge, plug: Plug, rng: Random) -> Charge:
    """A cold battery takes a quarter to two fifths of the rating, evenly, and is far from full in the end."""
    watt = int(plug.rated_kw * 1000 * rng.uniform(0.25, 0.4))
    first, minutes = rng.randrange(8, 16), charge.curve.minutes
    wh = tuple(watt * minute // 60 for minute in range(minutes + 1))
    curve = Curve(wh, tuple(min(79, first + one // 1000) for one in wh))
    return replace(charge, curve=curve, oddity="cold_battery")


def power_limited(charge: Charge, plug: Plug) -> Charge:
    """The site's connection to the grid leaves less than half of the rating."""
    most_wh = int(plug.rated_kw * 1000 * LIMITED_TO / 60)
    old, wh = charge.curve, [0]
    for minute in range(old.minutes):
        wh.append(wh[-1] + min(old.wh[minute + 1] - old.wh[minute], most_wh))
    first, gained = old.soc_pct[0], old.soc_pct[-1] - old.soc_pct[0]
    percent = tuple(first + gained * one // max(old.wh[-1], 1) for one in wh)
    return replace(charge, curve=Curve(tuple(wh), percent), oddity="power_limited")


def taxi(charges: Sequence[Charge], vehicle: str) -> Iterator[Charge]:
    """The smaller sessions of a day, four at most, are one taxi's."""
    day, count = None, 0
    for charge in charges:
        if day_of(charge.start_us) != day:
            day, count = day_of(charge.start_us), 0
        mine = not charge.cheat and charge.energy_wh <= _TAXI_WH and count < _TAXI_A_DAY
        count += mine
        yield replace(charge, vehicle=vehicle, oddity="taxi") if mine else charge


def shared_depot(charges: Sequence[Charge], vehicles: Sequence[str]) -> Iterator[Charge]:
    """Every other session is one of the depot's own vehicles, the rest anybody's."""
    for index, charge in enumerate(charges):
        own = index % 2 == 0 and not charge.cheat
        yield replace(charge, vehicle=vehicles[index // 2 % 2], oddity="shared_depot") if own else charge


def night_tariff(charges: Sequence[Charge], intervals: Sequence[TrueInterval]) -> Iterator[Charge]:
    """What would begin near 22 o'clock or midnight begins then to the second, as many drivers' timers have it."""
    busy_until_us = 0
    for index, charge in enumerate(charges):
        next_us = charges[index + 1].plugged_us if index + 1 < len(charges) else charge.left_us + DAY_US
        moved = _moved(charge, busy_until_us, next_us, intervals)
        busy_until_us = (moved or charge).left_us
        yield moved or charge


def is_night(us: int) -> bool:
    """Whether an instant lies in the cheap hours."""
    since_us = us - start_of(day_of(us))
    return since_us >= NIGHT_FROM_US or since_us < NIGHT_TO_US


def next_change(us: int) -> int:
    """The first instant after `us` at which the tariff changes."""
    midnight_us = start_of(day_of(us))
    return min(
        at
        for at in (midnight_us + NIGHT_TO_US, midnight_us + NIGHT_FROM_US, midnight_us + DAY_US + NIGHT_TO_US)
        if at > us
    )


def _moved(charge: Charge, busy_until_us: int, next_us: int, intervals: Sequence[TrueInterval]) -> Charge | None:
    midnight_us = start_of(day_of(charge.start_us))
    wanted = (midnight_us, midnight_us + NIGHT_FROM_US, midnight_us + DAY_US)
    at_us = min(wanted, key=lambda one: abs(one - charge.start_us))
    by_us = at_us - charge.start_us
    plugged_us, left_us = charge.plugged_us + min(by_us, 0) - 20 * US_PER_S, charge.left_us + by_us
    free = busy_until_us + MINUTE_US < plugged_us and left_us + MINUTE_US < next_us
    serves = any(one.state == "serving" and one.from_us < plugged_us and left_us < one.to_us for one in intervals)
    if charge.cheat or abs(by_us) > HOUR_US or not free or not serves:
        return None
    return replace(
        charge,
        start_us=at_us,
        end_us=charge.end_us + by_us,
        plugged_us=plugged_us,
        left_us=left_us,
        oddity="night_tariff",
    )
