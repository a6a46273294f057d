"""The document's content computed from the store: the figures of `uptime report` with what they are added up from."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg

from chargewatch import __version__, database
from chargewatch.instants import US_PER_H, day_start_us, from_us, iso, to_us
from registry import snapshot
from registry.contents import Registry
from uptime import truth_limits, truth_report
from uptime.account import account
from uptime.declarations import reach
from uptime.document import content, lines, quality, wording
from uptime.document.content import Report, Row
from uptime.figures import tally
from uptime.profile import Profile
from uptime.report import declarations, parts
from uptime.settings import IntervalSettings


def compute(
    connection: psycopg.Connection,
    *,
    first_day: date,
    last_day: date,
    profile: Profile,
    settings: IntervalSettings,
    as_of: datetime,
    every_interval: bool = False,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> Report:
    """The report of the policy days [first_day, last_day) as known at `as_of`.

    Its lines hold every interval of units that do not pass or were long out of service, or of all with
    `every_interval`. All its figures were added up again from these lines before it is returned.
    """
    start, end = (day_start_us(day, profile.zone) for day in (first_day, last_day))
    registry = snapshot.load(connection, as_of)
    beyond = last_day + timedelta(days=2 + profile.ahead_us // (24 * US_PER_H))
    declared = declarations(registry, profile, first_day, beyond)
    days = content.slots(first_day, last_day)
    tallies, found, spent, lates, spread = [], [], [], [], []
    for part in parts(connection, registry, last_day, [(profile, settings)], as_of):
        measured = part.measured(profile, settings)
        reached = reach(declared, measured.life, profile)
        pieces = account(measured.timeline, measured.life, reached, profile, start, end)
        sums = tally(pieces, measured.life, profile, profile.twelve_months_us(first_day, last_day))
        mine = lines.bound(pieces, measured.life)
        tallies.append(sums)
        found.append(lines.lines(pieces, measured.life, sums, profile, every_interval=every_interval))
        spread.append(content.spread(mine, days, profile))
        spent.append(quality.times(mine, measured.life))
        lates.append(quality.late(part.facts, part.life, settings, start, end))
        advance(len(part.facts.connectors), total=part.of)
    ripe = to_us(as_of) >= day_start_us(last_day + timedelta(days=profile.unknown_ripens_after_days), profile.zone)
    said: Row = {
        "from": first_day.isoformat(), "to": last_day.isoformat(), "profile": profile.id, "settings": settings.id,
        "rehearsal": database.is_rehearsal(connection), "as_of": iso(as_of),
    }  # fmt: skip
    table = lines.ordered(pd.concat(found, ignore_index=True)) if found else pd.DataFrame(columns=lines.COLUMNS)
    levels = content.levels(tallies, table, profile, said, _names(registry), ripe=ripe)
    return Report(
        first_day, last_day, as_of, said["rehearsal"], __version__, profile, settings, levels, table,
        content.trend(sum(spread[1:], spread[0]), days) if spread else [],
        content.distribution(levels["connector"], profile),
        quality.rows(_fates(connection, start, end, as_of), spent, lates),
        _doubted(connection, first_day, last_day, profile, settings, as_of),
    )  # fmt: skip


def _doubted(
    connection: psycopg.Connection,
    first_day: date,
    last_day: date,
    profile: Profile,
    settings: IntervalSettings,
    as_of: datetime,
) -> list[Row]:
    """What uptime.truth found, without its evidence, which `uptime truth` shows."""
    found = truth_report.compute(
        connection, first_day=first_day, last_day=last_day, by="finding", operator=None, profile=profile,
        settings=settings, limits=truth_limits.load(), as_of=as_of,
    )  # fmt: skip
    kept = (*wording.DOUBT, "means", "limits")
    return [{name: row[name] for name in kept} for row in found]


def _names(registry: Registry) -> dict[tuple[str, str | None, str], str]:
    """What the registry calls an operator or a station, last."""
    operators, stations = registry.tables["operators"], registry.tables["stations"]
    return {
        **{("operator", key, key): name for key, name in zip(operators["operator_id"], operators["name"], strict=True)},
        **{
            ("station", operator, key): name
            for operator, key, name in stations[["operator_id", "station_id", "name"]].itertuples(index=False)
        },
    }


def _fates(connection: psycopg.Connection, start: int, end: int, as_of: datetime) -> list[dict[str, Any]]:
    """By operator the fates of what was received in the period, as recorded by then: like the view `fates`."""
    names = ", ".join(f"sum({name})::bigint" for name in quality.FATES)
    rows = connection.execute(
        f"""SELECT operator_id, {names} FROM (
          SELECT operator_id, offered, stored, duplicate, quarantined, conflicts FROM message
          WHERE received_at >= %(start)s AND received_at < %(end)s AND recorded_at <= %(as_of)s
          UNION ALL
          SELECT operator_id, -(outcome = 'read_again')::int, (outcome = 'stored')::int,
                 (outcome IN ('duplicate', 'conflict'))::int, -1, (outcome = 'conflict')::int
          FROM quarantine_retry AS retry JOIN quarantine USING (quarantine_id)
          WHERE received_at >= %(start)s AND received_at < %(end)s AND retry.recorded_at <= %(as_of)s
        ) AS every_fate WHERE operator_id IS NOT NULL GROUP BY operator_id""".encode(),
        {"start": from_us(start), "end": from_us(end), "as_of": as_of},
    ).fetchall()
    return [dict(zip(("operator_id", *quality.FATES), row, strict=True)) for row in rows]
