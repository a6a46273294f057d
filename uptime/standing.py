"""What stands at an instant: so that the time after it can be told without the items of the time before it.

Service intervals of a long time are the same whether they are computed in one go, or a day at a time, each day from
what stood at its beginning and its own items (semantics 2: however the period is cut).
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from uptime.evidence import Calendar, Facts, Ints, Standing
from uptime.known import Known


def at(facts: Facts, calendar: Calendar, every: Known, in_time: Known, at_us: int) -> Standing:
    """What stands at `at_us`, out of what all items say (`every`) and those received in time (`in_time`)."""
    cut = calendar.place(calendar.connectors, np.full(len(calendar.connectors), at_us))
    makings = ((every, False), (in_time, True))
    instants = np.unique(np.concatenate([_statuses(calendar, one, cut) for one, _ in makings]))
    position = calendar.place(facts.statuses["connector"].to_numpy(), facts.statuses["at_us"].to_numpy())
    columns = ["connector", "at_us", "status", "boot_id", "seq", "place", "received_us"]
    kept = np.searchsorted(instants, position)
    spoke = instants[np.minimum(kept, len(instants) - 1)] == position if len(instants) else kept < 0
    return Standing(
        at_us,
        facts.statuses.loc[spoke, columns].reset_index(drop=True),
        pd.concat([_heard(calendar, one, cut).assign(late=late) for one, late in makings], ignore_index=True),
        pd.concat([_used(calendar, one, cut).assign(late=late) for one, late in makings], ignore_index=True),
    )


def resumed(standing: Standing, facts: Facts) -> Facts:
    """The facts from the standing's instant on, together with what stood then."""
    statuses = pd.concat([standing.statuses, facts.statuses], ignore_index=True)
    return replace(facts, statuses=statuses, standing=standing)


def made(standing: Standing, *, late: bool) -> Standing:
    """What one making of the two holds to stand."""
    heard, used = standing.heard, standing.used
    return replace(standing, heard=heard[heard["late"] == late], used=used[used["late"] == late])


def is_one(standing: Standing) -> bool:
    """Whether both makings hold the same to stand."""
    every, in_time = made(standing, late=False), made(standing, late=True)
    return all(
        sorted(one[names].itertuples(index=False, name=None)) == sorted(other[names].itertuples(index=False, name=None))
        for one, other, names in (
            (every.heard, in_time.heard, ["connector", "at_us"]),
            (every.used, in_time.used, ["connector", "from_us"]),
        )
    )


def _statuses(calendar: Calendar, known: Known, cut: Ints) -> Ints:
    """Positions of the statuses to keep: that in force, the first of its run, and the one before the run."""
    last = calendar.last_before(known.announced_at, cut - 1)
    positions = known.announced_at[last[last >= 0]]
    if known.company is None:
        return positions
    began = known.company.began[last[last >= 0]]
    began = began[began >= 0]
    before = calendar.last_before(known.announced_at, began - 1)
    return np.concatenate([positions, began, known.announced_at[before[before >= 0]]])


def _heard(calendar: Calendar, known: Known, cut: Ints) -> pd.DataFrame:
    last = calendar.last_before(known.heard, cut - 1)
    heard = known.heard[last[last >= 0]]
    return pd.DataFrame({"connector": calendar.connector(heard), "at_us": calendar.at_us(heard)})


def _used(calendar: Calendar, known: Known, cut: Ints) -> pd.DataFrame:
    use = known.company.others_use if known.company is not None else None
    holding = use.holding(cut - 1) if use is not None else np.full(len(cut), -1)
    since = use.start[holding[holding >= 0]] if use is not None else cut[:0]
    return pd.DataFrame({"connector": calendar.connector(since), "from_us": calendar.at_us(since)})
