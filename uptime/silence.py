"""Silence: when a serving connector has given no sign of life for too long (semantics 2.2)."""

import numpy as np
import pandas as pd

from uptime.evidence import Calendar, Ints, Stretches
from uptime.settings import IntervalSettings


def silent(calendar: Calendar, sign: Ints, reporting: pd.DataFrame, settings: IntervalSettings) -> Stretches:
    """Stretches in which a serving connector is silent.

    `sign` are the positions of the signs of life that count (uptime.signs.counting); `reporting` are the intervals
    agreed (connector, from_us, interval_us), the settings' default before the first.
    """
    shortest = int(reporting["interval_us"].to_numpy().min(initial=settings.default_interval_us))
    # Almost all signs are followed soon: what was agreed is looked up for the others alone.
    quiet = np.append(sign[1:] - sign[:-1] > settings.silence_factor * shortest, False)[: len(sign)]
    # After the last sign there is no more, however soon the calendar ends.
    last = calendar.last_of_each(sign)
    quiet[last] = True
    row = np.flatnonzero(quiet)
    start, limit = sign[row], settings.silence_factor * _agreed(calendar, sign[row], reporting, settings)
    end = calendar.end(start)
    followed = ~np.isin(row, last)
    end[followed] = sign[row[followed] + 1]
    silent = ~followed | (end - start > limit)
    start = start + (0 if settings.silence_from_last_sign else limit)
    silent &= start < end
    return Stretches(start[silent], end[silent])


def _agreed(calendar: Calendar, sign: Ints, reporting: pd.DataFrame, settings: IntervalSettings) -> Ints:
    """The reporting interval in force at each sign (µs)."""
    since = calendar.place(reporting["connector"].to_numpy(), reporting["from_us"].to_numpy())
    order = np.lexsort((reporting["from_us"].to_numpy(), since))
    agreed = calendar.last_before(since[order], sign)
    interval = reporting["interval_us"].to_numpy()[order]
    return np.where(agreed >= 0, interval[agreed] if len(interval) else 0, settings.default_interval_us)
