"""What had lapsed on the order's day: the verification of its meter (137-十), its operator's conditions (137-四)."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd

from subsidy.findings.found import Evidence, Findings, Group, Looked, Values, kwh
from subsidy.place import EPOCH

_NEVER, _EVER = 10_000_000, -1_000_000


def found(looked: Looked) -> Iterator[Findings]:
    """Findings that need the registry's meters and operators."""
    yield _meter_expired(looked)
    yield _qualification_lapsed(looked)


def _meter_expired(looked: Looked) -> Findings:
    """Orders at a connector whose meter of that day was verified until an earlier day."""
    code, meters = "meter_expired", looked.tables.get("meters")
    expired, which = np.zeros(looked.count, dtype=np.bool_), np.full(looked.count, -1)
    if meters is not None and len(meters):
        told = meters[["operator_id", "connector_id", "meter_no"]].assign(
            number=np.arange(len(meters)),
            since=_days(meters["installed_on"], _EVER),
            until=_days(meters["removed_on"], _NEVER),
            verified=_days(meters["verified_until"], _NEVER),
        )
        told = told[told["verified"] < _NEVER]
        at = looked.place[["row", "operator_id", "connector_id", "day"]].astype({"operator_id": object})
        met = at.merge(told.astype({"operator_id": object}), on=["operator_id", "connector_id"])
        met = met[(met["since"] <= met["day"]) & (met["day"] < met["until"]) & (met["verified"] < met["day"])]
        expired[met["row"].to_numpy()] = True
        which[met["row"].to_numpy()] = met["number"].to_numpy()

    def values(row: int) -> Values:
        assert meters is not None
        meter = meters.iloc[int(which[row])]
        said = {"meter": meter["meter_no"], "from": meter["verified_from"], "until": meter["verified_until"]}
        return {**{name: str(value or "") for name, value in said.items()}, "day": str(_day(int(looked.day[row])))}

    def rests_on(row: int) -> Evidence:
        return ({"what": "meter", **values(row)},)

    return looked.sessions_found(code, expired, values, rests_on=rests_on)


def _qualification_lapsed(looked: Looked) -> Findings:
    """Operators and the conditions that they failed, with the days and the energy of the orders that it touches."""
    code, first = "qualification_lapsed", looked.first_place
    codes, conditions = pd.factorize(pd.Series(first["operator_failures"].to_numpy(), dtype=object))
    failing = np.array([bool(one) for one in conditions], dtype=np.bool_)
    row = np.flatnonzero(looked.among(code) & (codes >= 0) & (failing[codes] if len(failing) else False))
    each = pd.DataFrame({"operator": first["operator_id"].to_numpy()[row], "failed": codes[row], "row": row})
    groups = []
    for (operator_id, number), one in each.groupby(["operator", "failed"], sort=True):
        rows = one["row"].to_numpy()
        since, until = (_day(int(looked.day[rows].min())), _day(int(looked.day[rows].max())))
        failed = ", ".join(conditions[number])
        values = {
            "from": str(since), "until": str(until), "conditions": failed, "orders": str(len(rows)),
            "energy": kwh(int(looked.energy[rows].sum())),
        }  # fmt: skip
        groups.append(Group(str(operator_id), failed, int(looked.day[rows].min()), np.sort(rows), values))
    return looked.groups_found(code, "operator", tuple(groups))


def _days(days: "pd.Series[date]", empty: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array([empty if pd.isna(day) else (day - EPOCH).days for day in days], dtype=np.int64)


def _day(number: int) -> date:
    return date.fromordinal(EPOCH.toordinal() + number)
