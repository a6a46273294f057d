"""The same period computed from any choice of what was known: a registry, facts, a profile, settings.

uptime.report computes a period from everything known at one time. Here some connectors are computed from values, so
that one input can be taken in, or left out, alone (uptime.attribution).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H, day_start_us, from_us, to_us
from registry.contents import Registry
from registry.placement import placements, reporting_intervals
from registry.tables import BY_NAME
from uptime.account import account
from uptime.declarations import reach
from uptime.evidence import Facts, Ints
from uptime.figures import tally
from uptime.intervals import service_intervals
from uptime.life import first_items, service_life
from uptime.profile import Profile
from uptime.report import FIRST_DAY, declarations
from uptime.returning import out_of_service
from uptime.settings import IntervalSettings
from uptime.sharing import shared
from uptime.units import units

US_PER_DAY = 24 * US_PER_H


@dataclass(frozen=True, slots=True)
class World:
    """What is taken as known about a period of policy days [first_day, last_day)."""

    registry: Registry
    facts: Facts
    """Its `reporting` is not looked at: the registry's agreements hold."""
    profile: Profile
    settings: IntervalSettings
    first_day: date
    last_day: date
    as_of: datetime
    """What a profile looks ahead for beyond the period is looked for up to then."""
    lifted: pd.DataFrame | None = None
    """Where granted contests let what came late count (uptime.contests)."""


def tallies(world: World) -> pd.DataFrame:
    """What each unit of the facts' connectors has to its account at each place, as uptime.figures.tally gives it."""
    profile, zone, registry = world.profile, world.profile.zone, of_connectors(world.registry, world.facts.connectors)
    ahead = timedelta(days=2 + profile.ahead_us // US_PER_DAY) if profile.ahead_us else timedelta()
    places = placements(registry, zone, FIRST_DAY, world.last_day + ahead)
    horizon = _horizon(profile, world.last_day, world.as_of)
    places = profile.binds.bound(places.assign(to_us=np.minimum(places["to_us"], horizon)), zone)
    places = places[places["from_us"] < places["to_us"]].reset_index(drop=True)
    facts = replace(world.facts, reporting=_reporting(registry, profile, world.settings))
    life = service_life(places, *first_items(facts, places, zone), zone, world.settings.returns_within_days)
    spans = life.groupby("connector_no", as_index=False).agg({"from_us": "min", "to_us": "max"})
    spans = spans.rename(columns={"connector_no": "connector"})
    timeline = out_of_service(service_intervals(facts, world.settings, spans, shared(life), world.lifted), life)
    measured = units(timeline, life, profile)
    declared = declarations(registry, profile, world.first_day, world.last_day + timedelta(days=2) + ahead)
    reached = reach(declared, measured.life, profile)
    start, end = (day_start_us(day, zone) for day in (world.first_day, world.last_day))
    pieces = account(measured.timeline, measured.life, reached, profile, start, end)
    return tally(pieces, measured.life, profile, profile.twelve_months_us(world.first_day, world.last_day))


def until(world: World) -> datetime:
    """Before when a fact must have happened to have a say about the period."""
    profile, settings, beyond = world.profile, world.settings, 0
    if settings.silence_from_last_sign:  # a sign soon after the end decides about the time before it
        agreed = reporting_intervals(world.registry, profile.zone)["interval_us"].fillna(settings.default_interval_us)
        beyond = settings.silence_factor * int(agreed.max()) if len(agreed) else 0
    return from_us(_horizon(profile, world.last_day, world.as_of) + beyond)


def _horizon(profile: Profile, last_day: date, as_of: datetime) -> int:
    end = day_start_us(last_day, profile.zone)
    return max(end, min(end + profile.ahead_us, to_us(as_of)))


def of_connectors(registry: Registry, numbers: Ints) -> Registry:
    """The registry with these connectors alone."""
    connectors = registry.tables["connectors"]
    mine = connectors[np.isin(connectors["connector_no"].to_numpy(dtype=np.int64), numbers)].reset_index(drop=True)
    return replace(registry, tables={**registry.tables, "connectors": mine})


def with_rows(registry: Registry, rows: Sequence[tuple[str, dict[str, Any], int | None]], later: Registry) -> Registry:
    """The registry in which these rows (table, columns, connector_no of a connector) stand in place of earlier ones.

    What a station's row published of its hours comes with it, out of a `later` registry.
    """
    tables = dict(registry.tables)
    hours = _hours(registry, later, [cells for table, cells, _ in rows if table == "stations"])
    for name in {table for table, _, _ in rows}:
        frame = tables[name]
        key = list(BY_NAME[name].key)
        given = [{**cells, "connector_no": number} for table, cells, number in rows if table == name]
        more = pd.DataFrame(given, columns=list(frame.columns), dtype=object)
        both = pd.concat([frame, more.astype({"connector_no": "int64"}) if name == "connectors" else more])
        order = both[key].astype(str).where(both[key].notna(), "")
        both = both[~order.duplicated(keep="last").to_numpy()]
        order = both[key].astype(str).where(both[key].notna(), "")
        tables[name] = both.iloc[np.lexsort([order[column].to_numpy(dtype=str) for column in reversed(key)])]
        tables[name] = tables[name].reset_index(drop=True)
    return Registry(tables, hours)


def _hours(registry: Registry, later: Registry, stations: Sequence[dict[str, Any]]) -> pd.DataFrame | None:
    if not stations or later.published_hours is None:
        return registry.published_hours
    keys = {(row["operator_id"], row["station_id"], row["valid_from"]) for row in stations}
    new = later.published_hours
    names = zip(new["operator_id"], new["station_id"], new["valid_from"], strict=True)
    chosen = new[[(operator, station, day) in keys for operator, station, day in names]]
    both = [part for part in (registry.published_hours, chosen) if part is not None and len(part)]
    return pd.concat(both, ignore_index=True).drop_duplicates(ignore_index=True) if both else None


def joined(facts: Facts, more: Facts) -> Facts:
    """Facts about the same connectors together."""
    tables = {
        name: pd.concat([getattr(facts, name), getattr(more, name)], ignore_index=True)
        for name in ("statuses", "meters", "heartbeats", "sessions")
        if len(getattr(more, name))
    }
    return replace(facts, **tables)


def _reporting(registry: Registry, profile: Profile, settings: IntervalSettings) -> pd.DataFrame:
    connectors = registry.tables["connectors"][["operator_id", "connector_no"]].drop_duplicates()
    agreed = connectors.merge(reporting_intervals(registry, profile.zone), on="operator_id")
    return pd.DataFrame(
        {
            "connector": agreed["connector_no"].to_numpy(dtype=np.int64),
            "from_us": agreed["from_us"].to_numpy(dtype=np.int64),
            "interval_us": agreed["interval_us"].fillna(settings.default_interval_us).to_numpy(dtype=np.int64),
        }
    )


def about(facts: Facts, numbers: Ints) -> Facts:
    """The facts that are about some of the connectors alone."""
    wanted = set(numbers.tolist())
    orders = [bool(wanted.intersection(guns)) for guns in facts.sessions["connector_nos"]]
    statuses, meters, heartbeats = (
        table[np.isin(table["connector"], numbers)] for table in (facts.statuses, facts.meters, facts.heartbeats)
    )
    sessions = facts.sessions[np.array(orders, dtype=np.bool_)]
    return Facts(numbers, statuses, meters, heartbeats, sessions, facts.reporting)
