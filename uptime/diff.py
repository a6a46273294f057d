"""Two runs of one report: each figure that differs, and each input that made it differ.

What was recorded between the two knowledge times is taken in one input at a time, and left out one at a time, on the
connectors whose account changed (uptime.attribution): an input that changed nothing is not named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg

from chargewatch.instants import day_start_us, to_us
from uptime import report
from uptime.comparison import compare
from uptime.profile import Profile
from uptime.settings import IntervalSettings

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """A report as somebody has it in hand: what was asked, as of when, and the rows, where they are not computed."""

    named: str
    first_day: date
    last_day: date
    levels: tuple[str, ...]
    profile: Profile
    settings: IntervalSettings
    as_of: datetime
    everything: bool
    stated: list[Row] | None = None

    def computed(self, connection: psycopg.Connection) -> list[Row]:
        """The rows as the store gives them for this run's knowledge time."""
        return report.compute(
            connection,
            first_day=self.first_day,
            last_day=self.last_day,
            by=self.levels,
            profile=self.profile,
            settings=self.settings,
            as_of=self.as_of,
            everything=self.everything,
        )

    @property
    def ripe(self) -> bool:
        """Whether what is pending counts as a breach at this knowledge time."""
        day = self.last_day + timedelta(days=self.profile.unknown_ripens_after_days)
        return to_us(self.as_of) >= day_start_us(day, self.profile.zone)


@dataclass(slots=True)
class Differences:
    """What differs between two runs, and why."""

    figures: list[Row]
    """level, operator_id, id, field, before, after, inputs: the numbers of those that changed it."""
    inputs: list[Row]
    """number, input, what it says of itself, connectors (or units) that it moved,
    alone_s and left_out_s: by how many seconds, taken in alone, and as the last one."""
    without_effect: int
    """Inputs recorded between the two that changed nothing."""
    not_reproduced: list[Row]
    """Figures of a run in hand that the store does not give for that run's own knowledge time."""


def compute(connection: psycopg.Connection, before: Run, after: Run, *, reproduce: bool = True) -> Differences:
    """Every figure that differs between two runs of the same period and levels, and the inputs that changed it.

    Unless it is not asked for, a run in hand is computed again as of its own time, to see that it can be.
    """
    old, new = ((run.stated if run.stated is not None else run.computed(connection)) for run in (before, after))
    not_reproduced = [
        {"run": run.named, **row}
        for run in (before, after)
        if reproduce and run.stated is not None
        for row in changes(run.stated, run.computed(connection))
    ]
    figures = changes(old, new)
    found = compare(connection, before, after)
    for row in figures:
        counting = found.counting.get((row["level"], row["operator_id"], row["id"]), set())
        time = [found.time] if found.time and row["field"] == "breach" else []
        row["inputs"] = sorted({*counting, *time})
    return Differences(figures, found.inputs, found.without_effect, not_reproduced)


def changes(before: Sequence[Row], after: Sequence[Row]) -> list[Row]:
    """Each field of each row that differs: level, operator_id, id, field (none: the whole row), before, after."""
    old, new = ({(row["level"], row["operator_id"] or "", row["id"]): row for row in rows} for rows in (before, after))
    found = []
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        level, operator_id, name = key
        told = {"level": level, "operator_id": operator_id or None, "id": name}
        if a is None or b is None:
            found.append({**told, "field": None, "before": a, "after": b})
            continue
        for column in b:
            if column in a and column not in ("as_of", "level", "operator_id", "id") and a[column] != b[column]:
                found.append({**told, "field": column, "before": a[column], "after": b[column]})
    return found
