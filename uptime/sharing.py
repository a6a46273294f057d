"""Chargers that serve one connector at a time: one that cannot serve because another is in use is serving.

It must be in its charger's use that the connector cannot serve, and in nothing else: it was announced out of service
while another connector of the charger was in use, and counts as serving for as long as that use lasts on.
"""

import numpy as np
import pandas as pd

from uptime import states
from uptime.evidence import Bools, Calendar, Ints, Stretches

_CODE = {status: number for number, status in enumerate(states.STATUSES)}


def shared(life: pd.DataFrame) -> pd.DataFrame:
    """When connectors stood on a charger that serves one at a time (`simultaneous` is no).

    `life` as of uptime.life.service_life. Columns connector, charger (a number), from_us, to_us.
    """
    rows = life[one_at_a_time(life)]
    rows = rows[~rows["away"]] if "away" in rows else rows
    charger = rows.groupby(["operator_id", "charger_id"], sort=False).ngroup()
    return pd.DataFrame(
        {
            "connector": rows["connector_no"].to_numpy(dtype=np.int64),
            "charger": charger.to_numpy(dtype=np.int64),
            "from_us": rows["from_us"].to_numpy(dtype=np.int64),
            "to_us": rows["to_us"].to_numpy(dtype=np.int64),
        }
    )


def companies(places: pd.DataFrame) -> pd.Series:
    """Per placement what a connector shares with others there: its charger where that serves one at a time."""
    both = places["operator_id"] + "/" + places["charger_id"]
    return both.where(one_at_a_time(places), places["connector_no"].astype(str))


def one_at_a_time(places: pd.DataFrame) -> Bools:
    """Where a connector stands on such a charger; where the registry is silent, all its connectors can serve."""
    return np.array([one is not None and not one for one in places["simultaneous"]], dtype=np.bool_)


def is_one(status: Ints, names: tuple[str, ...]) -> Bools:
    """Which of these statuses (indices into states.STATUSES) are among the named ones."""
    return np.isin(status, [_CODE[name] for name in names])


def began(calendar: Calendar, position: Ints, told: Bools) -> Ints:
    """For each announcement that says so (`told`) where its connector's unbroken run of them began; -1 for others."""
    opens = told.copy()
    opens[1:] &= ~(told[:-1] & (calendar.end(position[1:]) == calendar.end(position[:-1])))
    first = np.maximum.accumulate(np.where(opens, np.arange(len(position)), 0))
    return np.where(told, position[first], -1)


def use_of_others(calendar: Calendar, used: Stretches, shared: pd.DataFrame) -> Stretches:
    """For each connector when another one of its charger was in use, out of when each was (`used`)."""
    use = pd.DataFrame(
        {
            "connector": calendar.connector(used.start),
            "start_us": calendar.at_us(used.start),
            "end_us": calendar.at_us(used.end),
        }
    )
    of_charger = _clipped(use.merge(shared, on="connector")).rename(columns={"connector": "user"})
    others = _clipped(of_charger[["user", "charger", "start_us", "end_us"]].merge(shared, on="charger"))
    others = others[others["user"] != others["connector"]]
    connector = others["connector"].to_numpy(dtype=np.int64)
    return Stretches.union(
        calendar.place(connector, others["start_us"].to_numpy(dtype=np.int64)),
        calendar.place(connector, others["end_us"].to_numpy(dtype=np.int64)),
    )


def _clipped(both: pd.DataFrame) -> pd.DataFrame:
    start = np.maximum(both["start_us"], both["from_us"])
    end = np.minimum(both["end_us"], both["to_us"])
    return both.assign(start_us=start, end_us=end)[start < end]
