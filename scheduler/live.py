"""The state a connector is in at this moment, for dashboards and alarms; no figure is computed from it.

Semantics 2, rules 1 and 2, at their right-hand end: the last status and whether it is still proven. What only hindsight
can tell (a session that proves, good news that came late) is not in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from uptime.settings import IntervalSettings
from uptime.states import BADNESS, NO_DATA, SERVING, STATE_OF_STATUS, STATES


@dataclass(frozen=True, slots=True)
class Report:
    """One status as its sender gave it; `seq` and `place` order those of one boot."""

    boot_id: str
    seq: int
    place: int
    status: str


def state_now(
    reports: Iterable[Report], last_sign_us: int | None, interval_us: int, now_us: int, settings: IntervalSettings
) -> str:
    """State of a connector from its latest statuses (all of one `at`) and its last counted sign of life.

    For each boot the last report speaks, among several the worst counts; serving lasts for the silence limit after the
    last sign.
    """
    spoken: dict[str, Report] = {}
    for report in sorted(reports, key=lambda report: (report.seq, report.place)):
        spoken[report.boot_id] = report
    states = [STATE_OF_STATUS[report.status] for report in spoken.values()]
    if not states:
        return STATES[NO_DATA]
    state = max(states, key=lambda state: int(BADNESS[state]))
    silent = last_sign_us is None or now_us - last_sign_us > settings.silence_factor * interval_us
    return STATES[NO_DATA if state == SERVING and silent else state]
