"""Statement periods: a month, a quarter or a year of the policy's calendar."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from chargewatch.errors import Refusal


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Policy days from `first_day` on, before `end_day`."""

    first_day: date
    end_day: date
    name: str

    @property
    def last_day(self) -> date:
        """Its last day."""
        return self.end_day - timedelta(days=1)

    def holds(self, day: date) -> bool:
        """Whether the day lies in the period."""
        return self.first_day <= day < self.end_day


def parse(name: str) -> Period:
    """The period of a name such as 2023-06, 2023-Q2 or 2023; Refusal for any other."""
    found = re.fullmatch(r"(20\d\d)(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?", name, re.ASCII)
    if not found:
        raise Refusal(
            f"“{name}” is no period", "a month 2023-06, a quarter 2023-Q2 or a year 2023", "docs/commission/subsidy.md"
        )
    year = int(found[1])
    if found[2]:
        first, months = int(found[2]), 1
    elif found[3]:
        first, months = 3 * int(found[3]) - 2, 3
    else:
        first, months = 1, 12
    return Period(date(year, first, 1), _month_start(year, first + months), name)


def month_of(day: date) -> Period:
    """The month that a day belongs to."""
    return parse(f"{day:%Y-%m}")


def months_between(first_day: date, end_day: date) -> list[Period]:
    """Whole months that begin on or after `first_day`'s month and end on or before `end_day`."""
    months = []
    month = month_of(first_day)
    while month.end_day <= end_day:
        months.append(month)
        month = month_of(month.end_day)
    return months


def _month_start(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
