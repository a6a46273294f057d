"""Figures and verdicts: sums of segments under a profile, at every level (semantics 4).

A figure is a ratio of sums, never a mean of ratios; comparison is exact; display truncates, so that a failing ratio
never shows as the threshold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H, seconds
from uptime.evidence import Ints
from uptime.profile import Profile
from uptime.states import STATES

Verdict = Literal["pass", "fail", "pending", "not_measurable"]

LEVELS = {
    "connector": ["operator_id", "connector_id"],
    "charger": ["operator_id", "charger_id"],
    "station": ["operator_id", "station_id"],
    "operator": ["operator_id"],
    "district": ["district"],
    "city": [],
}
"""The columns of the registry that name one thing of a level."""

UP, DOWN, UNKNOWN, DEDUCTED = range(4)
EFFECTS = ("up", "down", "unknown", "deducted")


def effects(segments: pd.DataFrame, rule: Ints, profile: Profile) -> Ints:
    """What the profile makes of each segment: UP, DOWN, UNKNOWN or DEDUCTED; `rule` as from declarations.covered."""
    meaning = {"up": UP, "down": DOWN, "unknown": UNKNOWN}
    by_state = np.array([meaning[profile.states[state]] for state in STATES])  # type: ignore[index]
    effect: Ints = by_state[segments["state"].to_numpy()]
    for index, one in enumerate(profile.causes):
        effect = np.where(rule == index, DEDUCTED if one.effect == "deduct" else UP, effect)
    return effect


@dataclass(frozen=True, slots=True)
class Sums:
    """Whole microseconds of one thing in one period."""

    up: int
    down: int
    unknown: int
    deducted: Mapping[str, int]

    @property
    def required(self) -> int:
        """The period less what is deducted (µs)."""
        return self.up + self.down + self.unknown

    def verdict(self, profile: Profile) -> Verdict:
        """Pass if the ratio reaches the threshold, fail if it cannot, pending if missing data alone decides."""
        if self.required == 0:
            return "not_measurable"
        if _reaches(Fraction(self.up, self.required), profile):
            return "pass"
        return "pending" if _reaches(Fraction(self.up + self.unknown, self.required), profile) else "fail"


def _reaches(ratio: Fraction, profile: Profile) -> bool:
    return ratio >= profile.least if profile.threshold.comparison == "at_least" else ratio > profile.least


def truncated(numerator: int, denominator: int) -> str | None:
    """A ratio with eight decimals, truncated; None where the denominator is zero."""
    if denominator == 0:
        return None
    digits = numerator * 10**8 // denominator
    return f"{digits // 10**8}.{digits % 10**8:08d}"


def tally(segments: pd.DataFrame, life: pd.DataFrame, rule: Ints, profile: Profile) -> pd.DataFrame:
    """What each connector has to its account at each place: the registry's ids, bound, and sums in µs.

    Columns up, down, unknown, one a deducting cause, and long_out: it was not serving for longer on end than the
    profile's long_outage_days. Tallies of different connectors can be concatenated.
    """
    effect = effects(segments, rule, profile)
    length = (segments["to_us"] - segments["from_us"]).to_numpy()
    outage = (segments["outage_end_us"] - segments["outage_us"]).to_numpy()
    pieces = pd.DataFrame({"place": segments["place"].to_numpy()})
    for name, wanted in (("up", UP), ("down", DOWN), ("unknown", UNKNOWN)):
        pieces[name] = np.where(effect == wanted, length, 0)
    for index, one in enumerate(profile.causes):
        if one.effect == "deduct":
            pieces[one.cause] = np.where(rule == index, length, 0)
    pieces["long_out"] = outage > profile.long_outage_days * 24 * US_PER_H
    sums = pieces.groupby("place").sum()
    places = life.loc[sums.index, ["operator_id", "connector_id", "charger_id", "station_id", "district", "bound"]]
    return pd.concat([places, sums], axis="columns").reset_index(drop=True)


def figures(tallies: pd.DataFrame, profile: Profile, by: str, *, ripe: bool, everything: bool) -> list[dict[str, Any]]:
    """The rows of contract 4 at one level, by operator and id, less what the caller knows (period, settings, as_of).

    Levels above the connector sum the bound connectors only. `everything` shows what is not bound too, without a
    verdict. `ripe`: the period ended so long ago that a pending verdict is a breach.
    """
    bound = tallies[tallies["bound"].astype(bool)]
    connectors = {
        key: (sums.verdict(profile), long_out) for key, sums, long_out in _summed(bound, LEVELS["connector"], profile)
    }
    members: dict[tuple[str, ...], set[tuple[str, str]]] = {}
    names = LEVELS[by]
    for key, connector in zip(_keys(bound, names), _keys(bound, LEVELS["connector"]), strict=True):
        members.setdefault(key, set()).add((connector[0], connector[1]))
    rows = [
        _row(by, key, sums, profile, [connectors[one] for one in members[key]], ripe=ripe)
        for key, sums, _ in _summed(bound, names, profile)
    ]
    if everything:
        rest = tallies[[key not in members for key in _keys(tallies, names)]]
        for key, sums, _ in _summed(rest, names, profile):
            shown = sums if by == "connector" else Sums(0, 0, 0, dict.fromkeys(sums.deducted, 0))
            rows.append(_row(by, key, shown, profile, None, ripe=ripe))
    return sorted(rows, key=lambda row: (row["operator_id"] or "", row["id"]))


def _keys(tallies: pd.DataFrame, names: list[str]) -> list[tuple[str, ...]]:
    if not names:
        return [()] * len(tallies)
    return list(tallies[names].itertuples(index=False, name=None))


def _summed(tallies: pd.DataFrame, names: list[str], profile: Profile) -> Iterator[tuple[tuple[str, ...], Sums, bool]]:
    causes = [one.cause for one in profile.causes if one.effect == "deduct"]
    counted = ["up", "down", "unknown", *causes, "long_out"]
    keys = pd.MultiIndex.from_frame(tallies[names]) if names else pd.Index(["city"] * len(tallies))
    sums = tallies[counted].groupby(keys, sort=True).sum()
    for key, up, down, unknown, *more in sums.itertuples(name=None):
        deducted: dict[str, int] = {cause: int(us) for cause, us in zip(causes, more[:-1], strict=True)}
        yield key if names else (), Sums(int(up), int(down), int(unknown), deducted), bool(more[-1])


def _row(
    by: str,
    key: tuple[str, ...],
    sums: Sums,
    profile: Profile,
    members: list[tuple[Verdict, bool]] | None,
    *,
    ripe: bool,
) -> dict[str, Any]:
    """One row; `members` are the verdict and long outage of each bound connector, None where nothing is bound."""
    verdict = None if members is None else sums.verdict(profile)
    members = members or []
    return {
        "level": by,
        "id": key[-1] if key else "city",
        "operator_id": key[0] if "operator_id" in LEVELS[by] else None,
        "required_s": seconds(sums.required),
        "up_s": seconds(sums.up),
        "down_s": seconds(sums.down),
        "unknown_s": seconds(sums.unknown),
        "deducted_s": {cause: seconds(us) for cause, us in sums.deducted.items() if us},
        "ratio": truncated(sums.up, sums.required),
        "ratio_upper": truncated(sums.up + sums.unknown, sums.required),
        "threshold": str(profile.threshold.value),
        "verdict": verdict,
        "breach": verdict == "fail" or (verdict == "pending" and ripe),
        "connectors": len(members),
        "connectors_below": sum(own == "fail" for own, _ in members),
        "connectors_pending": sum(own == "pending" for own, _ in members),
        "connectors_out_7d": sum(long_out for _, long_out in members),
    }
