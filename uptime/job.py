"""The daily job: what is kept of service intervals brought up to the last closed policy day, and sums for dashboards.

What is due follows from the store alone: a new day for all connectors, and for those about which something was
recorded since, the time from the earliest instant that it speaks about. It can run twice or late, or be killed,
without changing a result.
"""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from chargewatch import database
from chargewatch.instants import day_of_us, day_start_us, seconds, to_us
from registry import placement, snapshot
from registry.contents import Registry
from uptime import keeping, kept
from uptime import profile as profiles
from uptime import settings as interval_settings
from uptime.account import account
from uptime.declarations import reach
from uptime.evidence import Ints
from uptime.figures import tally
from uptime.profile import Profile
from uptime.report import FIRST_DAY, declarations
from uptime.settings import IntervalSettings


def run(connection: psycopg.Connection) -> str:
    """Keep every closed day that is due, under the default profile; a sentence that says what was done."""
    profile, settings = profiles.load(), interval_settings.load()
    as_of = database.watermark(connection)
    registry = snapshot.load(connection, as_of)
    with connection.transaction():
        before = kept.state(connection)
        changed = keeping.keep(connection, registry, profile, settings, as_of)
        days = _summed(connection, registry, before, changed, profile, settings)
    if not days:
        return "no closed day is due"
    return f"{len(days)} closed days computed, {days[0]} to {days[-1]}"


def _summed(
    connection: psycopg.Connection,
    registry: Registry,
    before: kept.Kept | None,
    changed: pd.DataFrame | None,
    profile: Profile,
    settings: IntervalSettings,
) -> list[date]:
    """Write the sums of each connector and day that may have changed; the days, ascending."""
    now = kept.state(connection)
    assert now is not None
    zone, today = profile.zone, day_of_us(to_us(now.until), profile.zone)
    (first_at,) = connection.execute("SELECT min(at) FROM state_change").fetchone() or (None,)
    first = today if first_at is None else day_of_us(to_us(first_at), zone)
    other_rules = before is None or before.last_import != now.last_import or before.settings != now.settings
    if changed is None and not other_rules:
        return []
    made = kept.none_changed() if changed is None else changed
    known = first if other_rules or before is None else max(first, day_of_us(to_us(before.until), zone))
    everyone = _between(known, today)
    late = made[made["from_us"] < (to_us(before.until) if before is not None and not other_rules else kept.EVER_US)]
    since = (
        max(first, day_of_us(int(late["from_us"].min()), zone)) if len(late) and late["from_us"].min() > 0 else first
    )
    some = _between(since, known) if len(late) else []
    for days, connectors in ((some, late["connector"].to_numpy(dtype=np.int64)), (everyone, None)):
        if days:
            _sum(connection, registry, days, connectors, profile, settings, now)
    return [*some, *everyone]


def _between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=nth) for nth in range((last - first).days)]


def _sum(
    connection: psycopg.Connection,
    registry: Registry,
    days: list[date],
    only: Ints | None,
    profile: Profile,
    settings: IntervalSettings,
    now: kept.Kept,
) -> None:
    first, last = days[0], days[-1] + timedelta(days=1)
    declared = declarations(registry, profile, first, last)
    places = placement.placements(registry, profile.zone, FIRST_DAY, last)
    places = profile.binds.bound(places, profile.zone)
    if only is not None:
        places = places[np.isin(places["connector_no"].to_numpy(dtype=np.int64), only)].reset_index(drop=True)
    rows: list[tuple[Any, ...]] = []
    for part in kept.parts(
        connection, places, (first, last), profile, now.as_of, whole=False, within=True,
        returns_within_days=settings.returns_within_days,
    ):  # fmt: skip
        measured = part.measured(profile, settings)
        reached = reach(declared, measured.life, profile)
        measured = part.proving(measured, reached, settings)
        for day in days:
            bounds = (day_start_us(one, profile.zone) for one in (day, day + timedelta(days=1)))
            pieces = account(measured.timeline, measured.life, reached, profile, *bounds)
            rows += _sum_rows(day, tally(pieces, measured.life, profile), profile)
    if only is None:
        connection.execute("DELETE FROM connector_day WHERE day = ANY(%s)", [days])
    else:
        connection.execute(
            "DELETE FROM connector_day WHERE day = ANY(%s) AND (operator_id, connector_id) IN"
            " (SELECT operator_id, connector_id FROM connector_keys WHERE connector_no = ANY(%s))",
            [days, [int(one) for one in only]],
        )
    with connection.cursor().copy(b"COPY connector_day FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _sum_rows(day: date, sums: pd.DataFrame, profile: Profile) -> list[tuple[Any, ...]]:
    names = ["operator_id", "connector_id", "charger_id", "station_id", "district", "bound"]
    deducted = sums[list(profile.deducting)].sum(axis="columns")
    told = sums.assign(deducted=deducted)[[*names, "up", "down", "unknown", "deducted"]]
    return [(day, *row[:-4], *(seconds(int(us)) for us in row[-4:])) for row in told.itertuples(index=False, name=None)]
