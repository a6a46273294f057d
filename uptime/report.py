"""The availability report: from the store's facts to contract 4's rows, recomputed from nothing at every call."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from chargewatch import database
from chargewatch.instants import day_start_us, from_us, iso, to_us
from registry import placement, snapshot
from registry.contents import Registry
from uptime import facts
from uptime.declarations import covered, reach
from uptime.evidence import Facts, Ints
from uptime.figures import figures, tally
from uptime.intervals import Timeline, service_intervals
from uptime.life import NEVER, first_items, service_life
from uptime.profile import Profile
from uptime.segments import segments
from uptime.settings import IntervalSettings

FIRST_DAY = date(2010, 1, 1)
"""No fact is older: the collector refuses earlier dates as implausible."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some connectors with everything that a figure of theirs is made of."""

    facts: Facts
    life: pd.DataFrame
    timeline: Timeline
    of: int
    """Connectors in all parts."""


def compute(
    connection: psycopg.Connection,
    *,
    first_day: date,
    last_day: date,
    by: str | Sequence[str],
    profile: Profile,
    settings: IntervalSettings,
    as_of: datetime,
    everything: bool = False,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> list[dict[str, Any]]:
    """Rows of `uptime report` (contract 4) for the policy days [first_day, last_day), as known at `as_of`.

    `by` is one level or several, whose rows then follow each other.
    """
    start, end = day_start_us(first_day, profile.zone), day_start_us(last_day, profile.zone)
    registry = snapshot.load(connection, as_of)
    declared = declarations(registry)
    tallies = []
    for part in timelines(connection, registry, last_day, profile, settings, as_of):
        reached = reach(declared, part.life, profile)
        pieces = segments(part.timeline, part.life, reached, start, end)
        tallies.append(tally(pieces, part.life, covered(pieces, reached, profile), profile))
        advance(len(part.facts.connectors), total=part.of)
    if not tallies:
        return []
    ripe = to_us(as_of) >= day_start_us(last_day + timedelta(days=profile.unknown_ripens_after_days), profile.zone)
    said_once = {
        "from": first_day.isoformat(),
        "to": last_day.isoformat(),
        "profile": profile.id,
        "settings": settings.id,
        "rehearsal": database.is_rehearsal(connection),
        "as_of": iso(as_of),
    }
    sums = pd.concat(tallies, ignore_index=True)
    rows = [
        row
        for level in ([by] if isinstance(by, str) else by)
        for row in figures(sums, profile, level, ripe=ripe, everything=everything)
    ]
    return [{name: {**row, **said_once}[name] for name in FIELDS} for row in rows]


FIELDS = [
    *("level", "id", "operator_id", "from", "to", "profile", "settings", "rehearsal", "as_of", "required_s", "up_s"),
    *("down_s", "unknown_s", "deducted_s", "ratio", "ratio_upper", "threshold", "verdict", "breach", "connectors"),
    *("connectors_below", "connectors_pending", "connectors_out_7d"),
]


def timelines(
    connection: psycopg.Connection,
    registry: Registry,
    last_day: date,
    profile: Profile,
    settings: IntervalSettings,
    as_of: datetime,
    only: Ints | None = None,
) -> Iterator[Part]:
    """Service life and service intervals of all connectors (or `only` some) until the start of `last_day`, in parts."""
    places = placement.placements(registry, profile.time_zone, FIRST_DAY, last_day)
    places["bound"] = profile.binds.places(places)
    places = places if only is None else places[np.isin(places["connector_no"], only)]
    if places.empty:
        return
    reporting = registry.tables["connectors"][["operator_id", "connector_no"]].drop_duplicates()
    reporting = reporting.merge(placement.reporting_intervals(registry, profile.time_zone), on="operator_id")
    reporting["interval_us"] = reporting["interval_us"].fillna(settings.default_interval_us)
    # Where silence counts from the last sign itself, a sign soon after the end decides about the time before it.
    beyond = settings.silence_factor * int(reporting["interval_us"].max()) if settings.silence_from_last_sign else 0
    dsn, until = database.dsn(), from_us(day_start_us(last_day, profile.zone) + beyond)
    for connectors in facts.parts(places["connector_no"].to_numpy(dtype=np.int64)):
        mine = places[np.isin(places["connector_no"], connectors)].reset_index(drop=True)
        known = facts.load(connection, dsn, connectors, reporting, until, as_of)
        life = service_life(mine, *first_items(known, mine, profile.zone), profile.zone)
        spans = life.groupby("connector_no", as_index=False).agg({"from_us": "min", "to_us": "max"})
        spans = spans.rename(columns={"connector_no": "connector"})
        yield Part(known, life, service_intervals(known, settings, spans), places["connector_no"].nunique())


def declarations(registry: Registry) -> pd.DataFrame:
    """The registry's declarations with start_us, end_us, filed_us and withdrawn_us (NEVER if they stand)."""
    table = registry.tables["declarations"]
    instants = {
        f"{name}_us": np.array(
            [NEVER if pd.isna(moment) else to_us(moment) for moment in table[column]], dtype=np.int64
        )
        for name, column in (("start", "start"), ("end", "end"), ("filed", "filed_at"), ("withdrawn", "withdrawn_at"))
    }
    return table.assign(**instants)
