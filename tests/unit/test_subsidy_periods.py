"""Periods: what they hold, and what is none."""

from datetime import date

import pytest

from chargewatch.errors import Refusal
from subsidy.periods import month_of, months_between, parse


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("2023-06", date(2023, 6, 1), date(2023, 6, 30)),
        ("2023-12", date(2023, 12, 1), date(2023, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2023-Q1", date(2023, 1, 1), date(2023, 3, 31)),
        ("2023-Q4", date(2023, 10, 1), date(2023, 12, 31)),
        ("2023", date(2023, 1, 1), date(2023, 12, 31)),
    ],
)
def test_a_period_has_its_days(name: str, first: date, last: date) -> None:
    period = parse(name)
    assert (period.first_day, period.last_day, period.name) == (first, last, name)
    assert period.holds(first)
    assert period.holds(last)
    assert not period.holds(period.end_day)


@pytest.mark.parametrize(
    "name", ["", "2023-13", "2023-00", "2023-6", "2023-Q5", "23", "2023-06-01", "1999", "２０２３"]
)
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="2023-Q2"):
        parse(name)


def test_months_that_have_ended() -> None:
    assert month_of(date(2023, 6, 30)).name == "2023-06"
    names = [month.name for month in months_between(date(2023, 11, 15), date(2024, 2, 1))]
    assert names == ["2023-11", "2023-12", "2024-01"]
    assert months_between(date(2023, 6, 15), date(2023, 6, 30)) == []
