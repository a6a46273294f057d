"""What a policy is made of: days, quantities, lists and rules, each with its clause and, where it is ours, a note."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
Effect = Literal["hold", "note"]
Kind = Literal["dc", "ac", "hybrid"]


class Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that stands in a clause; `ours` says how we read it where the law is silent."""

    clause: Text
    ours: str = ""


class Listed(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Codes that a clause names."""

    values: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


class Window(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Policy days, the first and the last included."""

    first_day: date
    last_day: date

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise ValueError(f"the window ends on {self.last_day}, before its first day {self.first_day}")

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


class Rounding(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an amount is rounded, once."""

    unit: Literal["0.01 yuan"]
    rule: Literal["half_up"]
    shares: Literal["largest_remainder"] = "largest_remainder"


class Finding(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule that finds something: its effect and the kinds of connector (of charger) that it applies to."""

    effect: Effect
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1)]


class LongerThan(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finding with a duration that must be exceeded."""

    longer_than: Quantity


class BeyondRating(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finding with a multiple of the rated energy that is too much."""

    at_or_beyond: Quantity


class RegisterMismatch(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finding with a tolerance: a share of the energy, and a least tolerance."""

    share_of_energy: Quantity
    least: Quantity
