"""Silence: when a serving connector has given no sign of life for too long (semantics 2.2)."""

import numpy as np

from uptime.evidence import Bools, Calendar, Ints, Stretches
from uptime.settings import IntervalSettings


def silent(calendar: Calendar, sign: Ints, strong: Bools, interval_us: Ints, settings: IntervalSettings) -> Stretches:
    """Stretches in which a serving connector is silent.

    `sign` are the positions of signs of life in any order; `strong` tells those that revive after any length (a
    status, a meter sample, a session) from heartbeats; `interval_us` is the reporting interval agreed at each.
    """
    # A strong sign before a heartbeat of the same instant, and one sign an instant.
    order = np.lexsort((~strong, sign))
    sign, strong, interval_us = sign[order], strong[order], interval_us[order]
    first = np.ones(len(sign), dtype=np.bool_)
    first[1:] = sign[1:] != sign[:-1]
    sign, strong, interval_us = sign[first], strong[first], interval_us[first]

    counts = _counts(calendar, sign, strong, settings.stale_limit_us)
    sign, interval_us = sign[counts], interval_us[counts]
    following = calendar.end(sign)
    last = np.ones(len(sign), dtype=np.bool_)
    last[:-1] = following[:-1] != following[1:]
    following[:-1][~last[:-1]] = sign[1:][~last[:-1]]
    limit = settings.silence_factor * interval_us
    start = sign + (0 if settings.silence_from_last_sign else limit)
    # After the last sign there is no more, however soon the calendar ends.
    quiet = (last | (following - sign > limit)) & (start < following)
    return Stretches(start[quiet], following[quiet])


def _counts(calendar: Calendar, sign: Ints, strong: Bools, stale_limit_us: int) -> Bools:
    """Which signs count: after more than the stale limit without one, heartbeats do not until a strong sign came."""
    if not len(sign):
        return strong
    begins = np.ones(len(sign), dtype=np.bool_)
    begins[1:] = calendar.end(sign[1:]) != calendar.end(sign[:-1])
    gap = np.diff(sign, prepend=sign[0])
    unheard = np.cumsum(~strong & ~begins & (gap > stale_limit_us))
    index = np.arange(len(sign))
    last_strong = np.maximum.accumulate(np.where(strong | begins, index, 0))
    return np.asarray(unheard == unheard[last_strong])
