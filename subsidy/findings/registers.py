"""The order's own register readings: missing, not differing by its energy, running back or jumping between orders."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from subsidy.amounts import plain
from subsidy.findings.found import Evidence, Findings, Looked, Mask, Values, kwh
from subsidy.place import EPOCH


def found(looked: Looked) -> Iterator[Findings]:
    """Findings about readings; those between orders look at the one before at the same connector and at samples."""
    sessions = looked.sessions

    def differing(row: int) -> Values:
        names = {"first": "meter_start_kwh", "last": "meter_end_kwh", "energy": "energy_kwh"}
        return {short: plain(sessions[name].iloc[row]) for short, name in names.items()}

    yield looked.sessions_found("no_registers", unread(sessions), lambda row: {})
    yield looked.sessions_found("register_mismatch", mismatch(looked), differing)
    yield from _between(looked)


def unread(sessions: pd.DataFrame) -> Mask:
    """Orders that lack a reading."""
    missing = sessions["meter_start_kwh"].isna() | sessions["meter_end_kwh"].isna()
    return np.asarray(missing, dtype=np.bool_)


def mismatch(looked: Looked) -> Mask:
    """Orders whose readings do not differ by their energy, exactly."""
    sessions, rule = looked.sessions, looked.policy.findings.register_mismatch
    result = ~unread(sessions)
    energy = sessions["energy_kwh"].to_numpy()[result]
    advance = sessions["meter_end_kwh"].to_numpy()[result] - sessions["meter_start_kwh"].to_numpy()[result]
    tolerance = np.maximum(energy * rule.share_of_energy.value, np.array(rule.least.value, dtype=object))
    result[result] = (np.abs(advance - energy) > tolerance).astype(np.bool_)
    return result


def _between(looked: Looked) -> Iterator[Findings]:
    """From what the register last showed before an order to the order's own first reading.

    With samples that is the connector's last one before the start, or the order before, if it ended later; a sample
    that shows less than the order before says which of two orders lies.
    """
    reading = looked.readings[0]
    before, ended, partner = _order_before(looked)
    none = np.full(looked.count, -1)
    sampled = looked.seen["earlier_mwh"].to_numpy() if looked.seen is not None else none
    sampled_at = looked.seen["earlier_at"].to_numpy() if looked.seen is not None else none
    able = looked.single & (reading >= 0)
    watched = able & (sampled >= 0)
    alone = able & ~watched & (before >= 0)
    latest = np.where(ended > sampled_at, np.maximum(before, sampled), sampled)
    for code, at, shown, since in (
        ("register_back", watched & (sampled - reading > looked.limit_mwh("register_back")), sampled, sampled_at),
        ("register_jump", watched & (reading - latest > looked.limit_mwh("register_jump")), latest, sampled_at),
        ("readings_back", alone & (before - reading > looked.limit_mwh("readings_back")), before, ended),
        ("readings_jump", alone & (reading - before > looked.limit_mwh("readings_jump")), before, ended),
    ):
        at[at] &= ~_exchanged(looked, np.flatnonzero(at), since)

        def values(row: int, shown: Any = shown) -> Values:
            return {"reading": kwh(reading[row]), "before": kwh(shown[row])}

        def rests_on(row: int, shown: Any = shown, since: Any = since) -> Evidence:
            return ({"what": "register before", "at_us": int(since[row]), "energy_kwh": kwh(shown[row])},)

        yield looked.sessions_found(code, at, values, other=np.where(alone, partner, -1), rests_on=rests_on)


def _order_before(looked: Looked) -> tuple[Any, Any, Any]:
    """By order: the reading at which the one before it at its connector ended (mWh), when, and which; else -1.

    Among live orders with readings at one connector, those that ended by its start; of them the one that ended last.
    """
    reading, ended, partner = (np.full(looked.count, -1) for _ in range(3))
    row = np.flatnonzero(looked.live & looked.single & (looked.readings[0] >= 0) & (looked.readings[1] >= 0))
    if not len(row):
        return reading, ended, partner
    ends = pd.DataFrame({"connector": looked.connector[row], "at": looked.ended[row], "other": row})
    ends["reading"] = looked.readings[1][row]
    starts = pd.DataFrame({"connector": looked.connector[row], "at": looked.started[row], "row": row})
    # of orders that end at one instant the highest reading: whoever begins below it begins below one of them
    ends = ends.sort_values(["at", "reading", "other"], kind="stable")
    starts = starts.sort_values("at", kind="stable")
    met = pd.merge_asof(starts, ends.assign(ended=ends["at"]), on="at", by="connector").dropna(subset="other")
    met = met[met["row"] != met["other"]]
    where = met["row"].to_numpy()
    reading[where], ended[where] = met["reading"].to_numpy(np.int64), met["ended"].to_numpy(np.int64)
    partner[where] = met["other"].to_numpy(np.int64)
    return reading, ended, partner


def _exchanged(looked: Looked, rows: Any, since: Any) -> Mask:
    """Whether a meter of the connector was put in, taken out or ran over between an instant and the order's day."""
    meters = looked.tables.get("meters")
    result = np.zeros(len(rows), dtype=np.bool_)
    if meters is None or meters.empty:
        return result
    changed: dict[tuple[str, str], list[date]] = {}
    over: set[tuple[str, str]] = set()
    for one in meters.itertuples():
        key = (one.operator_id, one.connector_id)
        changed.setdefault(key, []).extend(day for day in (one.installed_on, one.removed_on) if day is not None)
        if one.rollover_at_kwh is not None:
            over.add(key)
    first, zone = looked.first_place, looked.policy.zone
    for index, row in enumerate(rows):
        key = (first["operator_id"].iloc[row], first["connector_id"].iloc[row])
        since_day = EPOCH.fromordinal(EPOCH.toordinal() + int(looked.day[row]))
        until = since_day
        if since[row] >= 0:
            since_day = pd.Timestamp(int(since[row]), unit="us", tz="UTC").tz_convert(zone).date()
        result[index] = key in over or any(since_day <= day <= until for day in changed.get(key, ()))
    return result
