"""The reference's findings of semantics 8 that need more than two orders: slow, one order and one sample at a time.

Written from the policy file's words, not from the engine. Energies are fractions of kWh, times aware datetimes.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.subsidy_world import POLICY, ZONE, Session, World

RULES = POLICY.findings
SECOND = timedelta(seconds=1)


def day_of(one: Session) -> date:
    """Policy day of the last instant before the end."""
    return (one.end.astimezone(ZONE) - timedelta(microseconds=1)).date()


def value(code: str, name: str) -> Fraction:
    """A limit of a rule."""
    return Fraction(getattr(RULES.rule(code), name).value)


def holding(world: World, one: Session, live: list[Session]) -> list[str]:
    """Codes that hold one order, beside those of reference_orders; `live`: all orders that count and are not void."""
    found = []
    if one.energy_kwh > value("large_energy", "more_than"):
        found.append("large_energy")
    single = len(one.connectors) == 1
    if single and one.registers:
        found += _register(world, one, live)
    found += _meter(world, one, live)
    if single:
        found += _power(world, one)
    if one.energy_kwh > 0:
        found += [
            code
            for code, touched in (("one_vehicle", _one_vehicle), ("fleet_as_public", _fleet))
            if touched(world, one, live)
        ]
        if single:
            found += [code for code, run in (("micro_sessions", _micro), ("too_regular", _regular)) if run(one, live)]
    found += _hours(world, one)
    if _expired(world, one):
        found.append("meter_expired")
    return found


def samples(world: World, operator_id: str, connector_id: str) -> list[tuple[datetime, Fraction, Decimal | None]]:
    """The connector's samples by time: at, register, state of charge."""
    mine = [
        (at, Fraction(kwh), world.soc_pct.get((operator_id, connector_id, at)))
        for operator, connector, at, kwh in world.samples
        if (operator, connector) == (operator_id, connector_id)
    ]
    return sorted(mine, key=lambda sample: sample[0])


def _register(world: World, one: Session, live: list[Session]) -> list[str]:
    assert one.registers
    begins = Fraction(one.registers[0])
    earlier = [sample for sample in samples(world, one.operator_id, one.connectors[0]) if sample[0] < one.start]
    if not earlier:
        return []
    at, shown, _ = earlier[-1]
    if _exchanged(world, one, at):
        return []
    if shown - begins > value("register_back", "more_than"):
        return ["register_back"]
    before = [
        other for other in live
        if other is not one and other.registers and other.operator_id == one.operator_id
        and other.connectors == one.connectors and other.end <= one.start
    ]  # fmt: skip
    if before:
        last = max(other.end for other in before)
        reading = max(Fraction(other.registers[1]) for other in before if other.end == last and other.registers)
        if last > at:
            shown = max(shown, reading)
    return ["register_jump"] if begins - shown > value("register_jump", "more_than") else []


def _exchanged(world: World, one: Session, since: datetime) -> bool:
    first, last = since.astimezone(ZONE).date(), day_of(one)
    for row in world.tables.get("meters", []):
        if row["operator_id"] == one.operator_id and row["connector_id"] == one.connectors[0]:
            if row.get("rollover_at_kwh") is not None:
                return True
            for name in ("installed_on", "removed_on"):
                if row.get(name) and first <= row[name] <= last:
                    return True
    return False


def advance(world: World, one: Session) -> Fraction | None:
    """What the registers gained from the sample before an order to the one after; None where one is missing."""
    total = Fraction(0)
    for connector in one.connectors:
        told = samples(world, one.operator_id, connector)
        before = [n for n, sample in enumerate(told) if sample[0] <= one.start]
        after = [n for n, sample in enumerate(told) if sample[0] >= one.end]
        if not before or not after:
            return None
        total += _gained(told[before[-1] : after[0] + 1])
    return total


def _gained(told: list[Any]) -> Fraction:
    return sum((max(after[1] - before[1], Fraction(0)) for before, after in pairwise(told)), Fraction(0))


def _meter(world: World, one: Session, live: list[Session]) -> list[str]:
    found, energy = [], Fraction(one.energy_kwh)
    gained = advance(world, one)
    if gained is not None:
        tolerance = max(energy * value("beyond_meter", "share_of_energy"), value("beyond_meter", "least"))
        if energy - gained > tolerance:
            found.append("beyond_meter")
    if energy > 0 and not _signs(world, one):
        month = [
            other for other in live
            if _first(other) == _first(one) and f"{day_of(other):%Y-%m}" == f"{day_of(one):%Y-%m}"
        ]  # fmt: skip
        heard = sum(1 for other in month if other.energy_kwh == 0 or _signs(world, other))
        if heard >= value("no_sign_inside", "share_of_orders") * len(month):
            found.append("no_sign_inside")
    bad = sum((_bad(world, one, connector) for connector in one.connectors), timedelta(0))
    risen = sum((_gained(_inside(world, one, connector)) for connector in one.connectors), Fraction(0))
    if energy > 0 and risen == 0 and bad > int(value("in_bad_state", "longer_than")) * SECOND:
        found.append("in_bad_state")
    return found


def _first(one: Session) -> tuple[str, str]:
    return one.operator_id, min(one.connectors)


def _signs(world: World, one: Session) -> bool:
    slack = int(value("no_sign_inside", "slack")) * SECOND
    told = [(o, c, at) for o, c, at, _ in [*world.samples, *world.states, *world.statuses]]
    return any(
        o == one.operator_id and c in one.connectors and one.start - slack <= at <= one.end + slack for o, c, at in told
    )


def _inside(world: World, one: Session, connector: str) -> list[Any]:
    return [sample for sample in samples(world, one.operator_id, connector) if one.start <= sample[0] <= one.end]


def _bad(world: World, one: Session, connector: str) -> timedelta:
    told = [(at, False) for o, c, at, _ in world.statuses if (o, c) == (one.operator_id, connector)]
    told += [
        (at, status in ("faulted", "unavailable"))
        for o, c, at, status in world.states
        if (o, c) == (one.operator_id, connector)
    ]
    told.sort(key=lambda status: status[0])
    total = timedelta(0)
    for number, (at, bad) in enumerate(told):
        until = told[number + 1][0] if number + 1 < len(told) else one.end
        if bad:
            total += max(min(until, one.end) - max(at, one.start), timedelta(0))
    return total


def _power(world: World, one: Session) -> list[str]:
    kinds = {row["kind"] for row in world.tables["connectors"] if row["connector_id"] == one.connectors[0]}
    told = _inside(world, one, one.connectors[0])
    if kinds != {"dc"} or len(told) < 2:
        return []
    found = []
    watts = [
        int(max(after[1] - before[1], Fraction(0)) * 10**6)
        * 3_600_000
        // ((after[0] - before[0]) // timedelta(microseconds=1))
        for before, after in pairwise(told)
        if after[0] - before[0] >= timedelta(minutes=1)
    ]
    soc = told[-1][2]
    if (
        watts
        and max(watts) > 0
        and len(told) >= value("flat_power", "least_samples")
        and told[-1][0] - told[0][0] > int(value("flat_power", "longer_than")) * SECOND
        and max(watts) - min(watts) <= max(watts) * value("flat_power", "varies_at_most")
        and soc is not None
        and soc >= value("flat_power", "reaches")
    ):
        found.append("flat_power")
    first = told[0][2]
    flowed = first is not None and soc is not None and _gained(told) > value("idle_discharge", "more_than")
    if flowed and Fraction(soc) - Fraction(first) < value("idle_discharge", "rises_less_than"):
        found.append("idle_discharge")
    return found


def _one_vehicle(world: World, one: Session, live: list[Session]) -> bool:
    vehicle = world.vehicles.get(one.session_id)
    if vehicle is None:
        return False
    mine = [
        other for other in live
        if other.operator_id == one.operator_id and world.vehicles.get(other.session_id) == vehicle
        and day_of(other) == day_of(one) and other.energy_kwh > 0
    ]  # fmt: skip
    return sum(other.energy_kwh for other in mine) > value("one_vehicle", "more_than")


def _fleet(world: World, one: Session, live: list[Session]) -> bool:
    if one.session_id not in world.vehicles or len(live) < value("fleet_as_public", "least_orders"):
        return False

    def where(other: Session) -> tuple[Any, ...]:
        station = world.place(other.operator_id, min(other.connectors), day_of(other))[1]
        return other.operator_id, station, f"{day_of(other):%Y-%m}"

    orders = [other for other in live if where(other) == where(one) and other.energy_kwh > 0]
    station = world.in_force("stations", day_of(one), operator_id=one.operator_id, station_id=str(where(one)[1]))
    if station is None or station["category"] != "public" or len(orders) < value("fleet_as_public", "least_orders"):
        return False

    def regular(other: Session) -> bool:
        vehicle = world.vehicles.get(other.session_id)
        times = sum(1 for third in orders if world.vehicles.get(third.session_id) == vehicle)
        return vehicle is not None and times >= value("fleet_as_public", "orders_a_vehicle")

    theirs = sum(Fraction(other.energy_kwh) for other in orders if regular(other))
    whole = sum(Fraction(other.energy_kwh) for other in orders)
    return regular(one) and theirs >= whole * value("fleet_as_public", "share_of_energy")


def _neighbours(one: Session, live: list[Session]) -> list[Session]:
    mine = [
        other for other in live
        if other.operator_id == one.operator_id and other.connectors == one.connectors and other.energy_kwh > 0
    ]  # fmt: skip
    return sorted(mine, key=lambda other: (other.start, other.end, other.session_id))


def _run_of(one: Session, runs: list[list[Session]], least: Fraction) -> bool:
    return any(one in run and len(run) >= least for run in runs)


def _micro(one: Session, live: list[Session]) -> bool:
    short = int(value("micro_sessions", "shorter_than")) * SECOND
    apart = int(value("micro_sessions", "apart_at_most")) * SECOND
    runs: list[list[Session]] = []
    for other in _neighbours(one, live):
        if other.end - other.start >= short:
            runs.append([])
        elif runs and runs[-1] and other.start - runs[-1][-1].end <= apart:
            runs[-1].append(other)
        else:
            runs.append([other])
    return _run_of(one, runs, value("micro_sessions", "least_orders"))


def _regular(one: Session, live: list[Session]) -> bool:
    vary = int(value("too_regular", "varies_at_most")) * SECOND
    apart = int(value("too_regular", "apart_at_most")) * timedelta(hours=1)
    orders = _neighbours(one, live)

    def steady(n: int) -> bool:
        """Whether the order of this place and the two before it are equally long and equally far apart."""
        if n < 2:
            return False
        first, second, third = orders[n - 2 : n + 1]
        lengths = [other.end - other.start for other in (first, second, third)]
        alike = all(abs(after - before) <= vary for before, after in pairwise(lengths))
        gaps = [second.start - first.start, third.start - second.start]
        return alike and abs(gaps[1] - gaps[0]) <= vary and max(gaps) <= apart

    runs: list[list[Session]] = []
    for n, other in enumerate(orders):
        joins = steady(n) or (n + 1 < len(orders) and steady(n + 1))
        if joins and runs:
            runs[-1].append(other)
        else:
            runs.append([other])
    return _run_of(one, runs, value("too_regular", "least_orders"))


def _hours(world: World, one: Session) -> list[str]:
    found = []
    longest = timedelta(0)
    for row in world.tables.get("declarations", []):
        if row["cause"] != "routine_maintenance" or not row["approved"] or row.get("withdrawn_at"):
            continue
        for connector in one.connectors:
            charger, station = world.place(one.operator_id, connector, day_of(one))
            scope = {"operator": None, "station": station, "charger": charger, "connector": connector}
            reaches = row["operator_id"] == one.operator_id and scope[row["scope"]] in (None, row.get("scope_id"))
            if reaches:
                longest = max(longest, min(row["end"], one.end) - max(row["start"], one.start))
    if longest > int(value("in_maintenance", "longer_than")) * SECOND:
        found.append("in_maintenance")
    if one.energy_kwh > 0 and _closed(world, one):
        found.append("outside_hours")
    return found


def _closed(world: World, one: Session) -> bool:
    """`Mo-Su HH:MM-HH:MM` alone, which is all that the cases use."""
    _, station_id = world.place(one.operator_id, min(one.connectors), day_of(one))
    station = world.in_force("stations", day_of(one), operator_id=one.operator_id, station_id=station_id or "")
    hours = (station or {}).get("opening_hours")
    if not hours:
        return False
    opens, closes = (time.split(":") for time in hours.removeprefix("Mo-Su ").split("-"))
    start, slack = one.start.astimezone(ZONE), int(value("outside_hours", "slack")) * SECOND
    for day in (-1, 0, 1):
        midnight = datetime.combine(start.date() + timedelta(days=day), datetime.min.time(), ZONE)
        first = midnight + timedelta(hours=int(opens[0]), minutes=int(opens[1]))
        last = midnight + timedelta(hours=int(closes[0]), minutes=int(closes[1]))
        if last <= first:
            last += timedelta(days=1)
        if first - slack <= start <= last + slack:
            return False
    return True


def _expired(world: World, one: Session) -> bool:
    day = day_of(one)
    return any(
        row["operator_id"] == one.operator_id
        and row["connector_id"] in one.connectors
        and (row.get("installed_on") or date.min) <= day < (row.get("removed_on") or date.max)
        and (row.get("verified_until") or date.max) < day
        for row in world.tables.get("meters", [])
    )


def beyond_advance(world: World, admitted: list[Session]) -> list[Session]:
    """Of the orders that all else admits, those of a connector-month whose sum exceeds what its register gained."""
    found = []
    able = [
        one for one in admitted
        if len(one.connectors) == 1 and one.energy_kwh > 0 and advance(world, one) is not None
    ]  # fmt: skip
    for key in sorted({(*_first(one), f"{day_of(one):%Y-%m}") for one in able}):
        mine = [one for one in able if (*_first(one), f"{day_of(one):%Y-%m}") == key]
        told = samples(world, key[0], key[1])
        steps: set[int] = set()
        for one in mine:
            first = max(n for n, sample in enumerate(told) if sample[0] <= one.start)
            last = min(n for n, sample in enumerate(told) if sample[0] >= one.end)
            steps.update(range(first, last))
        energy = sum((Fraction(one.energy_kwh) for one in mine), Fraction(0))
        tolerance = max(energy * value("beyond_advance", "share_of_energy"), value("beyond_advance", "least"))
        if energy - sum(_gained(told[step : step + 2]) for step in steps) > tolerance:
            found += mine
    return found
