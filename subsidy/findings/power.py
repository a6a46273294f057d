"""Power as the register tells it: flat up to a full battery, into none at all, or never near the rating."""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pandas as pd

from subsidy.amounts import plain
from subsidy.findings.found import Evidence, Findings, Group, Looked, Values, kwh, members


def found(looked: Looked) -> Iterator[Findings]:
    """Findings that need samples; none where only orders are given."""
    seen = looked.seen
    if seen is None:
        return
    yield _flat_power(looked, seen)
    yield _idle_discharge(looked, seen)
    yield _never_near_rating(looked, seen)


def _flat_power(looked: Looked, seen: pd.DataFrame) -> Findings:
    least, most, soc = (seen[name].to_numpy() for name in ("least_w", "most_w", "soc_last"))
    part, whole = looked.parts("flat_power", "varies_at_most")
    rule = looked.policy.findings.flat_power
    flat = (
        looked.single
        & (seen["samples"].to_numpy() >= int(rule.least_samples.value))
        & (seen["spans_us"].to_numpy() > looked.limit_us("flat_power"))
        & (most > 0)
        & ((most - least) * whole <= most * part)
    )
    if rule.needs_state_of_charge:
        flat &= soc >= int(rule.reaches.value * 100)

    def values(row: int) -> Values:
        return {"least": _kw(least[row]), "most": _kw(most[row]), "soc": _percent(soc[row])}

    def rests_on(row: int) -> Evidence:
        return ({"what": "samples inside", "count": int(seen["samples"].iloc[row]), **values(row)},)

    return looked.sessions_found("flat_power", flat, values, rests_on=rests_on)


def _idle_discharge(looked: Looked, seen: pd.DataFrame) -> Findings:
    risen, first, last = (seen[name].to_numpy() for name in ("risen_mwh", "soc_first", "soc_last"))
    idle = looked.single & (risen > looked.limit_mwh("idle_discharge")) & (first >= 0) & (last >= 0)
    idle &= last - first < int(looked.limit("idle_discharge", "rises_less_than") * 100)

    def values(row: int) -> Values:
        return {"advance": kwh(risen[row]), "first": _percent(first[row]), "last": _percent(last[row])}

    def rests_on(row: int) -> Evidence:
        return ({"what": "samples inside", "count": int(seen["samples"].iloc[row]), **values(row)},)

    return looked.sessions_found("idle_discharge", idle, values, rests_on=rests_on)


def _never_near_rating(looked: Looked, seen: pd.DataFrame) -> Findings:
    """Chargers of which no connector ever came near its rating."""
    code = "never_near_rating"
    most = seen["most_w"].to_numpy()
    row = np.flatnonzero(looked.among(code) & looked.single & (most > 0))
    first = looked.first_place.iloc[row]
    rated = [0 if pd.isna(one) else int(one * 1000) for one in first["rated_kw"]]
    each = pd.DataFrame(
        {"operator": first["operator_id"].to_numpy(), "charger": first["charger_id"].to_numpy(), "row": row,
         "most": most[row], "rated": rated, "day": looked.day[row]}
    )  # fmt: skip
    part, whole = looked.parts(code, "less_than")
    each["near"] = each["most"] * whole >= each["rated"] * part
    by = each.groupby(["operator", "charger"], sort=True)
    told = by.agg(
        near=("near", "any"), orders=("row", "size"), most=("most", "max"), rated=("rated", "max"), day=("day", "max")
    )
    told = told[~told["near"].astype(bool) & (told["orders"] >= int(looked.limit(code, "least_orders")))]
    of = members(each, ["operator", "charger"], told)
    groups = []
    for (operator_id, charger_id), one in told.iterrows():
        values = {"rated": _kw(one["rated"]), "orders": str(one["orders"]), "most": _kw(one["most"])}
        rows = of[operator_id, charger_id]
        evidence = ({"what": "registered", "rated_kw": values["rated"]}, {"what": "seen", "most_kw": values["most"]})
        groups.append(Group(str(operator_id), str(charger_id), int(one["day"]), rows, values, evidence))
    return looked.groups_found(code, "charger", tuple(groups))


def _kw(watt: int) -> str:
    return plain(Decimal(int(watt)) / 1000)


def _percent(basis_points: int) -> str:
    return plain(Decimal(int(basis_points)) / 100)
