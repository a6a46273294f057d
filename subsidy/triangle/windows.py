"""Connector-months: the stretch of time within which a connector's orders of one month lie.

An order belongs to the month of its last instant before its end (semantics 7), so a stretch reaches back to the start
of an order that began before the month did, and ends where the next month's first order begins. So no order is held
against a register that moved before or after it.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H, day_start_us
from subsidy.periods import Period

PLACE = ["connector_no", "operator_id", "connector_id", "charger_id", "station_id", "kind"]
Ints = np.ndarray[Any, np.dtype[np.int64]]


def windows(
    runs: pd.DataFrame, orders: pd.DataFrame, months: Sequence[Period], zone: ZoneInfo, within_h: int
) -> pd.DataFrame:
    """One row a connector, month and run of days at one place, by connector and time.

    `runs`: as of registry.placement.placements; `orders`: connector_no, started_us, ended_us of what counts. Columns:
    those of PLACE, month (`2023-06`), from_us and to_us (within the month), since_us and until_us (of its orders, at
    most `within_h` before either), orders (how many).
    """
    cut = [_clipped(runs, month, zone) for month in months]
    found = pd.concat(cut, ignore_index=True) if cut else _clipped(runs[:0], None, zone)
    found = found.sort_values(["connector_no", "from_us"], kind="stable", ignore_index=True)
    row = window_of(found, orders["connector_no"].to_numpy(np.int64), orders["ended_us"].to_numpy(np.int64) - 1)
    started = orders["started_us"].to_numpy(np.int64)
    since = found["from_us"].to_numpy(np.int64).copy()
    held = row >= 0
    earliest = np.maximum(started[held], found["from_us"].to_numpy()[row[held]] - within_h * US_PER_H)
    np.minimum.at(since, row[held], earliest)
    until = found["to_us"].to_numpy(np.int64).copy()
    follows = (found["connector_no"].to_numpy()[1:] == found["connector_no"].to_numpy()[:-1]) & (
        found["from_us"].to_numpy()[1:] == until[:-1]
    )
    until[:-1][follows] = np.maximum(since[1:][follows], found["from_us"].to_numpy()[:-1][follows])
    return found.assign(since_us=since, until_us=until, orders=np.bincount(row[held], minlength=len(found)))


def window_of(found: pd.DataFrame, connector: Ints, at_us: Ints) -> Ints:
    """Position of the window that an instant at a connector lies in, or -1."""
    order = np.lexsort((at_us, connector))
    keys = pd.DataFrame({"connector_no": connector[order], "at_us": at_us[order]})
    starts = found[["connector_no", "from_us", "to_us"]].assign(row=np.arange(len(found)))
    met = pd.merge_asof(
        keys.sort_values("at_us", kind="stable").reset_index(names="place"),
        starts.sort_values("from_us", kind="stable"),
        left_on="at_us", right_on="from_us", by="connector_no",
    )  # fmt: skip
    inside = (met["at_us"] < met["to_us"]).to_numpy()
    result = np.full(len(connector), -1, dtype=np.int64)
    result[order[met["place"].to_numpy()[inside]]] = met["row"].to_numpy()[inside].astype(np.int64)
    return result


def _clipped(runs: pd.DataFrame, month: Period | None, zone: ZoneInfo) -> pd.DataFrame:
    if month is None:
        return runs[[*PLACE, "from_us", "to_us"]].assign(month="")
    first, end = day_start_us(month.first_day, zone), day_start_us(month.end_day, zone)
    mine = runs[(runs["from_us"] < end) & (runs["to_us"] > first)]
    clipped = {"from_us": np.maximum(mine["from_us"], first), "to_us": np.minimum(mine["to_us"], end)}
    return mine[PLACE].assign(month=month.name, **clipped)
