import pytest

from chargewatch.instants import US_PER_MIN
from scheduler.live import Report, state_now
from uptime.settings import load

SETTINGS = load()
INTERVAL = 5 * US_PER_MIN


def now(status: str, minutes_since_sign: float) -> str:
    at = 10**15
    sign = at - int(minutes_since_sign * US_PER_MIN)
    return state_now([Report("a", 1, 0, status)], sign, INTERVAL, at, SETTINGS)


@pytest.mark.parametrize(
    ("status", "minutes", "state"),
    [
        ("charging", 0, "serving"),
        ("available", 10, "serving"),  # twice the reporting interval, exactly
        ("available", 10.001, "no_data"),
        ("faulted", 60, "faulted"),  # bad states stand until the next status
        ("offline", 60, "offline"),
        ("unavailable", 60, "out_of_service"),
        ("unknown", 0, "no_data"),
    ],
)
def test_serving_needs_proof_and_bad_states_stand(status: str, minutes: float, state: str) -> None:
    assert now(status, minutes) == state


def test_before_the_first_status_nothing_is_known() -> None:
    assert state_now([], 10**15, INTERVAL, 10**15, SETTINGS) == "no_data"


def test_the_last_of_a_boot_speaks_and_the_worst_of_several_boots_counts() -> None:
    earlier, later = Report("a", 1, 5, "faulted"), Report("a", 2, 0, "available")
    assert state_now([later, earlier], 0, INTERVAL, 0, SETTINGS) == "serving"
    assert state_now([earlier, later, Report("b", 0, 0, "offline")], 0, INTERVAL, 0, SETTINGS) == "offline"
    in_order = [Report("a", 1, 0, "faulted"), Report("a", 1, 1, "available")]
    assert state_now(in_order[::-1], 0, INTERVAL, 0, SETTINGS) == "serving"
