"""Orders at times at which nobody should charge: inside declared maintenance, while the station is closed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import day_of_us, iso, seconds, to_us
from registry.opening_hours import Week, parse
from subsidy.findings.found import Evidence, Findings, Group, Ints, Looked, Mask, Values
from subsidy.place import EPOCH

_WEEK_MIN, _DAY_MIN, _US_PER_MIN = 7 * 24 * 60, 24 * 60, 60_000_000
MAINTENANCE = "routine_maintenance"
_SCOPES = {"operator": (), "station": ("station_id",), "charger": ("charger_id",), "connector": ("connector_id",)}


def found(looked: Looked) -> Iterator[Findings]:
    """Findings that need declarations and opening hours."""
    declared = _declared(looked)
    yield _in_maintenance(looked, declared)
    yield _late_maintenance(looked, declared)
    yield _outside_hours(looked)


def _declared(looked: Looked) -> list[Any]:
    """Routine maintenance that was approved and not withdrawn, by operator and id."""
    table = looked.tables.get("declarations")
    if table is None or table.empty:
        return []
    chosen = table[(table["cause"] == MAINTENANCE) & (table["approved"] == True)]  # noqa: E712
    rows = [row for row in chosen.itertuples() if _none(row.withdrawn_at)]
    return sorted(rows, key=lambda row: (row.operator_id or "", row.declaration_id))


def _in_maintenance(looked: Looked, declared: list[Any]) -> Findings:
    """By order the longest time within one declaration, and which."""
    code, place = "in_maintenance", looked.place
    longest, which = np.zeros(looked.count, dtype=np.int64), np.full(looked.count, -1)
    row = place["row"].to_numpy()
    start, end = looked.started[row], looked.ended[row]
    order = np.argsort(end, kind="stable")
    ends, sorted_place = end[order], place.iloc[order] if declared else place
    longest_order = int((looked.ended - looked.started).max()) if looked.count else 0
    for number, one in enumerate(declared):
        from_us, to_us = _us(one.start), _us(one.end)
        first, last = np.searchsorted(ends, from_us, "right"), np.searchsorted(ends, to_us + longest_order, "right")
        near = sorted_place.iloc[first:last]
        mine = np.array(near["operator_id"] == one.operator_id, dtype=np.bool_)
        for column in _SCOPES.get(one.scope, ()):
            mine &= (near[column] == one.scope_id).to_numpy()
        at = order[first:last][mine]
        inside = np.minimum(end[at], to_us) - np.maximum(start[at], from_us)
        better = inside > longest[row[at]]
        longest[row[at[better]]], which[row[at[better]]] = inside[better], number

    def values(session: int) -> Values:
        name = declared[int(which[session])].declaration_id
        return {"seconds": seconds(int(longest[session])), "declaration": str(name)}

    def rests_on(session: int) -> Evidence:
        return (_row(declared[int(which[session])]),)

    return looked.sessions_found(code, longest > looked.limit_us(code), values, rests_on=rests_on)


def _late_maintenance(looked: Looked, declared: list[Any]) -> Findings:
    code, groups = "late_maintenance", []
    for one in declared:
        late = _us(one.filed_at) - _us(one.start)
        if late > looked.limit_us(code):
            day = (day_of_us(_us(one.start), looked.policy.zone) - EPOCH).days
            values = {"declaration": str(one.declaration_id), "seconds": seconds(late)}
            nothing = np.zeros(0, dtype=np.int64)
            groups.append(Group(one.operator_id or "", one.declaration_id, day, nothing, values, (_row(one),)))
    return looked.groups_found(code, "declaration", tuple(groups))


def _outside_hours(looked: Looked) -> Findings:
    """Orders that begin while their station is closed, the hours of the day's own row."""
    code, first = "outside_hours", looked.first_place
    hours = first["opening_hours"] if "opening_hours" in first else pd.Series(None, index=first.index, dtype=object)
    told = hours.notna().to_numpy() & (hours != "").to_numpy()
    closed = np.zeros(looked.count, dtype=np.bool_)
    row = np.flatnonzero(told & (looked.energy > 0))
    if len(row):
        local = pd.to_datetime(looked.started[row], unit="us", utc=True).tz_convert(looked.policy.zone)
        local_us = local.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
        codes, texts = pd.factorize(hours.to_numpy()[row])
        slack = looked.limit_us(code, "slack")
        for number, text in enumerate(texts):
            week = parse(str(text))
            if week is not None:
                at = codes == number
                closed[row[at]] = _closed(local_us[at], week, slack)

    def values(session: int) -> Values:
        return {"start": iso(int(looked.started[session])), "hours": str(hours.iloc[session])}

    def rests_on(session: int) -> Evidence:
        return ({"what": "opening hours", "station_id": first["station_id"].iloc[session], **values(session)},)

    return looked.sessions_found(code, closed, values, rests_on=rests_on)


def _closed(local_us: Ints, week: Week, slack_us: int) -> Mask:
    """Whether no span is open at a local time, nor within the slack before or after it."""
    # 1970-01-01 was a Thursday, the fourth day of the week
    since_monday = (local_us + 3 * _DAY_MIN * _US_PER_MIN) % (_WEEK_MIN * _US_PER_MIN)
    result = np.ones(len(local_us), dtype=np.bool_)
    whole = _WEEK_MIN * _US_PER_MIN
    for day, spans in enumerate(week):
        for opens, closes in spans:
            start = (day * _DAY_MIN + opens) * _US_PER_MIN - slack_us
            end = (day * _DAY_MIN + closes) * _US_PER_MIN + slack_us
            for turn in (-whole, 0, whole):
                result &= ~((since_monday >= start + turn) & (since_monday <= end + turn))
    return result


def _row(one: Any) -> dict[str, Any]:
    return {
        "what": "declaration", "operator_id": one.operator_id, "declaration_id": one.declaration_id, "scope": one.scope,
        "scope_id": one.scope_id, "start": iso(_us(one.start)), "end": iso(_us(one.end)),
        "filed_at": iso(_us(one.filed_at)), "reference": one.reference,
    }  # fmt: skip


def _us(moment: datetime) -> int:
    return to_us(moment)


def _none(value: Any) -> bool:
    return bool(pd.isna(value))
