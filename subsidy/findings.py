"""What is wrong with sessions, rule by rule (semantics 8): each finding with its evidence and its threshold.

All rules are computed over whole columns; positions are those of the rows of `sessions`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H, US_PER_S
from subsidy.amounts import plain
from subsidy.policy import Policy

Mask = np.ndarray[Any, np.dtype[np.bool_]]
US = {"s": US_PER_S, "h": US_PER_H, "day": 24 * US_PER_H}


@dataclass(frozen=True, slots=True)
class Findings:
    """Found by one rule: where, against which other session (position, or -1), what was seen, and the threshold."""

    rule: str
    effect: str
    at: Mask
    other: np.ndarray[Any, np.dtype[np.int64]]
    seen: Callable[[int], str]
    threshold: str

    @property
    def count(self) -> int:
        """How many sessions the rule found."""
        return int(self.at.sum())


def of_sessions(sessions: pd.DataFrame, place: pd.DataFrame, contradictory: Mask, policy: Policy) -> list[Findings]:
    """Every rule's findings among the sessions that count; one that was taken back is not looked at.

    `sessions`: the counting rows, with received_us, boot_id, seq, place besides the columns of uptime.sessions;
    `place`: as subsidy.place gives it; `contradictory`: their ids were used elsewhere or at another time.
    """
    live = ~sessions["void"].to_numpy(dtype=np.bool_)
    repeated, original = repeats(sessions, live & _of_kinds(place, len(live), policy, "repeat"))
    overlapped, partner = overlaps(
        sessions, place, live & ~repeated & _of_kinds(place, len(live), policy, "overlap"), _limit_us(policy, "overlap")
    )
    none = np.full(len(live), -1)
    energy, lengths = sessions["energy_kwh"].to_numpy(), _lengths(sessions)
    rated = rated_kw(place, len(live))
    rules = policy.findings
    factor = rules.beyond_rating.at_or_beyond.value
    found = [
        ("overlap", overlapped, partner, lambda i: f"{plain(Decimal(int(lengths[i])) / US_PER_S)} s long"),
        ("repeat", repeated, original, lambda i: f"{plain(energy[i])} kWh, same start and end"),
        (
            "beyond_rating",
            beyond_rating(energy, lengths, rated, factor),
            none,
            lambda i: (
                f"{plain(energy[i])} kWh in {plain(Decimal(int(lengths[i])) / US_PER_S)} s at {plain(rated[i])} kW"
            ),
        ),
        ("no_registers", _unread(sessions), none, lambda i: "a reading is missing"),
        ("register_mismatch", _mismatch(sessions, policy), none, lambda i: _registers(sessions, i)),
        (
            "late_order",
            _late(sessions) > _limit_us(policy, "late_order"),
            none,
            lambda i: f"received {plain(Decimal(int(_late(sessions)[i])) / US['day'])} days after its end",
        ),
        ("contradictory_id", contradictory, none, lambda i: f"order {sessions['session_id'].iloc[i]}"),
        (
            "long_duration",
            lengths > _limit_us(policy, "long_duration"),
            none,
            lambda i: f"{plain(Decimal(int(lengths[i])) / US_PER_H)} h long",
        ),
    ]
    return [
        Findings(
            code,
            rules.rule(code).effect,
            np.asarray(at & live & _of_kinds(place, len(live), policy, code), dtype=np.bool_),
            other,
            seen,
            threshold(code, policy),
        )
        for code, at, other, seen in found
    ]


def threshold(code: str, policy: Policy) -> str:
    """A rule's threshold in words, as the policy states it."""
    rule = policy.findings.rule(code)
    parts = []
    for name in ("longer_than", "at_or_beyond", "share_of_energy", "least"):
        quantity = getattr(rule, name, None)
        if quantity is not None:
            parts.append(f"{name.replace('_', ' ')} {plain(quantity.value)} {quantity.unit}")
    return ", ".join(parts)


def overlaps(sessions: pd.DataFrame, place: pd.DataFrame, among: Mask, limit_us: int) -> tuple[Mask, Any]:
    """Sessions that share more than `limit_us` with another one at a connector, and one such other of each.

    Only those longer than the limit can, so among these, by connector and start, it is enough to compare the latest end
    before, and the next start.
    """
    lengths = _lengths(sessions)
    result, other = np.zeros(len(sessions), dtype=np.bool_), np.full(len(sessions), -1)
    each = place.loc[(among & (lengths > limit_us))[place["row"].to_numpy()], ["row", "connector_no"]]
    if each.empty:
        return result, other
    rows = each["row"].to_numpy()
    each = each.assign(
        start=sessions["started_us"].to_numpy()[rows],
        end=sessions["ended_us"].to_numpy()[rows],
        operator=sessions["operator_id"].to_numpy()[rows],
        id=sessions["session_id"].to_numpy()[rows],
    ).sort_values(["connector_no", "start", "end", "operator", "id"], kind="stable", ignore_index=True)
    by = each.groupby("connector_no", sort=False)
    latest = by["end"].cummax()
    # position of the row that ends latest so far: where the running maximum last rose
    rose = (latest != by["end"].cummax().groupby(each["connector_no"], sort=False).shift()).to_numpy()
    holder = np.maximum.accumulate(np.where(rose, np.arange(len(each)), 0))
    same = (each["connector_no"] == each["connector_no"].shift()).to_numpy()
    earlier = np.where(same, np.roll(holder, 1), -1)
    end, start = each["end"].to_numpy(), each["start"].to_numpy()
    with_earlier = same & (np.where(same, end[earlier], 0) - start > limit_us)
    next_same = np.append(same[1:], False)
    with_next = next_same & (end - np.append(start[1:], 0) > limit_us)
    row = each["row"].to_numpy()
    following = np.minimum(np.arange(len(each)) + 1, len(each) - 1)
    other[row[with_next]] = row[following[with_next]]
    other[row[with_earlier]] = row[earlier[with_earlier]]
    result[row[with_earlier | with_next]] = True
    return result, other


def repeats(sessions: pd.DataFrame, among: Mask) -> tuple[Mask, Any]:
    """Sessions with the start, end and energy of one received earlier under another id, and that first one.

    At whatever connector and operator. Those without energy say too little to be told apart, and are worth nothing.
    """
    result, other = np.zeros(len(sessions), dtype=np.bool_), np.full(len(sessions), -1)
    positive = among & (sessions["energy_kwh"].to_numpy() > 0).astype(np.bool_)
    same = ["started_us", "ended_us", "energy_kwh"]
    candidates = sessions.loc[positive, same].assign(row=np.flatnonzero(positive))
    candidates = candidates[candidates.duplicated(same[:2], keep=False)]
    if candidates.empty:
        return result, other
    receipt = ["received_us", "boot_id", "seq", "place", "operator_id", "session_id"]
    for name in receipt:
        candidates[name] = sessions[name].to_numpy()[candidates["row"].to_numpy()]
    candidates = candidates.sort_values(receipt, kind="stable")
    first = candidates.groupby(same, sort=False)["row"].transform("first").to_numpy()
    row = candidates["row"].to_numpy()
    later = row != first
    result[row[later]] = True
    other[row[later]] = first[later]
    return result, other


def beyond_rating(energy: Any, lengths_us: Any, rated: Any, factor: Decimal) -> Any:
    """Energy at or beyond rated power × duration × factor, exactly; an order without energy never is."""
    return np.asarray((energy > 0) & (energy * US_PER_H >= rated * lengths_us.astype(object) * factor), dtype=np.bool_)


def rated_kw(place: pd.DataFrame, count: int) -> Any:
    """By session the sum of the ratings of its connectors, kW."""
    result = np.full(count, Decimal(0), dtype=object)
    np.add.at(result, place["row"].to_numpy(), place["rated_kw"].to_numpy())
    return result


def impossible(sessions: pd.DataFrame) -> Mask:
    """Sessions that cannot be: energy in no time, negative energy, an end before the start."""
    lengths, energy = _lengths(sessions), sessions["energy_kwh"].to_numpy()
    positive, negative = (energy > 0).astype(np.bool_), (energy < 0).astype(np.bool_)
    return np.asarray((lengths < 0) | negative | ((lengths == 0) & positive), dtype=np.bool_)


def _mismatch(sessions: pd.DataFrame, policy: Policy) -> Mask:
    rule = policy.findings.register_mismatch
    result = ~_unread(sessions)
    energy = sessions["energy_kwh"].to_numpy()[result]
    advance = sessions["meter_end_kwh"].to_numpy()[result] - sessions["meter_start_kwh"].to_numpy()[result]
    tolerance = np.maximum(energy * rule.share_of_energy.value, np.array(rule.least.value, dtype=object))
    result[result] = (np.abs(advance - energy) > tolerance).astype(np.bool_)
    return result


def _unread(sessions: pd.DataFrame) -> Mask:
    missing = sessions["meter_start_kwh"].isna() | sessions["meter_end_kwh"].isna()
    return np.asarray(missing, dtype=np.bool_)


def _registers(sessions: pd.DataFrame, row: int) -> str:
    first, last, energy = (sessions[name].iloc[row] for name in ("meter_start_kwh", "meter_end_kwh", "energy_kwh"))
    return f"readings {plain(first)} and {plain(last)}, energy {plain(energy)} kWh"


def _late(sessions: pd.DataFrame) -> Any:
    return sessions["received_us"].to_numpy() - sessions["ended_us"].to_numpy()


def _lengths(sessions: pd.DataFrame) -> Any:
    return sessions["ended_us"].to_numpy() - sessions["started_us"].to_numpy()


def _limit_us(policy: Policy, code: str) -> int:
    quantity = getattr(policy.findings.rule(code), "longer_than")  # noqa: B009  (only some rules have one)
    return int(quantity.value * US[quantity.unit])


def _of_kinds(place: pd.DataFrame, count: int, policy: Policy, code: str) -> Mask:
    """Sessions at a connector of a kind that the rule applies to."""
    result = np.zeros(count, dtype=np.bool_)
    applies = place["kind"].isin(policy.findings.rule(code).kinds).to_numpy(dtype=np.bool_)
    result[place["row"].to_numpy()[applies]] = True
    return result
