"""What the facts say around each order: the meter's samples before, inside and after it, and the connector's states.

One row an order and connector becomes whole numbers, so that the rules compare columns and samples need not stay in
memory. All times µs, energies mWh, states of charge hundredths of a percent; -1 where there is nothing.
"""

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_MIN
from subsidy.findings.found import Ints, Mask

COLUMNS = (
    "items", "before_at", "before_mwh", "before_sum", "after_at", "after_mwh", "after_sum", "earlier_at", "earlier_mwh",
    "samples", "risen_mwh", "spans_us", "soc_first", "soc_last", "least_w", "most_w", "bad_us",
)  # fmt: skip
"""items: status and meter items from start to end. before, after: the sample at or before the start, at or after the
end, and the sums of all forward steps of the register up to them. earlier: the last sample before the start, never at
it. samples … most_w: those from start to end; power as the register tells it between two of them. bad_us: time in the
order in which the connector said that it was faulted or out of service."""

_SUMMED = ("items", "risen_mwh", "bad_us")
_LEAST_STEP_US = US_PER_MIN
"""Two samples closer than a minute tell too little of power: a register has three decimals."""
_W = 3_600_000
"""A milliwatt-hour in a microsecond, W."""
_MOST_RISE_MWH = 10**12


def observe(orders: pd.DataFrame, meters: pd.DataFrame, statuses: pd.DataFrame, slack_us: int) -> pd.DataFrame:
    """Columns COLUMNS by order: `orders` has connector, start, end; the result its index.

    `meters`: connector, at_us, energy_mwh, soc_bp; `statuses`: connector, at_us, bad (bool); one a moment, by connector
    and time.
    """
    given = orders.index
    orders = orders.sort_values(["connector", "start"], kind="stable")  # looked up in their order, which is faster
    result = pd.DataFrame(-1, index=orders.index, columns=list(COLUMNS), dtype=np.int64)
    result[["items", "samples", "risen_mwh", "spans_us", "bad_us"]] = 0
    if orders.empty:
        return result
    # what a connector without orders says belongs on nobody's line
    meters, statuses = (one[one["connector"].isin(orders["connector"])] for one in (meters, statuses))
    axis = _Axis(orders, meters, statuses, slack_us)
    start, end = axis.of(orders, "start"), axis.of(orders, "end")
    _samples(result, meters, axis.of(meters, "at_us"), axis, orders, start, end)
    told = axis.of(statuses, "at_us")
    for at in (told, axis.of(meters, "at_us")):
        result["items"] += np.searchsorted(at, end + slack_us, "right") - np.searchsorted(at, start - slack_us, "left")
    bad = statuses["bad"].to_numpy(dtype=np.bool_)
    result["bad_us"] = _held(told, bad, axis, end) - _held(told, bad, axis, start)
    return result.reindex(given)


def by_connector(sessions: pd.DataFrame) -> pd.DataFrame:
    """The orders at their connectors: row (position of the session), connector, start, end."""
    each = pd.DataFrame(
        {
            "row": np.arange(len(sessions)),
            "connector": sessions["connector_nos"].to_numpy(),
            "start": sessions["started_us"].to_numpy(),
            "end": sessions["ended_us"].to_numpy(),
        }
    ).explode("connector", ignore_index=True)
    return each.astype({"connector": "int64"})


def by_session(each: pd.DataFrame, orders: pd.DataFrame, count: int) -> pd.DataFrame:
    """COLUMNS by session: of one at several connectors the sums; what only one connector can tell is left out there."""
    row = orders["row"].to_numpy()
    if len(row) == count:
        return each.reset_index(drop=True)
    by = each.groupby(row)
    result = by.first()
    several = by.size().to_numpy() > 1
    sums = by[list(_SUMMED)].sum()
    result.loc[several, list(COLUMNS)] = -1
    result.loc[several, list(_SUMMED)] = sums[several]
    known = (by[["before_sum", "after_sum"]].min() >= 0).all(axis=1).to_numpy()
    for name in ("before_sum", "after_sum"):
        result.loc[several & known, name] = by[name].sum()[several & known]
    for side in ("before", "after"):
        for name in (f"{side}_at", f"{side}_mwh"):
            result.loc[several & known, name] = by[name].first()[several & known]
    return result.reset_index(drop=True)


class _Axis:
    """All instants of many connectors on one line: connector by connector, far enough apart for any slack."""

    def __init__(self, orders: pd.DataFrame, meters: pd.DataFrame, statuses: pd.DataFrame, slack_us: int) -> None:
        self.numbers = np.unique(orders["connector"].to_numpy(dtype=np.int64))
        moments = [orders["start"], orders["end"], meters["at_us"], statuses["at_us"]]
        told = [one.to_numpy(dtype=np.int64) for one in moments if len(one)]
        self.base = min(int(one.min()) for one in told) - slack_us
        self.width = max(int(one.max()) for one in told) - self.base + 2 * slack_us + 1

    def of(self, table: pd.DataFrame, name: str) -> Ints:
        """Places of a table's instants."""
        connector = np.searchsorted(self.numbers, table["connector"].to_numpy(dtype=np.int64))
        return np.asarray(connector * self.width + (table[name].to_numpy(dtype=np.int64) - self.base))


def _samples(
    result: pd.DataFrame, meters: pd.DataFrame, at: Ints, axis: _Axis, orders: pd.DataFrame, start: Ints, end: Ints
) -> None:
    if meters.empty:
        return
    energy, soc = meters["energy_mwh"].to_numpy(dtype=np.int64), meters["soc_bp"].to_numpy(dtype=np.int64)
    moment, connector = meters["at_us"].to_numpy(dtype=np.int64), meters["connector"].to_numpy()
    same = np.append(False, connector[1:] == connector[:-1])
    rise = np.where(same, np.diff(energy, prepend=energy[:1]), 0)
    summed = np.cumsum(np.maximum(rise, 0))
    mine = orders["connector"].to_numpy()
    last = len(at) - 1
    for name, index in (
        ("before", np.searchsorted(at, start, "right") - 1),
        ("after", np.searchsorted(at, end, "left")),
        ("earlier", np.searchsorted(at, start, "left") - 1),
    ):
        kept = np.clip(index, 0, last)
        there = (index >= 0) & (index <= last) & (connector[kept] == mine)
        result[f"{name}_at"] = np.where(there, moment[kept], -1)
        result[f"{name}_mwh"] = np.where(there, energy[kept], -1)
        if f"{name}_sum" in result:
            result[f"{name}_sum"] = np.where(there, summed[kept], -1)
    first, beyond = np.searchsorted(at, start, "left"), np.searchsorted(at, end, "right")
    result["samples"] = beyond - first
    several = beyond - first >= 2
    one, other = np.clip(first, 0, last), np.clip(beyond - 1, 0, last)
    result["risen_mwh"] = np.where(several, summed[other] - summed[one], 0)
    result["spans_us"] = np.where(several, moment[other] - moment[one], 0)
    result["soc_first"] = np.where(several, soc[one], -1)
    result["soc_last"] = np.where(several, soc[other], -1)
    _powers(result, moment, same, rise, first, beyond, several)


def _powers(
    result: pd.DataFrame, moment: Ints, same: Mask, rise: Ints, first: Ints, beyond: Ints, several: Mask
) -> None:
    """Least and greatest power between two samples inside, from the register's steps; at least a minute apart."""
    apart = np.where(same, np.diff(moment, prepend=moment[:1]), 0)
    counts = apart >= _LEAST_STEP_US
    power = np.where(counts, np.minimum(rise, _MOST_RISE_MWH) * _W // np.maximum(apart, 1), 0)
    if not several.any():
        return
    # reduceat goes from edge to edge: every second stretch is an order's, and by place those between are short
    rows = np.flatnonzero(several)[np.argsort(first[several], kind="stable")]
    edges = np.stack([first[rows] + 1, beyond[rows]], axis=1).ravel()
    least = np.append(np.where(counts, power, np.iinfo(np.int64).max), np.iinfo(np.int64).max)
    most = np.append(np.where(counts, power, -1), -1)
    lowest, highest = np.minimum.reduceat(least, edges)[::2], np.maximum.reduceat(most, edges)[::2]
    for name, found in (("least_w", np.where(highest < 0, -1, lowest)), ("most_w", highest)):
        told = np.full(len(result), -1)
        told[rows] = found
        result[name] = told


def _held(told: Ints, bad: Mask, axis: _Axis, at: Ints) -> Ints:
    """How long, up to a place on the axis, its connector's bad states lasted, counted from the first on the axis."""
    if not len(told):
        return np.zeros(len(at), dtype=np.int64)
    until = np.append(told[1:], told[-1])
    until = np.where(until // axis.width == told // axis.width, until, told)
    before = np.append(0, np.cumsum(np.where(bad, until - told, 0)))
    index = np.searchsorted(told, at, "right") - 1
    kept = np.clip(index, 0, len(told) - 1)
    own = (index >= 0) & (told[kept] // axis.width == at // axis.width)
    running = np.where(own & bad[kept], at - told[kept], 0)
    return np.asarray(before[np.maximum(index, 0)] * (index >= 0) + running)
