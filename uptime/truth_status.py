"""Truth of status against orders: busy without one, charging outside of one, available inside of one."""

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H, US_PER_MIN
from uptime.evidence import Bools, Calendar, Ints, Stretches
from uptime.observed import BUSY, MWH_PER_KWH, Measure, Observed, common, outside
from uptime.truth_limits import Limits
from uptime.truth_use import EVIDENCE, Found


def busy_without_energy(observed: Observed, limits: Limits) -> Found:
    """Announced busy on end without any order, while no energy is shown to flow, in minutes."""
    rule, calendar = limits.busy_without_energy, observed.calendar
    busy = observed.stretches(calendar, *BUSY)
    length = busy.end - busy.start
    ordered = Measure(observed.used(calendar, limits.slack_min * US_PER_MIN)).within(busy.start, busy.end)
    still = _risen(observed, calendar, busy) <= int(rule.register_still_kwh * MWH_PER_KWH)
    reached = (length > rule.longer_than_h * US_PER_H) & (ordered == 0) & still
    rows = _rows(calendar, busy, reached, "busy, no order, no energy")
    minutes = (rows["to_us"] - rows["from_us"]) // US_PER_MIN
    seen = minutes.groupby(rows["connector"]).max()
    found = pd.DataFrame({"connector": seen.index, "seen": seen.to_numpy(), "limit": rule.longer_than_h * 60})
    return Found("busy_without_energy", "min", found, rows)


def charging_without_order(observed: Observed, limits: Limits) -> Found:
    """Announced as charging outside of every order, together, in minutes."""
    rule, calendar = limits.charging_without_order, observed.calendar
    charging = observed.stretches(calendar, "charging")
    alone = outside(charging, observed.used(calendar, limits.slack_min * US_PER_MIN))
    whole = _sums(calendar, charging)
    part = _sums(calendar, alone)
    limit = rule.longer_than_min * US_PER_MIN
    share = int(rule.share_at_least * 1000)
    reached = (part > limit) & (part * 1000 >= share * whole)
    return _together("charging_without_order", observed, calendar, alone, part, reached, limit, "charging, no order")


def order_while_available(observed: Observed, limits: Limits) -> Found:
    """Announced as available in the middle of an order, together, in minutes."""
    rule, calendar = limits.order_while_available, observed.calendar
    inside = common(observed.stretches(calendar, "available"), observed.used(calendar, -limits.slack_min * US_PER_MIN))
    limit = rule.longer_than_min * US_PER_MIN
    part = _sums(calendar, inside)
    return _together(
        "order_while_available", observed, calendar, inside, part, part > limit, limit, "available, within an order"
    )


def _together(
    rule: str, observed: Observed, calendar: Calendar, stretches: Stretches, part: Ints, reached: Bools, limit: int,
    said: str,
) -> Found:  # fmt: skip
    connectors = calendar.connectors[reached]
    found = pd.DataFrame({"connector": connectors, "seen": part[reached] // US_PER_MIN, "limit": limit // US_PER_MIN})
    shown = np.isin(calendar.connector(stretches.start), connectors)
    return Found(rule, "min", found, _rows(calendar, stretches, shown, said))


def _rows(calendar: Calendar, stretches: Stretches, chosen: Bools, said: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "connector": calendar.connector(stretches.start[chosen]),
            "from_us": calendar.at_us(stretches.start[chosen]),
            "to_us": calendar.at_us(stretches.end[chosen]),
            "said": said,
            "boot_id": "",
            "seq": -1,
        }
    )[EVIDENCE]


def _sums(calendar: Calendar, stretches: Stretches) -> Ints:
    """Length per connector of the calendar."""
    index = stretches.start // calendar.width_us
    length = stretches.end - stretches.start
    sums = np.zeros(len(calendar.connectors), dtype=np.int64)
    np.add.at(sums, index, length)
    return sums


def _risen(observed: Observed, calendar: Calendar, stretches: Stretches) -> Ints:
    """By how much the register rose from the last sample before each stretch to the first one after it, at most.

    Where there is no sample at one of the ends, what was seen within; nothing where none was.
    """
    meters = observed.meters
    at = calendar.place(meters["connector"].to_numpy(), meters["at_us"].to_numpy())
    energy = meters["energy_mwh"].to_numpy()
    if not len(at):
        return np.zeros(len(stretches.start), dtype=np.int64)
    own = stretches.start // calendar.width_us
    first = np.searchsorted(at, stretches.start, side="right") - 1
    first = np.where((first >= 0) & (at[np.maximum(first, 0)] // calendar.width_us == own), first, first + 1)
    last = np.searchsorted(at, stretches.end)
    last = np.where((last < len(at)) & (at[np.minimum(last, len(at) - 1)] // calendar.width_us == own), last, last - 1)
    known = (first <= last) & (first < len(at)) & (last >= 0)
    first, last = np.clip(first, 0, len(at) - 1), np.clip(last, 0, len(at) - 1)
    return np.where(known, energy[last] - energy[first], 0)
