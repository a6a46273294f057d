"""Published opening hours as declarations: the time outside of them, from the moment that they were published.

Nobody improves the past: hours that the registry learns of today say nothing of yesterday (semantics 3), and where they
change, each instant has those that were published last before it, of the row that holds on its day.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from chargewatch.instants import day_of_us, day_start_us, to_us
from registry.opening_hours import Week, parse
from uptime.life import NEVER
from uptime.profile import Profile

CAUSE = "outside_hours"
_DAY_MIN = 24 * 60
Closed = tuple[int, int]


def outside_hours(
    declarations: pd.DataFrame, published: pd.DataFrame | None, profile: Profile, first_day: date, last_day: date
) -> pd.DataFrame:
    """The declarations, and after them one of `outside_hours` for each time that a station is closed.

    `published` as of registry.contents.Registry. Of the policy days [first_day, last_day); of all before too where the
    profile counts caps from the beginning. None where the profile gives the cause no effect.
    """
    if (
        published is None
        or published.empty
        or not any(rule.cause == CAUSE and rule.effect != "none" for rule in profile.causes)
    ):
        return declarations
    capped = any(rule.caps_us for rule in profile.causes)
    since = day_start_us(date(2010, 1, 1) if capped else first_day, profile.zone)
    until = day_start_us(last_day, profile.zone)
    rows = [
        (operator_id, f"hours {text}", station_id, start, end, filed)
        for (operator_id, station_id), versions in published.groupby(["operator_id", "station_id"], sort=True)
        for start, end, text, filed in closings(versions, profile.zone, since, until)
    ]
    names = ["operator_id", "declaration_id", "scope_id", "start_us", "end_us", "filed_us"]
    windows = pd.DataFrame(rows, columns=names).assign(scope="station", cause=CAUSE, approved=True, withdrawn_us=NEVER)
    windows = windows.reindex(columns=declarations.columns).astype(
        dict.fromkeys(("start_us", "end_us", "filed_us", "withdrawn_us"), np.int64)
    )
    both = [part for part in (declarations, windows) if len(part)]
    return pd.concat(both, ignore_index=True) if both else declarations


def closings(versions: pd.DataFrame, zone: ZoneInfo, since: int, until: int) -> Iterator[tuple[int, int, str, int]]:
    """When a station was closed in [since, until) (µs): start, end, the hours as published, when they were published.

    `versions`: valid_from, opening_hours and recorded_at of its rows, one for each change.
    """
    told = [
        (
            -1 if row.valid_from is None else day_start_us(row.valid_from, zone),
            to_us(row.recorded_at),
            row.opening_hours,
        )
        for row in versions.itertuples()
    ]
    edges = {since, until, *(at for held, published, _ in told for at in (held, published))}
    for start, end in pairwise(sorted(at for at in edges if since <= at <= until)):
        holds = [one for one in told if one[0] <= start and one[1] <= start]
        if not holds:
            continue
        _, published, text = max(holds, key=lambda one: one[:2])
        week = parse(text) if text else None
        if week is None:
            continue
        for shut, opens in _closed(week, zone, day_of_us(start, zone), day_of_us(end - 1, zone)):
            if max(shut, start) < min(opens, end):
                yield max(shut, start), min(opens, end), text, published


def _closed(week: Week, zone: ZoneInfo, first: date, last: date) -> Iterator[Closed]:
    """When doors are shut on these policy days, both included; nights are in two parts."""
    day = first
    while day <= last:
        yesterday = week[(day.weekday() - 1) % 7]
        spans = [*week[day.weekday()], *((start - _DAY_MIN, end - _DAY_MIN) for start, end in yesterday)]
        at = 0
        for start, end in sorted((max(start, 0), min(end, _DAY_MIN)) for start, end in spans if end > 0):
            if start > at:
                yield _clock(day, at, zone), _clock(day, start, zone)
            at = max(at, end)
        if at < _DAY_MIN:
            yield _clock(day, at, zone), _clock(day, _DAY_MIN, zone)
        day += timedelta(days=1)


@lru_cache(maxsize=100_000)
def _clock(day: date, minute: int, zone: ZoneInfo) -> int:
    """The instant of a time of day, by the clock on the wall (days of 23 and 25 hours)."""
    if minute == _DAY_MIN:
        return day_start_us(day + timedelta(days=1), zone)
    return to_us(datetime.combine(day, time(minute // 60, minute % 60), zone))
