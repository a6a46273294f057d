"""Figures and verdicts: sums of segments under a profile, at every level (semantics 4).

A figure is a ratio of sums, or, where the regime says so, the mean of its units' ratios; comparison is exact; display
truncates, so that a failing ratio never shows as the threshold.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H, seconds
from uptime.account import DEDUCTED, DOWN, UNKNOWN, UP
from uptime.profile import Profile
from uptime.states import STATES

Verdict = Literal["pass", "fail", "pending", "not_measurable"]
Pair = tuple[int, int]
"""Numerator and denominator, not reduced."""

LEVELS = {
    "connector": ["operator_id", "connector_id"],
    "charger": ["operator_id", "charger_id"],
    "station": ["operator_id", "station_id"],
    "operator": ["operator_id"],
    "district": ["district"],
    "city": [],
}
"""The columns of the registry that name one thing of a level."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Whole microseconds of one thing in one period, and the ratios as exact pairs of numerator and denominator."""

    up: int
    down: int
    unknown: int
    deducted: Mapping[str, int]
    means: tuple[Pair, Pair] | None = None
    """The ratio and the upper ratio where they are not those of the sums."""

    @property
    def required(self) -> int:
        """The period less what is deducted (µs)."""
        return self.up + self.down + self.unknown

    @property
    def ratio(self) -> Pair:
        """Unknown counts as down."""
        return self.means[0] if self.means else (max(self.up, 0), self.required)

    @property
    def ratio_upper(self) -> Pair:
        """Unknown counts as up."""
        return self.means[1] if self.means else (max(self.up + self.unknown, 0), self.required)

    def verdict(self, profile: Profile) -> Verdict:
        """Pass if the ratio reaches the threshold, fail if it cannot, pending if missing data alone decides."""
        if self.ratio[1] == 0:
            return "not_measurable"
        if _reaches(self.ratio, profile):
            return "pass"
        return "pending" if _reaches(self.ratio_upper, profile) else "fail"


@dataclass(frozen=True, slots=True)
class Members:
    """How many bound connectors, and how many of them fail, are pending, were out for long on end."""

    connectors: int
    below: int
    pending: int
    long_out: int


def _reaches(ratio: Pair, profile: Profile) -> bool:
    least = profile.least
    over = ratio[0] * least.denominator - least.numerator * ratio[1]
    return over >= 0 if profile.threshold.comparison == "at_least" else over > 0


def truncated(numerator: int, denominator: int) -> str | None:
    """A ratio with eight decimals, truncated; None where the denominator is zero."""
    if denominator == 0:
        return None
    digits = numerator * 10**8 // denominator
    return f"{digits // 10**8}.{digits % 10**8:08d}"


def mean(ratios: Iterable[Pair]) -> Pair:
    """The mean of ratios, exactly; those without a denominator are left out, (0, 0) where none is left."""
    sums: dict[int, int] = {}
    count = 0
    for numerator, denominator in ratios:
        if denominator:
            sums[denominator] = sums.get(denominator, 0) + numerator
            count += 1
    parts = [(numerator, denominator) for denominator, numerator in sums.items()]
    while len(parts) > 1:  # in pairs, so that the numbers grow slowly
        pairs = zip(parts[::2], parts[1::2], strict=False)
        added = [(a * d + c * b, b * d) for (a, b), (c, d) in pairs]
        parts = [*added, *parts[len(parts) // 2 * 2 :]]
    return (parts[0][0], parts[0][1] * count) if parts else (0, 0)


def tally(
    segments: pd.DataFrame, life: pd.DataFrame, profile: Profile, twelve_months_us: int | None = None
) -> pd.DataFrame:
    """What each unit has to its account at each place: the registry's ids, bound, and sums in µs.

    `segments` are those of uptime.account. Columns up, down, unknown, one for each cause or state that is deducted, and
    long_out: it was not serving for longer on end than the profile's long_outage_days. With `twelve_months_us` each
    unit has that long a year: the difference is added to what is up, where the unit stood last. Tallies of different
    units can be concatenated.
    """
    effect, rule = segments["effect"].to_numpy(), segments["rule"].to_numpy()
    length = (segments["to_us"] - segments["from_us"]).to_numpy()
    outage = (segments["outage_end_us"] - segments["outage_us"]).to_numpy()
    pieces = pd.DataFrame({"place": segments["place"].to_numpy()})
    for name, wanted in (("up", UP), ("down", DOWN), ("unknown", UNKNOWN)):
        pieces[name] = np.where(effect == wanted, length, 0)
    for index, one in enumerate(profile.causes):
        if one.effect == "deduct":
            pieces[one.cause] = np.where(rule == index, length, 0)
    for index, state in enumerate(STATES):
        if profile.states[state] == "excluded":  # type: ignore[index]
            left_out = (effect == DEDUCTED) & (rule == -1) & (segments["state"].to_numpy() == index)
            pieces[state] = np.where(left_out, length, 0)
    pieces["long_out"] = outage > profile.long_outage_days * 24 * US_PER_H
    sums = pieces.groupby("place").sum()
    places = life.loc[sums.index, ["operator_id", "connector_id", "charger_id", "station_id", "district", "bound"]]
    if twelve_months_us is not None:
        last = ~places.duplicated(["operator_id", "connector_id"], keep="last")
        measured = sums[["up", "down", "unknown", *profile.deducting]].sum(axis="columns")
        whole = measured.groupby([places["operator_id"], places["connector_id"]]).transform("sum")
        sums["up"] += np.where(last, twelve_months_us - whole, 0)
    return pd.concat([places, sums], axis="columns").reset_index(drop=True)


def figures(
    tallies: pd.DataFrame,
    profile: Profile,
    by: str,
    *,
    ripe: bool,
    everything: bool,
    verdicts: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """The rows of contract 4 at one level, by operator and id, less what the caller knows (period, settings, as_of).

    Levels above the connector sum the bound connectors only. `everything` shows what is not bound too, without a
    verdict. `ripe`: the period ended so long ago that a pending verdict is a breach. `verdicts`: what `judged` says.
    """
    bound = tallies[tallies["bound"].astype(bool)]
    names = LEVELS[by]
    members = _members(bound, names, judged(tallies, profile) if verdicts is None else verdicts)
    rows = [_row(by, key, sums, profile, members[key], ripe=ripe) for key, sums, _ in _summed(bound, names, profile)]
    if everything:
        rest = tallies[[key not in members for key in _keys(tallies, names)]]
        for key, sums, _ in _summed(rest, names, profile):
            shown = sums if by == "connector" else Sums(0, 0, 0, {})
            rows.append(_row(by, key, shown, profile, None, ripe=ripe))
    return sorted(rows, key=lambda row: (row["operator_id"] or "", row["id"]))


def judged(tallies: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Each bound connector's own verdict: operator_id, connector_id, below (fail), pending, long_out.

    For several levels of the same tallies `figures` need not ask for it again.
    """
    bound = tallies[tallies["bound"].astype(bool)]
    told = [(*key, sums.verdict(profile), long) for key, sums, long in _summed(bound, LEVELS["connector"], profile)]
    table = pd.DataFrame(told, columns=["operator_id", "connector_id", "verdict", "long_out"])
    table["below"], table["pending"] = table["verdict"] == "fail", table["verdict"] == "pending"
    return table.drop(columns="verdict")


def _members(bound: pd.DataFrame, names: list[str], verdicts: pd.DataFrame) -> dict[tuple[str, ...], Members]:
    """How many connectors each thing of a level has, and how many of them are below, pending, out for long."""
    unit = LEVELS["connector"]
    pairs = bound[list(dict.fromkeys([*names, *unit]))].drop_duplicates().merge(verdicts, on=unit)
    keys = pd.MultiIndex.from_frame(pairs[names]) if names else pd.Index(["city"] * len(pairs))
    counted = pairs[["below", "pending", "long_out"]].assign(connectors=1).astype(np.int64)
    sums = counted.groupby(keys, sort=False).sum()
    columns = ["connectors", "below", "pending", "long_out"]
    found = zip(
        sums.index if names else [()] * len(sums), sums[columns].itertuples(index=False, name=None), strict=True
    )
    return {key: Members(*counts) for key, counts in found}


def _keys(tallies: pd.DataFrame, names: list[str]) -> list[tuple[str, ...]]:
    if not names:
        return [()] * len(tallies)
    return list(tallies[names].itertuples(index=False, name=None))


def _summed(tallies: pd.DataFrame, names: list[str], profile: Profile) -> Iterator[tuple[tuple[str, ...], Sums, bool]]:
    counted = ["up", "down", "unknown", *profile.deducting, "long_out"]
    keys = pd.MultiIndex.from_frame(tallies[names]) if names else pd.Index(["city"] * len(tallies))
    sums = tallies[counted].groupby(keys, sort=True).sum()
    means = _means(tallies, names, profile)
    deducting = profile.deducting
    for key, up, down, unknown, *more in sums.itertuples(name=None):
        deducted = {name: int(us) for name, us in zip(deducting, more[:-1], strict=True)}
        own = key if names else ()
        yield own, Sums(int(up), int(down), int(unknown), deducted, means.get(own)), bool(more[-1])


def _means(tallies: pd.DataFrame, names: list[str], profile: Profile) -> dict[tuple[str, ...], tuple[Pair, Pair]]:
    """Where the profile takes the mean of its units' ratios: that of each thing of the level."""
    unit = LEVELS["connector"]
    if profile.aggregation == "ratio_of_sums" or names == unit:
        return {}
    within = list(dict.fromkeys([*names, *unit]))
    sums = tallies.groupby(within, sort=True)[["up", "down", "unknown"]].sum().reset_index()
    of: dict[tuple[str, ...], list[Sums]] = {}
    for key, row in zip(_keys(sums, names), sums[["up", "down", "unknown"]].itertuples(index=False), strict=True):
        of.setdefault(key, []).append(Sums(int(row.up), int(row.down), int(row.unknown), {}))
    return {key: (mean(one.ratio for one in own), mean(one.ratio_upper for one in own)) for key, own in of.items()}


def _row(
    by: str,
    key: tuple[str, ...],
    sums: Sums,
    profile: Profile,
    members: Members | None,
    *,
    ripe: bool,
) -> dict[str, Any]:
    """One row; `members` are its bound connectors, None where nothing is bound."""
    verdict = None if members is None else sums.verdict(profile)
    members = members or Members(0, 0, 0, 0)
    return {
        "level": by,
        "id": key[-1] if key else "city",
        "operator_id": key[0] if "operator_id" in LEVELS[by] else None,
        "required_s": seconds(sums.required),
        "up_s": seconds(sums.up),
        "down_s": seconds(sums.down),
        "unknown_s": seconds(sums.unknown),
        "deducted_s": {cause: seconds(us) for cause, us in sums.deducted.items() if us},
        "ratio": truncated(*sums.ratio),
        "ratio_upper": truncated(*sums.ratio_upper),
        "threshold": str(profile.threshold.value),
        "verdict": verdict,
        "breach": verdict == "fail" or (verdict == "pending" and ripe),
        "connectors": members.connectors,
        "connectors_below": members.below,
        "connectors_pending": members.pending,
        "connectors_out_7d": members.long_out,
    }
