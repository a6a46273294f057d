"""What the data of a period were worth: fates at the door, late items, and what was made good or held against."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import seconds
from uptime import states
from uptime.evidence import Facts
from uptime.settings import IntervalSettings

FATES = ("offered", "stored", "duplicate", "quarantined", "conflicts")
TIMES = {
    "silence": (states.NO_DATA, states.SILENCE),
    "before_first_status": (states.NO_DATA, states.BEFORE_FIRST_STATUS),
    "announced_unknown": (states.NO_DATA, states.BY_STATUS),
    "offline": (states.OFFLINE, states.BY_STATUS),
    "proven_session": (states.SERVING, states.PROVEN_SESSION),
}
"""Time by state and the rule that gave it; late good news is counted in any state."""


def times(segments: pd.DataFrame, life: pd.DataFrame) -> pd.DataFrame:
    """µs by operator of each of TIMES and of late_good_news, of segments that a figure sums."""
    state, reason = segments["state"].to_numpy(), segments["reason"].to_numpy()
    length = (segments["to_us"] - segments["from_us"]).to_numpy()
    table = pd.DataFrame({"operator_id": life["operator_id"].to_numpy()[segments["place"].to_numpy()]})
    for name, (wanted, rule) in TIMES.items():
        table[name] = np.where((state == wanted) & (reason == rule), length, 0)
    table["late_good_news"] = np.where(reason == states.LATE_GOOD_NEWS, length, 0)
    return table.groupby("operator_id", sort=True).sum()


def late(facts: Facts, life: pd.DataFrame, settings: IntervalSettings, from_us: int, to_us: int) -> pd.Series:
    """By operator how many items of [from_us, to_us) were received later than the limit after their time."""
    of = life.drop_duplicates("connector_no").set_index("connector_no")["operator_id"]
    guns = facts.sessions[["operator_id", "session_id", "revision", "content_sha256", "ended_us", "received_us"]]
    orders = guns[_late(guns, "ended_us", settings, from_us, to_us)]
    counts = [orders[orders["operator_id"].isin(of.unique())]["operator_id"].value_counts()]
    for table, identity in (
        (facts.statuses, ["connector", "at_us", "status"]),
        (facts.meters, ["connector", "at_us"]),
        (facts.heartbeats, ["connector", "at_us"]),
    ):
        found = table[_late(table, "at_us", settings, from_us, to_us)]
        if found.empty:
            continue
        # Of equal items the one received first counts: a copy that came in time makes it none.
        alike = (
            table[table["at_us"].isin(found["at_us"])].groupby(identity, sort=True)["received_us"].min().reset_index()
        )
        alike = alike[_late(alike, "at_us", settings, from_us, to_us)]
        counts.append(alike["connector"].map(of).dropna().value_counts())
    return pd.concat(counts).groupby(level=0, sort=True).sum().astype(np.int64)


def _late(table: pd.DataFrame, at: str, settings: IntervalSettings, from_us: int, to_us: int) -> Any:
    inside = (table[at] >= from_us) & (table[at] < to_us)
    return inside & (table["received_us"] - table[at] > settings.late_limit_us)


def rows(
    fates: Iterable[Mapping[str, Any]], spent: Sequence[pd.DataFrame], lates: Sequence[pd.Series]
) -> list[dict[str, Any]]:
    """A row an operator: its fates, late_items, and the seconds of each of TIMES."""
    said = {str(one["operator_id"]): one for one in fates}
    whole = pd.concat(spent).groupby(level=0, sort=True).sum() if spent else pd.DataFrame()
    overdue = pd.concat(lates).groupby(level=0, sort=True).sum() if lates else pd.Series(dtype=np.int64)
    return [
        {
            "operator_id": operator,
            **{fate: int(said[operator][fate]) if operator in said else 0 for fate in FATES},
            "late_items": int(overdue.get(operator, 0)),
            **{
                f"{name}_s": seconds(int(whole.at[operator, name]) if operator in whole.index else 0)
                for name in (*TIMES, "late_good_news")
            },
        }
        for operator in sorted({*said, *whole.index, *overdue.index})
    ]
