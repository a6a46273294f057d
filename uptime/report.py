"""The availability report: from the store's facts to contract 4's rows, recomputed from nothing at every call."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from chargewatch import database
from chargewatch.instants import US_PER_H, day_start_us, from_us, iso, to_us
from registry import placement, snapshot
from registry.contents import Registry
from uptime import facts, keeping, kept
from uptime.account import account
from uptime.contests import granted
from uptime.declarations import reach
from uptime.evidence import Facts, Ints
from uptime.figures import figures, judged, tally
from uptime.intervals import Timeline, service_intervals
from uptime.life import NEVER, first_items, service_life
from uptime.opening import outside_hours
from uptime.profile import Profile
from uptime.returning import out_of_service
from uptime.settings import IntervalSettings
from uptime.sharing import shared
from uptime.units import Units, told_together, units

FIRST_DAY = date(2010, 1, 1)
"""No fact is older: the collector refuses earlier dates as implausible."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some connectors with everything that a figure of theirs is made of."""

    facts: Facts
    life: pd.DataFrame
    """Service life of connectors (uptime.life)."""
    of: int
    """Connectors in all parts."""
    lifted: pd.DataFrame
    """Where granted contests let what came late count (uptime.contests)."""

    @property
    def connectors(self) -> Ints:
        """Numbers of the part's connectors."""
        return self.facts.connectors

    def timeline(self, settings: IntervalSettings) -> Timeline:
        """The connectors' service intervals."""
        spans = self.life.groupby("connector_no", as_index=False).agg({"from_us": "min", "to_us": "max"})
        spans = spans.rename(columns={"connector_no": "connector"})
        told = service_intervals(self.facts, settings, spans, shared(self.life), self.lifted)
        return out_of_service(told, self.life)

    def measured(self, profile: Profile, settings: IntervalSettings) -> Units:
        """The units of a profile, out of the connectors' service intervals."""
        return units(self.timeline(settings), self.life, profile)

    def proving(self, measured: Units, reached: pd.DataFrame, settings: IntervalSettings) -> Units:
        """The same: its proven sessions are there (see uptime.kept)."""
        return measured


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
    views = [(profile, settings)]
    return views_of(
        connection, first_day=first_day, last_day=last_day, by=by, views=views, as_of=as_of, everything=everything,
        advance=advance,
    )[0]  # fmt: skip


def views_of(
    connection: psycopg.Connection,
    *,
    first_day: date,
    last_day: date,
    by: str | Sequence[str],
    views: Sequence[tuple[Profile, IntervalSettings]],
    as_of: datetime,
    everything: bool = False,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> list[list[dict[str, Any]]]:
    """The rows of `compute` under each of several views of one regime (the first and its readings), facts read once.

    The views share time zone, binding and what returns; they may differ in all that a reading may change.
    """
    zone = views[0][0].zone
    start, end = day_start_us(first_day, zone), day_start_us(last_day, zone)
    registry = snapshot.load(connection, as_of)
    beyond = last_day + timedelta(days=2 + max(one.ahead_us for one, _ in views) // (24 * US_PER_H))
    declared = [declarations(registry, profile, first_day, beyond) for profile, _ in views]
    days = (first_day, last_day)

    def tallied(sources: Iterable[Part | kept.KeptPart]) -> list[list[pd.DataFrame]]:
        tallies: list[list[pd.DataFrame]] = [[] for _ in views]
        for part in sources:
            timelines = {settings: part.timeline(settings) for settings in {one for _, one in views}}
            for found, said, (profile, settings) in zip(tallies, declared, views, strict=True):
                measured = units(timelines[settings], part.life, profile)
                reached = reach(said, measured.life, profile)
                measured = part.proving(measured, reached, settings)
                pieces = account(measured.timeline, measured.life, reached, profile, start, end)
                found.append(tally(pieces, measured.life, profile, profile.twelve_months_us(first_day, last_day)))
            advance(len(part.connectors), total=part.of)
        return tallies

    try:
        tallies = tallied(_sources(connection, registry, days, views, as_of))
    except kept.Moved:
        tallies = tallied(parts(connection, registry, last_day, views, as_of))
    said_once = {
        "from": first_day.isoformat(),
        "to": last_day.isoformat(),
        "rehearsal": database.is_rehearsal(connection),
        "as_of": iso(as_of),
    }
    answers = []
    for found, (profile, settings) in zip(tallies, views, strict=True):
        ripe = to_us(as_of) >= day_start_us(last_day + timedelta(days=profile.unknown_ripens_after_days), zone)
        named = {**said_once, "profile": profile.id, "settings": settings.id}
        sums = pd.concat(found, ignore_index=True) if found else None
        verdicts = None if sums is None else judged(sums, profile)
        rows = [
            row
            for level in ([by] if isinstance(by, str) else by)
            if sums is not None
            for row in figures(sums, profile, level, ripe=ripe, everything=everything, verdicts=verdicts)
        ]
        answers.append([{name: {**row, **named}[name] for name in FIELDS} for row in rows])
    return answers


def _sources(
    connection: psycopg.Connection,
    registry: Registry,
    days: tuple[date, date],
    views: Sequence[tuple[Profile, IntervalSettings]],
    as_of: datetime,
) -> Iterator[Part | kept.KeptPart]:
    """What is kept of the connectors' time where that stands for all the views, else their facts; the same figures."""

    for profile, settings in views:

        def bases(until_us: int, profile: Profile = profile, settings: IntervalSettings = settings) -> "pd.Series[str]":
            return keeping.City.of(registry, profile, settings, until_us).bases

        if not kept.stands(connection, bases, profile, settings, days[1], as_of):
            return (yield from parts(connection, registry, days[1], views, as_of))
    profile = views[0][0]
    places = placement.placements(registry, profile.zone, FIRST_DAY, days[1])
    places = profile.binds.bound(places, profile.zone)
    whole = any(rule.caps_us for profile, _ in views for rule in profile.causes)
    within = views[0][1].returns_within_days
    yield from kept.parts(
        connection, places, days, profile, as_of, whole=whole, within=False, returns_within_days=within
    )


FIELDS = [
    *("level", "id", "operator_id", "from", "to", "profile", "settings", "rehearsal", "as_of", "required_s", "up_s"),
    *("down_s", "unknown_s", "deducted_s", "ratio", "ratio_upper", "threshold", "verdict", "breach", "connectors"),
    *("connectors_below", "connectors_pending", "connectors_out_7d"),
]


def parts(
    connection: psycopg.Connection,
    registry: Registry,
    last_day: date,
    views: Sequence[tuple[Profile, IntervalSettings]],
    as_of: datetime,
    only: Ints | None = None,
) -> Iterator[Part]:
    """All connectors (or those that may share a unit with `only` some) until the start of `last_day`, in parts.

    The time that a profile has to look ahead is there too, as far as it lies before `as_of`.
    """
    profile, zone = views[0][0], views[0][0].zone
    end = day_start_us(last_day, zone)
    ahead = max(one.ahead_us for one, _ in views)
    horizon = max(end, min(end + ahead, to_us(as_of)))
    places = placement.placements(
        registry, zone, FIRST_DAY, last_day + timedelta(days=2 + ahead // (24 * US_PER_H) if ahead else 0)
    )
    places = profile.binds.bound(places.assign(to_us=np.minimum(places["to_us"], horizon)), zone)
    places = places[places["from_us"] < places["to_us"]].reset_index(drop=True)
    if places.empty:
        return
    number = places["connector_no"].to_numpy(dtype=np.int64)
    label = told_together(places, views)
    if only is not None:
        mine = np.isin(label, label[np.isin(number, only)])
        places, number, label = places[mine], number[mine], label[mine]
    if places.empty:
        return
    settings = [one for _, one in views]
    reporting = registry.tables["connectors"][["operator_id", "connector_no"]].drop_duplicates()
    reporting = reporting.merge(placement.reporting_intervals(registry, zone), on="operator_id")
    reporting["interval_us"] = reporting["interval_us"].fillna(settings[0].default_interval_us)
    # Where silence counts from the last sign itself, a sign soon after the end decides about the time before it.
    beyond = max(one.silence_factor * one.silence_from_last_sign for one in settings) * int(
        reporting["interval_us"].max()
    )
    dsn, until, lifted = database.dsn(), from_us(horizon + beyond), granted(connection, as_of)
    several = pd.DataFrame({"label": label, "number": number}).groupby("label", sort=True)["number"].nunique()
    nth = ((several.cumsum() - several) // facts.PART).reindex(label).to_numpy()
    for turn in range(int(nth.max()) + 1):
        mine = places[nth == turn].reset_index(drop=True)
        connectors = np.unique(mine["connector_no"].to_numpy(dtype=np.int64))
        if not len(connectors):
            continue
        known = facts.load(connection, dsn, connectors, reporting, until, as_of)
        life = service_life(mine, *first_items(known, mine, zone), zone, settings[0].returns_within_days)
        yield Part(known, life, places["connector_no"].nunique(), lifted)


def declarations(
    registry: Registry, profile: Profile | None = None, first_day: date = FIRST_DAY, last_day: date = FIRST_DAY
) -> pd.DataFrame:
    """The registry's declarations with start_us, end_us, filed_us and withdrawn_us (NEVER if they stand).

    With a profile also what published opening hours declare of [first_day, last_day), by this profile's days.
    """
    table = registry.tables["declarations"]
    instants = {
        f"{name}_us": np.array(
            [NEVER if pd.isna(moment) else to_us(moment) for moment in table[column]], dtype=np.int64
        )
        for name, column in (("start", "start"), ("end", "end"), ("filed", "filed_at"), ("withdrawn", "withdrawn_at"))
    }
    declared = table.assign(**instants)
    if profile is None:
        return declared
    return outside_hours(declared, registry.published_hours, profile, first_day, last_day)
