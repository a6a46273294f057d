"""The account of time under any profile, instant by instant: semantics.md 3 and 4, said again slowly and plainly.

Written from the rules alone, without the engine in `uptime/`; a profile is its YAML file as it stands. A
connector comes as its state function and its service life (reference_availability.py), a unit of several connectors is
made of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from tests.generative.reference_availability import HOUR, SERVING, WORST_FIRST, Interval

EVERY_CAUSE = (
    "routine_maintenance", "grid_outage", "force_majeure", "vandalism", "vehicle_fault", "outside_hours",
    "platform_outage",
)  # fmt: skip
Regime = Mapping[str, Any]
PROFILES = Path(__file__).parent.parent.parent / "uptime" / "profiles"


def regime(name: str) -> Regime:
    """A profile's file, read as YAML and no more."""
    loaded: Regime = yaml.safe_load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


WENZHOU = regime("cn-wenzhou-2022-137")


@dataclass(frozen=True)
class Declaration:
    """Declared time for whatever its scope names."""

    cause: str
    from_us: int
    to_us: int
    filed_us: int
    approved: bool = True
    withdrawn_us: int | None = None
    scope: str = "platform"
    scope_id: str = ""


@dataclass(frozen=True)
class Place:
    """Where the registry puts a connector, or a unit, for some days, and whether the regime binds it there."""

    from_us: int
    to_us: int
    charger: str = "c"
    station: str = "s"
    district: str = "lucheng"
    bound: bool = True
    unit: str = ""
    only: str = ""
    """The connector that the unit consists of, if it is one."""


@dataclass(frozen=True)
class Connector:
    """All that a figure needs of one connector or unit: its runs, its service life by place, its proven time."""

    connector_id: str
    runs: Sequence[Interval]
    """Cover at least the service life, as far as anything is known."""
    life: Sequence[Place]
    proven: Sequence[tuple[int, int]] = ()

    def state_at(self, t: int) -> str:
        """The state at that instant."""
        return next(run.state for run in self.runs if run.from_us <= t < run.to_us)

    def place_at(self, t: int) -> Place | None:
        """Its place at that instant of its service life, or None outside of it."""
        return next((place for place in self.life if place.from_us <= t < place.to_us), None)

    def is_proven_at(self, t: int) -> bool:
        """Whether that instant lies in a proven session."""
        return any(start <= t < end for start, end in self.proven)

    def instants(self) -> set[int]:
        """Where its state, its place or its proof may change."""
        edges = [(run.from_us, run.to_us) for run in self.runs]
        edges += [(place.from_us, place.to_us) for place in self.life]
        return {edge for both in (*edges, *self.proven) for edge in both}


# ---- whom it binds, and what it measures


def is_bound(rules: Regime, registered: Any, on: date | None, t: int) -> bool:
    """Whether the regime binds a connector that is so registered, its charger commissioned on that day, at t."""
    binds, zone = rules["binds"], ZoneInfo(rules["time_zone"])
    if binds.get("commissioned_from") and (on is None or on < binds["commissioned_from"]):
        return False
    if binds.get("for_years") and on is not None:
        day = local(t, zone).date()
        if (day.year - on.year, day.month, day.day) >= (binds["for_years"], on.month, on.day):
            return False
    return (
        (registered.category in binds["categories"] or (registered.open_to_public and binds["open_to_public"]))
        and (not binds.get("kinds") or registered.kind in binds["kinds"])
        and registered.rated_kw >= binds.get("least_rated_kw", 0)
    )


def unit_of(rules: Regime, connector_id: str, registered: Any) -> str:
    """What is measured by itself: the connector, or all that share its charger or station."""
    joint = {"connector": False, "evse": registered.simultaneous is False, "charger": True, "station": True}
    if not joint[rules["unit"]]:
        return connector_id
    return f"{registered.station if rules['unit'] == 'station' else registered.charger}/*"


def units(rules: Regime, connectors: Sequence[Connector]) -> list[Connector]:
    """Each unit out of its connectors: at any instant the best, or the worst, of those that are in service life."""
    order = WORST_FIRST if rules.get("combine", "best") == "worst" else WORST_FIRST[::-1]
    cuts = sorted({instant for one in connectors for instant in one.instants()})
    found: dict[str, Connector] = {}
    for start, end in pairwise(cuts):
        active: dict[str, list[Connector]] = {}
        for one in connectors:
            place = one.place_at(start)
            if place:
                active.setdefault(place.unit, []).append(one)
        for name, members in active.items():
            unit = found.setdefault(name, Connector(name, [], [], []))
            states = [one.state_at(start) for one in members]
            places = [one.place_at(start) for one in members]
            first = places[0]
            assert first is not None
            unit.runs.append(Interval(start, end, min(states, key=order.index)))  # type: ignore[attr-defined]
            only = members[0].connector_id if len(members) == 1 else ""
            unit.life.append(  # type: ignore[attr-defined]
                Place(
                    start, end, first.charger, first.station, first.district,
                    any(place.bound for place in places if place), name, only,
                )
            )  # fmt: skip
            if any(one.is_proven_at(start) for one in members):
                unit.proven.append((start, end))  # type: ignore[attr-defined]
    return list(found.values())


# ---- runs


def unbroken(connector: Connector, states: Iterable[str]) -> list[tuple[int, int]]:
    """Maximal unbroken runs of these states within the service life."""
    found: list[tuple[int, int]] = []
    for start, end in pairwise(sorted(connector.instants())):
        if connector.place_at(start) and connector.state_at(start) in states:
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
    return found


def outages(connector: Connector) -> list[tuple[int, int]]:
    """Maximal unbroken runs of not serving within the service life."""
    return unbroken(connector, [state for state in WORST_FIRST if state != SERVING])


def holding(runs: Sequence[tuple[int, int]], t: int) -> tuple[int, int] | None:
    """The run that this instant lies in."""
    return next((run for run in runs if run[0] <= t < run[1]), None)


# ---- declared time


def is_valid(declaration: Declaration, rule: Mapping[str, Any]) -> bool:
    """Each by itself: not withdrawn, approved if that is asked, filed as long before its start as is asked."""
    if declaration.withdrawn_us is not None or (rule.get("approved") and not declaration.approved):
        return False
    ahead = rule.get("notice_h", 0) * HOUR
    return rule.get("filed", "any_time") == "any_time" or declaration.filed_us <= declaration.from_us - ahead


def concerns(declaration: Declaration, place: Place) -> bool:
    """Whether the declaration's scope holds the whole unit where it stands."""
    ids = {"station": place.station, "charger": place.charger, "connector": place.only}
    return declaration.scope in ("platform", "operator") or ids[declaration.scope] == declaration.scope_id


def covers(
    unit: Connector, out: Sequence[tuple[int, int]], declaration: Declaration, rule: Mapping[str, Any], t: int
) -> bool:
    """Whether one declaration, valid by itself under its cause's rule, covers that instant of the unit."""
    place = unit.place_at(t)
    if place is None or declaration.cause != rule["cause"] or rule["effect"] == "none":
        return False
    if not (concerns(declaration, place) and is_valid(declaration, rule)):
        return False
    if not declaration.from_us <= t < declaration.to_us or unit.is_proven_at(t):
        return False
    if rule.get("states") and unit.state_at(t) not in rule["states"]:
        return False
    outage = holding(out, t)
    if outage and not rule.get("renews_outage", True) and outage[0] < declaration.filed_us:
        return False
    return not (outage and rule.get("begins_outage") and outage[0] < declaration.from_us)


# ---- the account of time


@dataclass(frozen=True)
class Piece:
    """A stretch with what the regime makes of it: up, down, unknown, or the cause or state that takes it out."""

    from_us: int
    to_us: int
    place: Place
    effect: str
    cause: str | None


def observed(unit: Connector, rules: Regime, long: Sequence[tuple[int, int]], t: int) -> str:
    """What the regime makes of the state alone; `long`: runs that count as a whole."""
    if holding(long, t):
        counts: str = rules["long_unknown"]["counts"]
        return counts
    state = unit.state_at(t)
    effect: str = rules["states"][state]
    return state if effect == "excluded" else effect


def account(unit: Connector, declared: Sequence[Declaration], rules: Regime, cuts: Iterable[int]) -> Iterator[Piece]:
    """The whole service life from its beginning, cut at `cuts` too: caps are used up in the order of time."""
    zone = ZoneInfo(rules["time_zone"])
    out = outages(unit)
    long: list[tuple[int, int]] = []
    if limit := rules.get("long_unknown"):
        runs = unbroken(unit, limit["states"])
        long = [(start, end) for start, end in runs if end - start > limit["longer_than_h"] * HOUR]
    edges = unit.instants() | set(cuts) | {edge for one in declared for edge in (one.from_us, one.to_us)}
    edges |= set(_first_of_months(min(edges), max(edges), zone))
    used: dict[tuple[object, ...], int] = {}
    for start, until in pairwise(sorted(edges)):
        t = start
        while t < until:
            place = unit.place_at(t)
            if place is None:
                break
            seen, end, applied = observed(unit, rules, long, t), until, None
            spent: list[tuple[object, ...]] = []
            for rule in rules["causes"]:
                if not any(covers(unit, out, one, rule, t) for one in declared):
                    continue
                if rule["effect"] == "credit" and seen == "up":
                    continue
                purses = caps(rule, holding(out, t), local(t, zone))
                paying = list(itertools.takewhile(lambda one: used.get(one[0], 0) < one[1], purses.items()))
                end = min([end, *(t + cap - used.get(purse, 0) for purse, cap in paying)])
                spent += [purse for purse, _ in paying]
                if len(paying) == len(purses):
                    applied = rule
                    break
            for purse in spent:
                used[purse] = used.get(purse, 0) + end - t
            if applied is None:
                yield Piece(t, end, place, seen, None)
            else:
                took_out = applied["effect"] == "deduct"
                yield Piece(t, end, place, applied["cause"] if took_out else "up", applied["cause"])
            t = end


def caps(rule: Mapping[str, Any], outage: tuple[int, int] | None, moment: datetime) -> dict[tuple[object, ...], int]:
    """What an instant is paid from, one purse after the other until one is empty: each with its whole content."""
    purses = {
        "cap_per_outage_h": outage, "cap_per_month_h": (moment.year, moment.month), "cap_per_year_h": moment.year,
    }  # fmt: skip
    return {
        (rule["cause"], name, purse): rule[name] * HOUR for name, purse in purses.items() if rule.get(name) is not None
    }


def local(t: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=t)).astimezone(zone)


def _first_of_months(from_us: int, to_us: int, zone: ZoneInfo) -> Iterator[int]:
    moment = local(from_us, zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while (at := (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)) < to_us:
        if at > from_us:
            yield at
        moment = moment.replace(year=moment.year + moment.month // 12, month=moment.month % 12 + 1)
