"""Planning: which connectors are computed together, in which bucket, and which files that takes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd

from chargewatch.errors import Refusal
from chargewatch.instants import US_PER_H, day_start_us, to_us
from registry import placement
from uptime.archive.layout import SESSION
from uptime.archive.manifests import Head, Rows
from uptime.archive.registering import Known
from uptime.evidence import Ints
from uptime.profile import Profile
from uptime.settings import IntervalSettings
from uptime.units import told_together

FIRST_DAY = date(2010, 1, 1)
"""No fact is older: the collector refuses earlier dates as implausible."""


@dataclass(frozen=True, slots=True)
class Until:
    """Up to when intervals are computed, and up to when facts may decide about that time (µs)."""

    last_day: date
    horizon_us: int
    facts_us: int


@dataclass(frozen=True, slots=True)
class Task:
    """What one bucket computes: its connectors' places, and where their facts lie."""

    bucket: int
    places: pd.DataFrame
    """As of registry.placement, with `bound`; connector_no is the archive's number."""
    label: Ints
    """Per place, equal for all that are computed together."""
    reporting: pd.DataFrame
    lifted: pd.DataFrame
    buckets: frozenset[int]
    """Where the connectors' facts lie: their own, first ones. Most often the bucket itself alone."""

    def reads(self, rows: Rows) -> bool:
        """Whether a file may hold facts about these connectors."""
        return rows.bucket in self.buckets or (rows.series == SESSION.name and not self.buckets.isdisjoint(rows.also))


def until(head: Head, last_day: date | None, profile: Profile, settings: IntervalSettings, longest_us: int) -> Until:
    """Up to when an archive lets compute, by default the last policy day that it covers; Refusal if it does not.

    `longest_us`: the longest reporting interval agreed.
    """
    days = sorted(head.days)
    if not days or len(days) != (days[-1] - days[0]).days + 1:
        raise Refusal("the archive has no days, or a day is missing between two", "`chargewatch archive write`")
    old = [day for day in days if head.days[day].known != head.known]
    if old:
        raise Refusal(
            f"{old[0]} was last brought up to date earlier than the rest",
            "`chargewatch archive write` once more, for all days",
        )
    if head.earliest is not None and days[0] > head.earliest:
        raise Refusal(f"the archive begins {days[0]}, the facts {head.earliest}", "an archive from the first fact on")
    end = to_us(_midnight(days[-1] + timedelta(days=1)))
    # As in uptime.report: what a profile looks ahead, and where silence counts from the last sign itself.
    beyond = settings.silence_factor * settings.silence_from_last_sign * longest_us
    asked = last_day or days[-1] + timedelta(days=2)
    while True:
        start = day_start_us(asked, profile.zone)
        horizon = max(start, min(start + profile.ahead_us, to_us(head.known.as_of)))
        if horizon + beyond <= end:
            return Until(asked, horizon, horizon + beyond)
        if last_day is not None:
            raise Refusal(f"--until {last_day} is beyond what is archived", f"facts up to the end of {days[-1]} in UTC")
        asked -= timedelta(days=1)


def reporting(known: Known, profile: Profile, settings: IntervalSettings) -> pd.DataFrame:
    """connector, from_us, interval_us of every connector."""
    agreed = placement.reporting_intervals(known.registry, profile.zone)
    connectors = known.registry.tables["connectors"][["operator_id", "connector_no"]].drop_duplicates()
    both = connectors.merge(agreed, on="operator_id").rename(columns={"connector_no": "connector"})
    both["interval_us"] = both["interval_us"].fillna(settings.default_interval_us).astype("int64")
    return both[["connector", "from_us", "interval_us"]].sort_values(["connector", "from_us"], ignore_index=True)


def tasks(
    known: Known, agreed: pd.DataFrame, profile: Profile, settings: IntervalSettings, limits: Until
) -> list[Task]:
    """One task a bucket that has connectors with any place, ascending."""
    ahead = profile.ahead_us
    beyond = limits.last_day + timedelta(days=2 + ahead // (24 * US_PER_H) if ahead else 0)
    places = placement.placements(known.registry, profile.zone, FIRST_DAY, beyond)
    places = profile.binds.bound(places.assign(to_us=np.minimum(places["to_us"], limits.horizon_us)), profile.zone)
    places = places[places["from_us"] < places["to_us"]].reset_index(drop=True)
    if places.empty:
        return []
    number = places["connector_no"].to_numpy(dtype=np.int64)
    label = told_together(places, [(profile, settings)])
    home = known.buckets["bucket"].to_numpy(dtype=np.int64)
    # All that are computed together are computed where the first of them, by id, has its facts.
    first = pd.Series(number).groupby(label).transform("min").to_numpy()
    bucket = home[first]
    return [_task(int(one), bucket == one, places, label, known, agreed, home) for one in np.unique(bucket)]


def _task(
    bucket: int, mine: Ints, places: pd.DataFrame, label: Ints, known: Known, agreed: pd.DataFrame, home: Ints
) -> Task:
    here = places[mine].reset_index(drop=True)
    connectors = np.unique(here["connector_no"].to_numpy(dtype=np.int64))
    return Task(
        bucket,
        here,
        label[mine],
        _of(agreed, connectors),
        _of(known.lifted, connectors),
        frozenset(int(one) for one in np.unique(home[connectors])),
    )


def _of(table: pd.DataFrame, connectors: Ints) -> pd.DataFrame:
    return table[np.isin(table["connector"].to_numpy(), connectors)].reset_index(drop=True)


def pieces(task: Task, rows: int, at_once: int) -> Iterable[Task]:
    """The task in pieces that hold about so many of its rows: what is computed together stays together."""
    labels = np.unique(task.label)
    count = max(1, min(len(labels), -(-rows // at_once)))
    for some in np.array_split(labels, count):
        mine = np.isin(task.label, some)
        connectors = np.unique(task.places["connector_no"].to_numpy(dtype=np.int64)[mine])
        yield Task(
            task.bucket, task.places[mine].reset_index(drop=True), task.label[mine],
            _of(task.reporting, connectors), _of(task.lifted, connectors), task.buckets,
        )  # fmt: skip


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
