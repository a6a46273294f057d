"""What a policy says of the money after it is computed: who may be paid when, out of which budget, and what comes back.

Nothing here changes what a statement says; `payments` carries it out.
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from subsidy.clauses import Quantity, Rounding, Stated

Stopped = Literal["approve", "issue", "pay"]


class Ratio(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of an amount, none included."""

    value: Decimal
    unit: Literal["ratio", "ratio/day"]

    def __post_init__(self) -> None:
        if not self.value.is_finite() or self.value < 0:
            raise ValueError(f"{self.value} is less than 0")


class Barred(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is not done for an operator on a day on which it is barred (137-十)."""

    stops: tuple[Stopped, ...]


class Payment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a statement needs before money moves."""

    answer_within: Quantity
    barred: Barred

    def __post_init__(self) -> None:
        if self.answer_within.unit != "day" or self.answer_within.value % 1:
            raise ValueError("payment.answer_within is not a whole number of days (unit: day)")


class Recovery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for beside an over-payment (137-十)."""

    interest: Ratio
    penalty: Ratio
    rounding: Rounding

    def __post_init__(self) -> None:
        for name, rate, unit in (("interest", self.interest, "ratio/day"), ("penalty", self.penalty, "ratio")):
            if rate.unit != unit:
                raise ValueError(f"recovery.{name} has the unit {rate.unit!r}, expected {unit!r}")


class Year(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a programme may spend on the periods of one year."""

    year: Annotated[int, msgspec.Meta(ge=2010, le=2100)]
    amount: Quantity

    def __post_init__(self) -> None:
        if self.amount.unit != "yuan" or self.amount.value * 100 % 1:
            raise ValueError(f"the budget of {self.year} is not a number of yuan in whole fen (unit: yuan)")


class Exhausted(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who gets what once the budget does not suffice."""

    rule: Literal["first_come", "pro_rata"]


class Recovered(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where money goes that was paid too much and has come back."""

    to: Literal["budget", "treasury"]


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much there is, and what happens when it runs out. A year that is not named has no limit."""

    years: tuple[Year, ...]
    when_exhausted: Exhausted
    recovered: Recovered

    def __post_init__(self) -> None:
        if len({one.year for one in self.years}) != len(self.years):
            raise ValueError("budget.years names a year twice")

    def fen(self, year: int) -> int | None:
        """The budget of a year in fen; None where none is stated."""
        return next((int(one.amount.value * 100) for one in self.years if one.year == year), None)
