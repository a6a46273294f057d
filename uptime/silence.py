"""Silence: when a serving connector has given no sign of life for too long (semantics 2.2)."""

import numpy as np

from uptime.evidence import Calendar, Ints, Stretches
from uptime.settings import IntervalSettings


def silent(calendar: Calendar, sign: Ints, interval_us: Ints, settings: IntervalSettings) -> Stretches:
    """Stretches in which a serving connector is silent.

    `sign` are the positions of the signs of life that count (uptime.signs.counting); `interval_us` is the reporting
    interval agreed at each.
    """
    limit = settings.silence_factor * interval_us
    long = np.zeros(len(sign), dtype=np.bool_)
    np.greater(sign[1:] - sign[:-1], limit[:-1], out=long[:-1])
    # After the last sign there is no more, however soon the calendar ends.
    long[calendar.last_of_each(sign)] = True
    quiet = np.flatnonzero(long)
    start = sign[quiet] + (0 if settings.silence_from_last_sign else limit[quiet])
    end = np.minimum(np.append(sign, 0)[quiet + 1], calendar.end(sign[quiet]))
    end[-1:] = calendar.end(sign[quiet][-1:])
    some = start < end
    return Stretches(start[some], end[some])
