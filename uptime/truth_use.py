"""Truth of status by use: announced free, and visits fail, or all take the neighbour, or nobody comes for weeks."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H, US_PER_MIN
from uptime.evidence import Bools, Calendar, Ints, Stretches
from uptime.observed import BUSY, MWH_PER_KWH, Measure, Observed
from uptime.truth_limits import Limits

EVIDENCE = ["connector", "from_us", "to_us", "said", "boot_id", "seq"]


@dataclass(frozen=True, slots=True)
class Found:
    """What one rule found: per connector what was seen, the limit it reached (both whole numbers of `unit`)."""

    rule: str
    unit: str
    found: pd.DataFrame
    """connector, seen, limit; one row a connector."""
    evidence: pd.DataFrame
    """connector, from_us, to_us, said, boot_id and seq of the message (empty and -1 where it is of no single one)."""


def failing_visits(observed: Observed, limits: Limits) -> Found:
    """Visits of which no order delivers: the share of all, in thousandths."""
    rule, orders = limits.failing_visits, observed.orders
    connector, start = orders["connector"].to_numpy(), orders["started_us"].to_numpy()
    latest = orders.groupby("connector")["ended_us"].cummax().to_numpy()
    begins = np.ones(len(orders), dtype=np.bool_)
    begins[1:] = (connector[1:] != connector[:-1]) | (start[1:] - latest[:-1] > rule.visit_gap_min * US_PER_MIN)
    visit = np.cumsum(begins)
    most = orders.groupby(visit)["energy_mwh"].transform("max").to_numpy()
    failed = most <= int(rule.delivered_more_than_kwh * MWH_PER_KWH)
    visits = pd.DataFrame({"connector": connector[begins], "failed": failed[begins]})
    counts = visits.groupby("connector")["failed"].agg(["sum", "count"]).reset_index()
    share = counts["sum"].to_numpy() * 1000 // np.maximum(counts["count"].to_numpy(), 1)
    enough = counts["sum"].to_numpy() >= rule.least_failed
    limit = int(rule.share_at_least * 1000)
    reached = enough & (counts["sum"].to_numpy() * 1000 >= limit * counts["count"].to_numpy())
    found = pd.DataFrame({"connector": counts["connector"], "seen": share, "limit": limit})[reached]
    shown = orders[failed & np.isin(connector, found["connector"])]
    said = [
        f"order {name}: {_kwh(energy)} kWh"
        for name, energy in zip(shown["session_id"], shown["energy_mwh"], strict=True)
    ]
    evidence = shown.rename(columns={"started_us": "from_us", "ended_us": "to_us"}).assign(said=said)
    return Found("failing_visits", "thousandths of visits", found, evidence[EVIDENCE])


def passed_over(observed: Observed, limits: Limits) -> Found:
    """Orders that began at neighbours while this connector was announced free and not used, in one go."""
    rule, calendar = limits.passed_over, observed.calendar
    gaps = _gaps(observed, calendar)
    missed = _missed(observed, calendar, gaps)
    size = _sizes(observed)[np.searchsorted(calendar.connectors, calendar.connector(gaps.start))]
    limit = np.array([_needed(int(one), rule.chance_at_most) for one in np.unique(size)], dtype=np.int64)
    limit = np.maximum(limit, rule.least_orders)[np.searchsorted(np.unique(size), size)]
    reached = (size > 1) & (missed >= limit)
    said = [f"{orders} orders at neighbours, none here" for orders in missed[reached]]
    return _of_gaps("passed_over", "orders at neighbours", calendar, gaps, missed, limit, reached, said)


def zombies(observed: Observed, limits: Limits) -> Found:
    """Serving for weeks without an order, in hours, while the others of its kind at the station have them."""
    rule, calendar = limits.zombie, observed.calendar
    used = observed.used(calendar)
    gaps = _between(calendar, used)
    served = Measure(observed.stretches(calendar, *set(observed.announced["status"]))).within(gaps.start, gaps.end)
    size = _sizes(observed)[np.searchsorted(calendar.connectors, calendar.connector(gaps.start))]
    starts = _starts(observed, calendar)
    groups = _groups(observed)[np.searchsorted(calendar.connectors, calendar.connector(gaps.start))]
    others = _counted(starts, groups, calendar.at_us(gaps.start), calendar.at_us(gaps.end))
    limit = rule.serving_at_least_days * 24
    hours = served // US_PER_H
    reached = (size > 1) & (hours >= limit) & (others >= rule.neighbours_least_orders * (size - 1))
    said = [
        f"serving {hour} h without an order, {other} orders at neighbours"
        for hour, other in zip(hours[reached], others[reached], strict=True)
    ]
    return _of_gaps("zombie", "h", calendar, gaps, hours, np.full(len(hours), limit), reached, said)


def _of_gaps(
    rule: str, unit: str, calendar: Calendar, gaps: Stretches, seen: Ints, limit: Ints, reached: Bools, said: list[str]
) -> Found:
    rows = pd.DataFrame(
        {
            "connector": calendar.connector(gaps.start[reached]),
            "from_us": calendar.at_us(gaps.start[reached]),
            "to_us": calendar.at_us(gaps.end[reached]),
            "seen": seen[reached],
            "limit": limit[reached],
            "said": said,
            "boot_id": "",
            "seq": -1,
        }
    )
    worst = rows.sort_values(["connector", "seen", "from_us"], kind="stable").drop_duplicates("connector", keep="last")
    return Found(rule, unit, worst[["connector", "seen", "limit"]], rows[EVIDENCE])


def _gaps(observed: Observed, calendar: Calendar) -> Stretches:
    """From one use of a connector, an order or a busy status, to the next."""
    busy, used = observed.stretches(calendar, *BUSY), observed.used(calendar)
    return _between(
        calendar, Stretches.union(np.concatenate([busy.start, used.start]), np.concatenate([busy.end, used.end]))
    )


def _between(calendar: Calendar, taken: Stretches) -> Stretches:
    """What of the calendar is not taken, connector by connector."""
    first = calendar.place(calendar.connectors, np.full(len(calendar.connectors), calendar.origin_us))
    last = calendar.end(first) - 1
    edges = np.unique(np.concatenate([first, last, taken.start, taken.end]))
    free = (taken.holding(edges) < 0) & ~np.isin(edges, last)
    following = np.append(edges[1:], edges[-1:])
    return Stretches.union(edges[free], following[free])


def _missed(observed: Observed, calendar: Calendar, gaps: Stretches) -> Ints:
    """Per gap the orders that began at neighbours while this connector was announced as available."""
    free = observed.stretches(calendar, "available")
    # An available stretch may begin in a gap's middle and reach beyond an order that no busy status tells of.
    starts, groups = _starts(observed, calendar), _groups(observed)
    points = np.unique(np.concatenate([free.start, free.end, gaps.start, gaps.end]))
    inside = (free.holding(points) >= 0) & (gaps.holding(points) >= 0)
    until = np.append(points[1:], points[-1:])[inside]
    points = points[inside]
    holder = gaps.holding(points)
    group = groups[np.searchsorted(calendar.connectors, calendar.connector(points))]
    counted = _counted(starts, group, calendar.at_us(points), calendar.at_us(until))
    return np.bincount(holder, weights=counted, minlength=len(gaps.start)).astype(np.int64)


def _starts(observed: Observed, calendar: Calendar) -> tuple[Calendar, Ints]:
    """Positions at which orders began, on an axis of groups."""
    groups = _groups(observed)
    axis = Calendar.over(np.unique(groups), observed.from_us, observed.to_us)
    orders = observed.orders[observed.orders["started_us"] >= observed.from_us]
    mine = groups[np.searchsorted(calendar.connectors, orders["connector"].to_numpy())]
    return axis, np.sort(axis.place(mine, orders["started_us"].to_numpy()))


def _counted(starts: tuple[Calendar, Ints], group: Ints, from_us: Ints, to_us: Ints) -> Ints:
    """Orders of each group that began within (from, to): those that begin at the instant itself are another's use."""
    axis, at = starts
    first = np.searchsorted(at, axis.place(group, from_us))
    return np.searchsorted(at, axis.place(group, to_us)) - first


def _groups(observed: Observed) -> Ints:
    return np.asarray(observed.places["group"], dtype=np.int64)


def _sizes(observed: Observed) -> Ints:
    """How many connectors each connector's group has."""
    return np.asarray(observed.places.groupby("group")["group"].transform("size"), dtype=np.int64)


def _needed(size: int, chance: object) -> int:
    """How many orders in a row leave one of `size` connectors out by chance no more often than that."""
    if size < 2:
        return 0
    limit, left, orders = Fraction(str(chance)), Fraction(1), 0
    while left > limit:
        left *= Fraction(size - 1, size)
        orders += 1
    return orders


def _kwh(energy_mwh: int) -> str:
    return f"{energy_mwh / MWH_PER_KWH:.3f}"
