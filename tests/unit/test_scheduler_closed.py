from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from scheduler.closed import closed_days, closed_months, running_windows

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "now", "days"),
    [
        ("2023-06-01T00:00", "2023-06-01T15:59:59.999999", []),
        ("2023-06-01T00:00", "2023-06-01T16:00", [1]),  # midnight in Shanghai
        ("2023-05-31T16:00", "2023-06-03T15:59", [1, 2]),
        ("2023-06-01T00:00", "2023-05-01T00:00", []),
    ],
)
def test_days_close_at_midnight_of_the_policys_time_zone(first: str, now: str, days: list[int]) -> None:
    assert closed_days(utc(first), utc(now), SHANGHAI) == [date(2023, 6, day) for day in days]


def test_a_day_of_23_hours_closes_once() -> None:
    days = closed_days(utc("2023-03-11T12:00"), utc("2023-03-13T04:00"), NEW_YORK)
    assert days == [date(2023, 3, 11), date(2023, 3, 12)]


@pytest.mark.parametrize(
    ("now", "months"),
    [
        ("2023-07-05T15:59:59", []),
        ("2023-07-05T16:00", ["2023-06"]),  # the 6th begins in Shanghai: five whole days after June
        ("2023-09-05T16:00", ["2023-06", "2023-07", "2023-08"]),
    ],
)
def test_months_are_due_after_the_delay(now: str, months: list[str]) -> None:
    due = closed_months(utc("2023-06-15T00:00"), utc(now), SHANGHAI, 5)
    assert [month.name for month in due] == months


def test_windows_hold_closed_days_only() -> None:
    assert running_windows(utc("2023-07-10T15:00"), SHANGHAI) == {
        "running_month": (date(2023, 7, 1), date(2023, 7, 10)),
        "last_month": (date(2023, 6, 1), date(2023, 7, 1)),
        "last_30_days": (date(2023, 6, 10), date(2023, 7, 10)),
    }
    first, last = running_windows(utc("2023-06-30T16:00"), SHANGHAI)["running_month"]
    assert first == last == date(2023, 7, 1)
