"""Profiles: how a regime turns states and declarations into a figure (semantics 4). Law is data; this loads it."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import pandas as pd

from chargewatch import yamlfile
from uptime.states import STATES

DEFAULT = "cn-wenzhou-2022-137"
_FOLDER = Path(__file__).parent / "profiles"

State = Literal["serving", "faulted", "out_of_service", "offline", "no_data"]
Cause = Literal[
    "routine_maintenance",
    "grid_outage",
    "force_majeure",
    "vandalism",
    "vehicle_fault",
    "outside_hours",
    "platform_outage",
]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The legal text."""

    document: str
    clause: str
    issued_on: date
    issued_by: str


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a declared cause does, and when a declaration of it is valid.

    `deduct` takes its time out of numerator and denominator; `credit` counts an outage inside it as up. `filed`
    before_start: filed no later than its start. `renews_outage` false: it does not cover time of an outage that began
    before it was filed. `states`: it covers time in these states only (all, when empty).
    """

    cause: Cause
    effect: Literal["deduct", "credit"]
    clause: str
    reading: Literal["law", "ours"] = "law"
    approved: bool = False
    filed: Literal["any_time", "before_start"] = "any_time"
    renews_outage: bool = True
    states: tuple[State, ...] = ()


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The least ratio that passes."""

    value: Decimal
    clause: str
    comparison: Literal["at_least", "more_than"] = "at_least"

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:
            raise ValueError(f"threshold {self.value} is no ratio between 0 and 1")


class Binds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the regime binds."""

    level: Literal["connector", "charger", "station", "operator"]
    categories: tuple[Literal["public", "dedicated", "self_use"], ...]
    open_to_public: bool
    reading: Literal["law", "ours"] = "law"

    def places(self, places: pd.DataFrame) -> pd.Series:
        """Whether the regime binds each place: by its station's category, or because it is open to the public."""
        return places["category"].isin(self.categories) | (places["open_to_public"] & self.open_to_public)


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One regime. Days are policy days in `time_zone`."""

    id: str
    title: str
    source: Source
    valid_from: date
    time_zone: str
    period: Literal["calendar_month", "calendar_year"]
    unit: Literal["connector"]
    states: dict[State, Literal["up", "down", "unknown"]]
    causes: tuple[Rule, ...]
    threshold: Threshold
    binds: Binds
    unknown_ripens_after_days: int
    long_outage_days: int
    issued_after_days: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if missing := set(STATES) - set(self.states):
            raise ValueError(f"states lacks {', '.join(sorted(missing))}")
        named = [rule.cause for rule in self.causes]
        if twice := {cause for cause in named if named.count(cause) > 1}:
            raise ValueError(f"causes names {', '.join(sorted(twice))} twice")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"time_zone {self.time_zone!r} is none of the IANA time zones") from None

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the policy's days."""
        return ZoneInfo(self.time_zone)

    @property
    def least(self) -> Fraction:
        """The threshold as an exact fraction."""
        return Fraction(self.threshold.value)


def load(name: str = DEFAULT) -> Profile:
    """The profile of that id, or of a YAML file at that path; Refusal naming file and field if it is not valid."""
    return yamlfile.load(name, _FOLDER, Profile, "profile")
