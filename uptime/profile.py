"""Profiles: how a regime turns states and declarations into a figure (semantics 4). Law is data; this loads it.

A new regime is a file in profiles/ and its cases in tests/spec: what each key means stands at its field below.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from chargewatch import yamlfile
from chargewatch.errors import Refusal
from chargewatch.instants import US_PER_H, US_PER_MIN
from uptime.binding import Binds
from uptime.settings import IntervalSettings
from uptime.states import STATES

DEFAULT = "cn-wenzhou-2022-137"
FOLDER = Path(__file__).parent / "profiles"

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
Whose = Literal["law", "ours"]


@lru_cache(maxsize=64)
def _exact(value: Decimal) -> Fraction:
    return Fraction(value)


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The legal text. `clause` also names the folder of its cases in tests/spec."""

    document: str
    clause: str
    issued_on: date
    issued_by: str
    url: str = ""


class Basis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a plain value of the profile comes from: the clause that says it, or our reading of what none says."""

    clause: str = ""
    reading: Whose = "ours"

    def __post_init__(self) -> None:
        if self.reading == "law" and not self.clause:
            raise ValueError("what is law has a clause")


_Plain = Literal[
    "period",
    "time_zone",
    "unit",
    "combine",
    "aggregation",
    "serving",
    "faulted",
    "out_of_service",
    "offline",
    "no_data",
    "unknown_ripens_after_days",
    "long_outage_days",
    "issued_after_days",
]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a declared cause does, and when a declaration of it is valid.

    `deduct` takes its time out of numerator and denominator; `credit` counts an outage inside it as up; `none` changes
    nothing. `filed` before_start: filed no later than its start, `notice_h` hours ahead. `renews_outage` false: it does
    not cover time of an outage that began before it was filed; `begins_outage` true: nor of one that began before its
    own start. `states`: it covers time in these states only (all, when empty). Caps let the first so many hours of it
    apply, of each outage, calendar month or calendar year, each cap to what the one before it lets through; what goes
    beyond counts as observed, or by the next cause.
    """

    cause: Cause
    effect: Literal["deduct", "credit", "none"]
    clause: str
    reading: Whose = "law"
    approved: bool = False
    filed: Literal["any_time", "before_start"] = "any_time"
    notice_h: int = 0
    renews_outage: bool = True
    begins_outage: bool = False
    states: tuple[State, ...] = ()
    cap_per_outage_h: int | None = None
    cap_per_month_h: int | None = None
    cap_per_year_h: int | None = None

    @property
    def caps_us(self) -> tuple[tuple[Literal["outage", "month", "year"], int], ...]:
        """Each cap by what it is counted in (µs)."""
        named = (("outage", self.cap_per_outage_h), ("month", self.cap_per_month_h), ("year", self.cap_per_year_h))
        return tuple((within, hours * US_PER_H) for within, hours in named if hours is not None)  # type: ignore[misc]

    def __post_init__(self) -> None:
        if self.notice_h < 0 or (self.notice_h and self.filed != "before_start"):
            raise ValueError(f"{self.cause}: notice_h {self.notice_h} needs `filed: before_start` and is not negative")
        caps = self.caps_us
        if any(cap <= 0 for _, cap in caps) or any(small > great for (_, small), (_, great) in pairwise(caps)):
            raise ValueError(f"{self.cause}: caps are hours above 0, the one of a year no less than that of a month")
        if (
            self.cap_per_outage_h is not None
            and self.effect == "deduct"
            and (not self.states or STATES[0] in self.states)
        ):
            raise ValueError(f"{self.cause}: a cap per outage needs states without {STATES[0]}: that is no outage")


class LongUnknown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run of these states that lasts longer counts so as a whole, not as each state does."""

    states: tuple[State, ...]
    longer_than_h: int
    counts: Literal["down"]
    clause: str
    reading: Whose = "law"

    @property
    def longer_than_us(self) -> int:
        """The length that still counts state by state (µs)."""
        return self.longer_than_h * US_PER_H

    def __post_init__(self) -> None:
        if self.longer_than_h <= 0 or not self.states or STATES[0] in self.states:
            raise ValueError(f"long_unknown takes states other than {STATES[0]} and hours above 0")


class Denominator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Minutes that stand for twelve months, whatever their true length and however long the unit was in service."""

    twelve_months_min: int
    clause: str
    reading: Whose = "law"

    def __post_init__(self) -> None:
        if not 365 <= self.twelve_months_min / (24 * 60) <= 366:
            raise ValueError(f"twelve_months_min {self.twelve_months_min} is no year of minutes")


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The least ratio that passes."""

    value: Decimal
    clause: str
    comparison: Literal["at_least", "more_than"] = "at_least"
    reading: Whose = "law"

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:
            raise ValueError(f"threshold {self.value} is no ratio between 0 and 1")


_Readable = Literal["states", "causes", "threshold", "unit", "combine", "aggregation", "long_unknown", "denominator"]


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another way to read one point: what it changes in the profile, or in the interval settings, and nothing else."""

    id: str
    about: Literal["unknown", "silence", "notice", "algebra", "unit", "aggregation", "denominator", "threshold", "cap"]
    says: str
    profile: dict[_Readable, Any] = {}
    settings: dict[Literal["silence_factor", "silence_from_last_sign"], Any] = {}

    def __post_init__(self) -> None:
        if not self.profile and not self.settings:
            raise ValueError(f"reading {self.id} changes nothing")


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One regime. Days are policy days in `time_zone`.

    `unit`: what is measured by itself. `evse` is a charger whose connectors cannot serve at once (`simultaneous = no`),
    else the connector. `combine`: a unit of several connectors is in the best or the worst of their states.
    `aggregation`: a figure above the unit is a ratio of sums, or the mean of its units' ratios. `basis` says of a value
    or a state which clause it rests on; what it does not name is our reading.
    """

    id: str
    title: str
    source: Source
    valid_from: date
    time_zone: str
    period: Literal["calendar_month", "calendar_year", "rolling_twelve_months"]
    unit: Literal["connector", "evse", "charger", "station"]
    states: dict[State, Literal["up", "down", "unknown", "excluded"]]
    causes: tuple[Rule, ...]
    threshold: Threshold
    binds: Binds
    unknown_ripens_after_days: int
    long_outage_days: int
    issued_after_days: int
    combine: Literal["best", "worst"] = "best"
    aggregation: Literal["ratio_of_sums", "mean_of_ratios"] = "ratio_of_sums"
    long_unknown: LongUnknown | None = None
    denominator: Denominator | None = None
    basis: dict[_Plain, Basis] = {}
    readings: tuple[Reading, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if missing := set(STATES) - set(self.states):
            raise ValueError(f"states lacks {', '.join(sorted(missing))}")
        listed: dict[str, list[str]] = {
            "causes": [*(one.cause for one in self.causes)],
            "readings": [*(one.id for one in self.readings)],
        }
        for what, named in listed.items():
            if twice := {name for name in named if named.count(name) > 1}:
                raise ValueError(f"{what} names {', '.join(sorted(twice))} twice")
        if self.valid_from < self.source.issued_on:
            raise ValueError(f"valid_from {self.valid_from} is before issued_on {self.source.issued_on}")
        for name in ("unknown_ripens_after_days", "long_outage_days", "issued_after_days"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} {getattr(self, name)} is negative")
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
        return _exact(self.threshold.value)

    @property
    def deducting(self) -> tuple[str, ...]:
        """What can be deducted, in order: causes, then states that are excluded."""
        causes = [rule.cause for rule in self.causes if rule.effect == "deduct"]
        return (*causes, *(state for state in STATES if self.states[state] == "excluded"))  # type: ignore[index]

    @property
    def ahead_us(self) -> int:
        """How far beyond a period its figure has to look, so that it is the same however time is cut (µs)."""
        return self.long_unknown.longer_than_us if self.long_unknown else 0

    def twelve_months_us(self, first_day: date, last_day: date) -> int | None:
        """What the denominator says instead of the true length of [first_day, last_day); None if it says nothing."""
        whole = (last_day.year - first_day.year, last_day.month, last_day.day) == (1, first_day.month, first_day.day)
        return self.denominator.twelve_months_min * US_PER_MIN if self.denominator and whole else None

    def under(self, reading: Reading) -> "Profile":
        """The same regime with one point read otherwise; ValueError or ValidationError if that makes no profile."""
        return msgspec.convert(_overlaid(msgspec.to_builtins(self), reading.profile), Profile, strict=False)


def settings_under(settings: IntervalSettings, reading: Reading) -> IntervalSettings:
    """The interval settings with what the reading changes in them."""
    changed = _overlaid(msgspec.to_builtins(settings), reading.settings)
    return msgspec.convert(changed, IntervalSettings, strict=False)


def load(name: str = DEFAULT) -> Profile:
    """The profile of that id, or of a YAML file at that path; Refusal naming file and field if it is not valid."""
    profile = yamlfile.load(name, FOLDER, Profile, "profile")
    for reading in profile.readings:
        try:
            profile.under(reading)
        except ValueError as error:
            raise Refusal(f"{name}: reading {reading.id}: {error}", "a change that makes a profile") from None
    return profile


def _overlaid(content: Any, change: Mapping[Any, Any]) -> Any:
    """`content` with what `change` names put in its place: mappings key by key, causes by their name."""
    result = dict(content)
    for key, value in change.items():
        if key == "causes":
            rules = {rule["cause"]: rule for rule in result["causes"]}
            for cause, wanted in value.items():
                rules[cause] = _overlaid(rules.get(cause, {"cause": cause}), wanted)
            result[key] = list(rules.values())
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = _overlaid(result[key], value)
        else:
            result[key] = value
    return result
