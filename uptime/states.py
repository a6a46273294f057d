"""The five states of a connector's time, and which of them an announced status means (semantics 2)."""

import numpy as np

STATES = ("serving", "faulted", "out_of_service", "offline", "no_data")
SERVING, FAULTED, OUT_OF_SERVICE, OFFLINE, NO_DATA = range(5)

STATE_OF_STATUS = {
    "available": SERVING,
    "preparing": SERVING,
    "occupied": SERVING,
    "charging": SERVING,
    "suspended_ev": SERVING,
    "suspended_evse": SERVING,
    "finishing": SERVING,
    "reserved": SERVING,
    "faulted": FAULTED,
    "unavailable": OUT_OF_SERVICE,
    "offline": OFFLINE,
    "unknown": NO_DATA,
}
STATUSES = tuple(STATE_OF_STATUS)

BADNESS = np.array([0, 4, 3, 2, 1], dtype=np.int8)
"""By state: of contradicting reports the greatest counts (faulted, out_of_service, offline, no_data, serving)."""

REASONS = ("before_first_status", "status", "silence", "proven_session", "late_good_news", "charger_in_use", "away")
"""Why an interval has its state; each names a rule of semantics 2, the last two those of uptime.sharing and
uptime.returning."""
BEFORE_FIRST_STATUS, BY_STATUS, SILENCE, PROVEN_SESSION, LATE_GOOD_NEWS, CHARGER_IN_USE, AWAY = range(7)
