"""What a policy is made of: days, quantities, lists and rules, each with its clause and, where it is ours, a note."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
Code = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,49}$")]
Effect = Literal["hold", "note"]
Kind = Literal["dc", "ac", "hybrid"]
FIRST_YEAR, LAST_YEAR = 2000, 2099


def believable(day: date) -> None:
    """ValueError for a day that no subsidy of electric vehicles can name, such as 9999-12-31 or 0202-01-01."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{day} is no day of such a policy; a year from {FIRST_YEAR} to {LAST_YEAR} was expected")


class Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that stands in a clause; `ours` says how we read it where the law is silent."""

    clause: Text
    ours: str = ""


class Listed(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Codes that a clause names, each once."""

    values: Annotated[tuple[Code, ...], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        if twice := sorted({one for one in self.values if self.values.count(one) > 1}):
            raise ValueError(f"stands twice: {', '.join(twice)}")


class Window(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Policy days, the first and the last included."""

    first_day: date
    last_day: date

    def __post_init__(self) -> None:
        for day in (self.first_day, self.last_day):
            believable(day)
        if self.last_day < self.first_day:
            raise ValueError(f"the window ends on {self.last_day}, before its first day {self.first_day}")

    def within(self, other: "Window") -> bool:
        """Whether all its days lie in another window."""
        return other.holds(self.first_day) and other.holds(self.last_day)

    def meets(self, other: "Window") -> bool:
        """Whether the two have a day in common."""
        return self.first_day <= other.last_day and other.first_day <= self.last_day

    def holds(self, day: date) -> bool:
        """Whether the day lies in the window."""
        return self.first_day <= day <= self.last_day


class Quantity(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A number with its unit."""

    value: Decimal
    unit: Text

    def __post_init__(self) -> None:
        if not self.value.is_finite() or self.value <= 0:
            raise ValueError(f"{self.value} is not greater than 0")
        if self.unit == "ratio" and self.value > 1:
            raise ValueError(f"{self.value} is a ratio beyond 1: a percentage is written as a part of 1")


class Rounding(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an amount is rounded, once."""

    unit: Literal["0.01 yuan"]
    rule: Literal["half_up"]
    shares: Literal["largest_remainder"] = "largest_remainder"
