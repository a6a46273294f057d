"""Orders by themselves and beside each other: overlaps, repeats, late ones, and what no charger or vehicle can do.

All rules are computed over whole columns; positions are those of the rows of `sessions`.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H, US_PER_S
from subsidy.amounts import plain
from subsidy.findings.found import US, Findings, Looked, Mask, Values


def found(looked: Looked) -> Iterator[Findings]:
    """Findings about orders, each by itself or with another one."""
    sessions, place, policy = looked.sessions, looked.place, looked.policy
    repeated, original = repeats(sessions, looked.among("repeat"))
    overlapped, partner = overlaps(sessions, place, looked.among("overlap") & ~repeated, looked.limit_us("overlap"))
    energy, length = sessions["energy_kwh"].to_numpy(), looked.ended - looked.started
    rated = rated_kw(place, len(sessions))
    late = sessions["received_us"].to_numpy() - looked.ended

    def named(row: int) -> Values:
        return {"other": str(sessions["session_id"].iloc[row])}

    def shared(row: int) -> Values:
        other = int(partner[row])
        common = min(looked.ended[row], looked.ended[other]) - max(looked.started[row], looked.started[other])
        return {**named(other), "seconds": _in(common, US_PER_S)}

    def delivered(row: int) -> Values:
        return {"energy": plain(energy[row]), "seconds": _in(length[row], US_PER_S), "rated": plain(rated[row])}

    yield looked.sessions_found("overlap", overlapped, shared, other=partner)
    yield looked.sessions_found("repeat", repeated, lambda row: named(int(original[row])), other=original)
    beyond = beyond_rating(energy, length, rated, looked.limit("beyond_rating", "at_or_beyond"))
    yield looked.sessions_found("beyond_rating", beyond, delivered)
    yield looked.sessions_found(
        "late_order", late > looked.limit_us("late_order"), lambda row: {"days": _in(late[row], US["day"])}
    )
    yield looked.sessions_found("contradictory_id", looked.contradictory, lambda row: {"order": named(row)["other"]})
    too_long = length > looked.limit_us("long_duration")
    yield looked.sessions_found("long_duration", too_long, lambda row: {"hours": _in(length[row], US_PER_H)})
    large = (energy > policy.findings.large_energy.more_than.value).astype(np.bool_)
    yield looked.sessions_found("large_energy", large, lambda row: {"energy": plain(energy[row])})


def overlaps(sessions: pd.DataFrame, place: pd.DataFrame, among: Mask, limit_us: int) -> tuple[Mask, Any]:
    """Sessions that share more than `limit_us` with another one at a connector, and one such other of each.

    Only those longer than the limit can, so among these, by connector and start, it is enough to compare the latest end
    before, and the next start.
    """
    length_us = lengths(sessions)
    result, other = np.zeros(len(sessions), dtype=np.bool_), np.full(len(sessions), -1)
    each = place.loc[(among & (length_us > limit_us))[place["row"].to_numpy()], ["row", "connector_no"]]
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
    receipt = ["received_us", "boot_id", "seq", "place", "operator_id", "session_id", "content_sha256"]
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
    length_us, energy = lengths(sessions), sessions["energy_kwh"].to_numpy()
    positive, negative = (energy > 0).astype(np.bool_), (energy < 0).astype(np.bool_)
    return np.asarray((length_us < 0) | negative | ((length_us == 0) & positive), dtype=np.bool_)


def lengths(sessions: pd.DataFrame) -> Any:
    """From start to end, µs."""
    return sessions["ended_us"].to_numpy() - sessions["started_us"].to_numpy()


def _in(us: int, unit_us: int) -> str:
    return plain((Decimal(int(us)) / unit_us).quantize(Decimal("0.000001")))
