"""Figures under any profile: semantics.md 4, said again slowly and plainly.

Written from the rules alone, without the engine in `uptime/`, on the account of time in
reference_account.py. Every share is a Fraction; nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.generative.reference_account import WENZHOU, Connector, Declaration, Place, Regime, account, local, outages
from tests.generative.reference_availability import DAY, MINUTE

# ---- sums, ratios, verdicts


@dataclass
class Amounts:
    """Microseconds of one unit, or of many together."""

    up: int = 0
    down: int = 0
    unknown: int = 0
    deducted: dict[str, int] = field(default_factory=dict)

    @property
    def required(self) -> int:
        """The period less what is deducted."""
        return self.up + self.down + self.unknown

    @property
    def ratio(self) -> Fraction | None:
        """Unknown counts as down; never below zero."""
        return max(Fraction(self.up, self.required), Fraction(0)) if self.required else None

    @property
    def ratio_upper(self) -> Fraction | None:
        """Unknown counts as up."""
        return max(Fraction(self.up + self.unknown, self.required), Fraction(0)) if self.required else None

    def __add__(self, other: Amounts) -> Amounts:
        causes = sorted(set(self.deducted) | set(other.deducted))
        deducted = {cause: self.deducted.get(cause, 0) + other.deducted.get(cause, 0) for cause in causes}
        return Amounts(self.up + other.up, self.down + other.down, self.unknown + other.unknown, deducted)


def amounts(
    unit: Connector, declared: Sequence[Declaration], from_us: int, to_us: int, rules: Regime = WENZHOU
) -> dict[Place, Amounts]:
    """What the regime makes of [from, to), by place; nothing without service life in it, which gives no row."""
    totals: dict[Place, Amounts] = {}
    for piece in account(unit, declared, rules, (from_us, to_us)):
        if not from_us <= piece.from_us < to_us:
            continue
        total, length = totals.setdefault(piece.place, Amounts()), piece.to_us - piece.from_us
        if piece.effect in ("up", "down", "unknown"):
            setattr(total, piece.effect, getattr(total, piece.effect) + length)
        else:
            total.deducted[piece.effect] = total.deducted.get(piece.effect, 0) + length
    twelve_months = rules.get("denominator")
    zone = ZoneInfo(rules["time_zone"])
    first, last = local(from_us, zone), local(to_us, zone)
    if totals and twelve_months and last.replace(tzinfo=None) == first.replace(tzinfo=None, year=first.year + 1):
        whole = together(totals.values())
        measured = whole.required + sum(whole.deducted.values())
        latest = totals[max(totals, key=lambda place: place.from_us)]
        latest.up += twelve_months["twelve_months_min"] * MINUTE - measured
    return totals


@dataclass(frozen=True)
class Judged:
    """The two ratios of a figure; None where there is nothing to measure."""

    ratio: Fraction | None
    ratio_upper: Fraction | None


def figure(of_units: Iterable[Amounts], rules: Regime) -> Judged:
    """A ratio of sums; or the mean of the ratios of those units that can be measured."""
    rows = list(of_units)
    if rules.get("aggregation", "ratio_of_sums") == "ratio_of_sums":
        total = together(rows)
        return Judged(total.ratio, total.ratio_upper)
    measured = [row for row in rows if row.required]
    if not measured:
        return Judged(None, None)
    both = [[getattr(row, name) for row in measured] for name in ("ratio", "ratio_upper")]
    return Judged(*(sum(ratios, start=Fraction(0)) / len(measured) for ratios in both))


def verdict(judged: Judged | Amounts, rules: Regime = WENZHOU) -> str:
    """pass, fail, pending or not_measurable, compared exactly."""
    if judged.ratio is None or judged.ratio_upper is None:
        return "not_measurable"
    threshold = Fraction(str(rules["threshold"]["value"]))
    strictly = rules["threshold"].get("comparison") == "more_than"
    passes, may_pass = (
        ratio > threshold if strictly else ratio >= threshold for ratio in (judged.ratio, judged.ratio_upper)
    )
    return "pass" if passes else "pending" if may_pass else "fail"


def is_breach(judged: Judged | Amounts, period_end_us: int, as_of_us: int, rules: Regime = WENZHOU) -> bool:
    """A fail, or a pending that so many days after the period's end is still one."""
    said, zone = verdict(judged, rules), ZoneInfo(rules["time_zone"])
    ripe = local(period_end_us, zone) + timedelta(days=rules["unknown_ripens_after_days"])
    return said == "fail" or (said == "pending" and local(as_of_us, zone) >= ripe)


def is_out_7d(unit: Connector, from_us: int, to_us: int, rules: Regime = WENZHOU) -> bool:
    """Not serving for too many days on end, where it is bound in the period; as far as its end tells."""
    bound = [(max(p.from_us, from_us), min(p.to_us, to_us)) for p in unit.life if p.bound]
    return any(
        min(end, to_us) - start > rules["long_outage_days"] * DAY
        and any(start < to and end > since and since < to for since, to in bound)
        for start, end in outages(unit)
    )


def together(rows: Iterable[Amounts]) -> Amounts:
    """The sums of many."""
    total = Amounts()
    for row in rows:
        total = total + row
    return total


def truncated(ratio: Fraction | None) -> str | None:
    """Eight decimals, cut off."""
    if ratio is None:
        return None
    units_ = ratio.numerator * 10**8 // ratio.denominator
    return f"{units_ // 10**8}.{units_ % 10**8:08d}"
