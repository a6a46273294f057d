"""A charger that comes back under another id is one charger: the time between is out of service.

Who takes a charger out and registers its serial number anew would else have had no charger in the meantime, and no
outage. Which time that is stands in the service life (uptime.life, column `away`); here it becomes a state.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from uptime import states
from uptime.evidence import Calendar, Stretches
from uptime.intervals import Timeline


def out_of_service(timeline: Timeline, life: pd.DataFrame) -> Timeline:
    """The timeline in which connectors are out of service while their charger is away, whatever was told of them.

    `life` as of uptime.life.service_life. The intervals cover at least the life; outside of it they stay as they are.
    """
    if "away" not in life or not life["away"].any():
        return timeline
    gone, intervals = life[life["away"]], timeline.intervals
    mine = np.isin(intervals["connector"].to_numpy(), gone["connector_no"].to_numpy())
    told = intervals[mine]
    connectors = np.unique(told["connector"].to_numpy(dtype=np.int64))
    calendar = Calendar.over(connectors, int(told["from_us"].min()), int(told["to_us"].max()))

    def places(rows: pd.DataFrame, connector: str, end: str) -> np.ndarray:
        return calendar.place(rows[connector].to_numpy(dtype=np.int64), rows[end].to_numpy(dtype=np.int64))

    gone = gone[calendar.known(gone["connector_no"].to_numpy(dtype=np.int64))]
    away = Stretches.union(*(places(gone, "connector_no", end) for end in ("from_us", "to_us")))
    whole = Stretches(*(places(told, "connector", end) for end in ("from_us", "to_us")))
    points = np.unique(np.concatenate([whole.start, away.start, away.end]))
    of = whole.holding(points)
    points, of = points[of >= 0], of[of >= 0]
    until = np.minimum(np.append(points[1:], np.iinfo(np.int64).max), whole.end[of])
    cut = told.iloc[of].assign(from_us=calendar.at_us(points), to_us=calendar.at_us(until))
    inside = away.holding(points) >= 0
    cut["state"] = np.where(inside, states.OUT_OF_SERVICE, cut["state"]).astype(np.int8)
    cut["reason"] = np.where(inside, states.AWAY, cut["reason"]).astype(np.int8)
    both = pd.concat([intervals[~mine], _joined(cut)]).sort_values(["connector", "from_us"], ignore_index=True)
    return replace(timeline, intervals=both)


def _joined(cut: pd.DataFrame) -> pd.DataFrame:
    """Neighbours that touch and are alike, as one."""
    same = np.ones(max(len(cut) - 1, 0), dtype=np.bool_)
    for name in ("connector", "state", "reason"):
        column = cut[name].to_numpy()
        same &= column[1:] == column[:-1]
    same &= cut["to_us"].to_numpy()[:-1] == cut["from_us"].to_numpy()[1:]
    begins = np.concatenate([[True], ~same])[: len(cut)]
    ends = np.concatenate([~same, [True]])[: len(cut)]
    return cut[begins].assign(to_us=cut["to_us"].to_numpy()[ends])
