"""What a rule gives: which sessions it touches, what was seen and on what it rests; and what every rule looks at.

A finding is about a subject. A session's finding touches that session; a finding about anything larger touches exactly
the sessions in `rows` of its group, and holding its energy means holding these and no others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H, US_PER_S
from subsidy.amounts import plain
from subsidy.clauses import Quantity
from subsidy.policy import Policy

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Values = Mapping[str, str]
Evidence = tuple[Mapping[str, Any], ...]
US = {"s": US_PER_S, "h": US_PER_H, "day": 24 * US_PER_H}
MWH_PER_KWH = 1_000_000
"""Energies are compared as whole milliwatt-hours where the meter is: finer than any register."""
_MOST_MWH = 10**15


@dataclass(frozen=True, slots=True)
class Group:
    """One finding about more than a session: of whom, about what, on which policy day (since 1970), its sessions."""

    operator_id: str
    subject: str
    day: int
    rows: Ints
    values: Values
    evidence: Evidence = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one rule found. `at`: the sessions that it touches, by position; `other`: another one of each, or -1.

    `groups` is None for a rule about sessions: there each session of `at` is a finding by itself, with what was seen
    (`values`) and what it rests on besides its own order and `other` (`rests_on`).
    """

    rule: str
    effect: str
    subject: str
    at: Mask
    other: Ints
    values: Callable[[int], Values]
    rests_on: Callable[[int], Evidence]
    groups: tuple[Group, ...] | None
    threshold: str
    says: str

    @property
    def count(self) -> int:
        """How many findings: sessions, or whatever else the rule is about."""
        return int(self.at.sum()) if self.groups is None else len(self.groups)

    def seen(self, row: int) -> str:
        """What was seen at a session, in English."""
        if self.groups is None:
            return self.says.format_map(self.values(row))
        mine = [group for group in self.groups if row in group.rows]
        return "; ".join(f"{group.subject}: {self.says.format_map(group.values)}" for group in mine)


def none(row: int) -> Evidence:
    """What rests on its own order alone."""
    return ()


@dataclass(frozen=True)
class Looked:
    """What the rules look at: the sessions that count and, by position, where they took place and what meters saw.

    `seen`: columns of subsidy.findings.observed by session, or None where no facts but orders are given; `vehicles`:
    the operator's pseudonym by session, a categorical.
    """

    sessions: pd.DataFrame
    place: pd.DataFrame
    contradictory: Mask
    policy: Policy
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    seen: pd.DataFrame | None = None
    vehicles: pd.Categorical | None = None

    @property
    def count(self) -> int:
        """How many sessions."""
        return len(self.sessions)

    @cached_property
    def live(self) -> Mask:
        """Those that were not taken back."""
        return np.asarray(~self.sessions["void"].to_numpy(dtype=np.bool_))

    @cached_property
    def started(self) -> Ints:
        """Starts, µs."""
        return np.asarray(self.sessions["started_us"].to_numpy(dtype=np.int64))

    @cached_property
    def ended(self) -> Ints:
        """Ends, µs."""
        return np.asarray(self.sessions["ended_us"].to_numpy(dtype=np.int64))

    @cached_property
    def energy(self) -> Ints:
        """Energies, mWh."""
        return mwh(self.sessions["energy_kwh"])

    @cached_property
    def readings(self) -> tuple[Ints, Ints]:
        """Readings at start and end, mWh; -1 where there is none."""
        return mwh(self.sessions["meter_start_kwh"]), mwh(self.sessions["meter_end_kwh"])

    @cached_property
    def first_place(self) -> pd.DataFrame:
        """By session its place at the least connector id."""
        ordered = self.place.sort_values(["row", "connector_id"], kind="stable").drop_duplicates("row")
        return ordered.reset_index(drop=True)

    @cached_property
    def single(self) -> Mask:
        """Those at one connector."""
        return np.asarray(np.bincount(self.place["row"].to_numpy(), minlength=self.count) == 1)

    @cached_property
    def connector(self) -> Ints:
        """Connector number, of several the one of the least id."""
        return np.asarray(self.first_place["connector_no"].to_numpy(dtype=np.int64))

    @cached_property
    def day(self) -> Ints:
        """Policy day since 1970."""
        return np.asarray(self.first_place["day"].to_numpy(dtype=np.int64))

    @cached_property
    def month(self) -> Ints:
        """Month of the policy day, since 1970."""
        return self.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)

    def of_kinds(self, code: str) -> Mask:
        """Sessions at a connector of a kind that the rule applies to."""
        result = np.zeros(self.count, dtype=np.bool_)
        applies = self.place["kind"].isin(self.policy.findings.rule(code).kinds).to_numpy(dtype=np.bool_)
        result[self.place["row"].to_numpy()[applies]] = True
        return result

    def among(self, code: str) -> Mask:
        """Sessions that a rule looks at."""
        return self.live & self.of_kinds(code)

    def limit(self, code: str, name: str) -> Decimal:
        """A quantity of the rule as the policy states it."""
        return self.policy.findings.rule(code).limits[name].value

    def parts(self, code: str, name: str) -> tuple[int, int]:
        """A ratio of the rule as numerator and denominator, so that whole numbers compare exactly."""
        return self.limit(code, name).as_integer_ratio()

    def limit_us(self, code: str, name: str = "longer_than") -> int:
        """A duration of the rule, µs."""
        quantity = self.policy.findings.rule(code).limits[name]
        return int(quantity.value * US[quantity.unit])

    def limit_mwh(self, code: str, name: str = "more_than") -> int:
        """An energy of the rule, mWh."""
        return int(self.limit(code, name) * MWH_PER_KWH)

    def sessions_found(
        self,
        code: str,
        at: Any,
        values: Callable[[int], Values],
        *,
        other: Any = None,
        rests_on: Callable[[int], Evidence] = none,
    ) -> Findings:
        """Findings of a rule about sessions, among those that it looks at."""
        found = np.asarray(at & self.among(code), dtype=np.bool_)
        partner = np.full(self.count, -1) if other is None else other
        return self._findings(code, "session", found, partner, values, rests_on, None)

    def groups_found(self, code: str, subject: str, groups: tuple[Group, ...]) -> Findings:
        """Findings of a rule about a larger subject."""
        at = np.zeros(self.count, dtype=np.bool_)
        for group in groups:
            at[group.rows] = True
        return self._findings(code, subject, at, np.full(self.count, -1), lambda row: {}, none, groups)

    def _findings(
        self, code: str, subject: str, at: Mask, other: Ints, values: Any, rests_on: Any, groups: Any
    ) -> Findings:
        rule = self.policy.findings.rule(code)
        limits = {name: limit(quantity) for name, quantity in rule.limits.items()}

        def with_limits(row: int) -> Values:
            return {**limits, **values(row)}

        if groups is not None:
            groups = tuple(replace(one, values={**limits, **one.values}) for one in groups)
        threshold = ", ".join(f"{name.replace('_', ' ')} {said}" for name, said in limits.items())
        return Findings(code, rule.effect, subject, at, other, with_limits, rests_on, groups, threshold, rule.says.en)


def members(orders: pd.DataFrame, keys: list[str], chosen: "pd.DataFrame | pd.Series[Any]") -> dict[Any, Ints]:
    """Positions (column `row`) of the orders of each chosen group, by its key, ascending."""
    mine = orders.merge(chosen.index.to_frame(index=False), on=keys)
    return {key: np.sort(part["row"].to_numpy()) for key, part in mine.groupby(keys, sort=False, observed=True)}


def mwh(kwh: "pd.Series[Any]") -> Ints:
    """Whole mWh; -1 where there is none."""
    return np.array(
        [
            -1 if missing else min(int(one * MWH_PER_KWH), _MOST_MWH)
            for one, missing in zip(kwh, kwh.isna(), strict=True)
        ],
        dtype=np.int64,
    )


def kwh(mwh_: int) -> str:
    """Energy for a sentence."""
    return plain(Decimal(int(mwh_)) / MWH_PER_KWH)


def limit(quantity: Quantity) -> str:
    """A quantity for a sentence."""
    return f"{plain(quantity.value)} {quantity.unit}"
