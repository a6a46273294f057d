"""Segments: service intervals cut wherever something changes that a profile looks at.

A segment has one state, one place in the registry, belongs to one outage or none, and is wholly inside or outside of
each declaration and of proven sessions.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from uptime import states
from uptime.evidence import Bools, Calendar, Ints, Stretches, distinct
from uptime.intervals import Timeline
from uptime.life import NEVER


def segments(
    timeline: Timeline,
    life: pd.DataFrame,
    reached: pd.DataFrame,
    from_us: int,
    to_us: int,
    *,
    cuts: Collection[int] = (),
    run_of: Collection[str] = (),
) -> pd.DataFrame:
    """Service life within [from_us, to_us) as segments, by connector and time; cut at the instants `cuts` too.

    Columns: connector, from_us, to_us, state, reason, interval (row of timeline.intervals), place (row of life),
    outage_us and outage_end_us (where the outage began and how far it is known to reach by to_us; NEVER outside of
    one), run_length_us (length of the unbroken run of the states `run_of` around it; 0 outside of one), proven.
    An outage is a maximal run of not serving within the service life, also where it began before from_us.
    """
    intervals = timeline.intervals
    first, last = (int(intervals["from_us"].min()), int(intervals["to_us"].max())) if len(intervals) else (0, 0)
    calendar = Calendar.over(np.unique(life["connector_no"].to_numpy(dtype=np.int64)), first, last)
    observed = _stretches(calendar, intervals)
    lived = _stretches(calendar, life.rename(columns={"connector_no": "connector"}))
    proven = _stretches(calendar, timeline.proven[calendar.known(timeline.proven["connector"].to_numpy())])
    connectors = calendar.connectors
    edges = [
        *(edge for one in (observed, lived, proven, _stretches(calendar, reached)) for edge in (one.start, one.end)),
        *(calendar.place(connectors, np.full(len(connectors), cut)) for cut in (from_us, to_us, *cuts)),
    ]
    points = distinct(np.concatenate(edges))
    interval = observed.holding(points)
    place = lived.holding(points)
    inside = (interval >= 0) & (place >= 0)
    until = np.append(points[1:], points[-1:])[inside]
    points, interval, place = points[inside], interval[inside], place[inside]
    state = intervals["state"].to_numpy()[interval]
    outage_start, outage_end = _runs(points, until, state != states.SERVING)
    run_length = np.zeros(len(points), dtype=np.int64)
    if run_of:
        start, end = _runs(points, until, np.isin(state, [states.STATES.index(name) for name in run_of]))
        run_length = end - start
    cut = pd.DataFrame(
        {
            "connector": calendar.connector(points),
            "from_us": calendar.at_us(points),
            "to_us": calendar.at_us(until),
            "state": state,
            "reason": intervals["reason"].to_numpy()[interval],
            "interval": interval,
            "place": place,
            "outage_us": np.where(outage_start == NEVER, NEVER, calendar.at_us(outage_start)),
            "outage_end_us": np.where(outage_end == NEVER, NEVER, np.minimum(calendar.at_us(outage_end), to_us)),
            "run_length_us": run_length,
            "proven": proven.holding(points) >= 0,
        }
    )
    return cut[(cut["from_us"] >= from_us) & (cut["to_us"] <= to_us)].reset_index(drop=True)


def _runs(start: Ints, end: Ints, out: Bools) -> tuple[Ints, Ints]:
    """Start and end of the run of unbroken `out` that each piece belongs to, NEVER for pieces that are not out."""
    begins = out.copy()
    begins[1:] &= ~out[:-1] | (start[1:] != end[:-1])
    run = np.cumsum(begins) - 1
    first = start[begins]
    last = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(last, run[out], end[out])
    if not len(first):
        return np.full(len(start), NEVER), np.full(len(start), NEVER)
    return np.where(out, first[run], NEVER), np.where(out, last[run], NEVER)


def _stretches(calendar: Calendar, table: pd.DataFrame) -> Stretches:
    """The rows of a table (connector, from_us, to_us) as stretches, in the table's order."""
    connector = table["connector"].to_numpy()
    return Stretches(
        calendar.place(connector, table["from_us"].to_numpy()), calendar.place(connector, table["to_us"].to_numpy())
    )
