"""Runs of orders at one connector that no driver makes: very short ones in a row, and ones alike to the second."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import iso, seconds
from subsidy.findings.found import Findings, Group, Looked, Mask


def found(looked: Looked) -> Iterator[Findings]:
    """Findings about runs of orders with energy, in the order of their starts at one connector."""
    yield _micro_sessions(looked)
    yield _too_regular(looked)


def _micro_sessions(looked: Looked) -> Findings:
    code = "micro_sessions"
    orders = _by_start(looked, code)
    if orders.empty:
        return looked.groups_found(code, "connector-run", ())
    short = (orders["end"] - orders["start"] < looked.limit_us(code, "shorter_than")).to_numpy()
    apart = orders["start"].to_numpy()[1:] - orders["end"].to_numpy()[:-1]
    follows = np.append(False, short[1:] & short[:-1] & (apart <= looked.limit_us(code, "apart_at_most")))
    return _runs(looked, code, orders, follows, lambda run: {})


def _too_regular(looked: Looked) -> Findings:
    code = "too_regular"
    orders = _by_start(looked, code)
    if orders.empty:
        return looked.groups_found(code, "connector-run", ())
    vary = looked.limit_us(code, "varies_at_most")
    length = (orders["end"] - orders["start"]).to_numpy()
    every = np.diff(orders["start"].to_numpy(), prepend=orders["start"].to_numpy()[:1])
    same = (orders["connector"] == orders["connector"].shift()).to_numpy()
    alike = np.append(False, (np.abs(np.diff(length)) <= vary) & same[1:])
    alike &= every <= looked.limit_us(code, "apart_at_most")
    # an order continues a run if it is as far from the one before as that one from its own
    steady = np.append(False, np.abs(np.diff(every)) <= vary) & alike & np.append(False, alike[:-1])
    # the two orders before the first steady one belong to the run as well
    follows = steady | np.append(steady[1:], False)

    def values(run: pd.DataFrame) -> dict[str, str]:
        start, end = run["start"].to_numpy(), run["end"].to_numpy()
        return {"every": seconds(int(start[1] - start[0])), "length": seconds(int(end[0] - start[0]))}

    return _runs(looked, code, orders, follows, values)


def _by_start(looked: Looked, code: str) -> pd.DataFrame:
    row = np.flatnonzero(looked.among(code) & looked.single & (looked.energy > 0))
    orders = pd.DataFrame(
        {"connector": looked.connector[row], "start": looked.started[row], "end": looked.ended[row], "row": row}
    )
    return orders.sort_values(["connector", "start", "end", "row"], kind="stable", ignore_index=True)


def _runs(looked: Looked, code: str, orders: pd.DataFrame, follows: Mask, values: Any) -> Findings:
    """Runs of orders of which each but the first `follows` the one before, long enough for the rule."""
    same = (orders["connector"] == orders["connector"].shift()).to_numpy()
    run = np.cumsum(~(follows & same))
    long_enough = np.bincount(run)[run] >= int(looked.limit(code, "least_orders"))
    groups = []
    for _, one in orders[long_enough].groupby(run[long_enough]):
        rows = one["row"].to_numpy()
        place = looked.first_place.iloc[rows[0]]
        said = {"orders": str(len(rows)), **values(one)}
        subject = f"{place['connector_id']}/{iso(int(one['start'].iloc[0]))}"
        groups.append(Group(str(place["operator_id"]), subject, int(looked.day[rows[-1]]), np.sort(rows), said))
    return looked.groups_found(code, "connector-run", tuple(groups))
