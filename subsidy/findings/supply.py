"""Orders of a station's month against what the grid supplied to its account (137-六, the triangle's outer side)."""

from collections.abc import Iterator

import numpy as np

from subsidy import serials
from subsidy.amounts import ZERO, plain
from subsidy.findings.found import Findings, Group, Looked, Mask
from subsidy.findings.orders import impossible
from subsidy.triangle.balance import Balance
from subsidy.triangle.judgement import balances, keys


def found(looked: Looked, held: Mask) -> list[Findings]:
    """Account-months whose orders exceed the bill, and those that it leaves unexplained; after all other rules.

    `held`: orders that another finding holds; they are not held against the rest.
    """
    mismatch, difference = list[Group](), list[Group]()
    billed = _billed(looked)
    if billed.any():
        row = np.flatnonzero(billed & looked.live & ~impossible(looked.sessions))
        of = [key for key, one in zip(keys(looked.place), billed, strict=True) if one]
        of = [of[nth] for nth in np.searchsorted(np.flatnonzero(billed), row)]
        energy = looked.sessions["energy_kwh"].to_numpy()[row]
        live = np.ones(len(row), dtype=np.bool_)
        for one in balances(energy, of, live, held[row], looked.tables, looked.policy):
            places = {(side.station, side.month) for side in one.stations}
            mine = row[[key in places for key in of]]
            if one.beyond_supply:
                mismatch += _by_operator(one, mine[~held[mine]], looked)
            if one.differences:
                difference += _by_operator(one, mine, looked)
    return [
        looked.groups_found("grid_bill_mismatch", "account-month", tuple(mismatch)),
        looked.groups_found("triangle_difference", "account-month", tuple(difference)),
    ]


def _billed(looked: Looked) -> Mask:
    """Orders at stations with an account for which there is some bill."""
    nobody = np.zeros(looked.count, dtype=np.bool_)
    bills, stations = looked.tables.get("grid_bills"), looked.tables.get("stations")
    if bills is None or stations is None or not len(bills):
        return nobody
    accounts = {serials.normal(one) for one in bills["grid_account"]}
    with_bill = stations[[serials.normal(one) in accounts for one in stations["grid_account"]]]
    names = set(zip(with_bill["operator_id"], with_bill["station_id"], strict=True))
    first = looked.first_place
    at = zip(first["operator_id"], first["station_id"], strict=True)
    return np.array([one in names for one in at], dtype=np.bool_) if names else nobody


def _by_operator(one: Balance, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]", looked: Looked) -> Iterator[Group]:
    """The finding once for every operator on the account, with his orders."""
    counted = sum((side.counted_kwh for side in one.stations), ZERO)
    values = {
        "account": one.account, "month": one.month, "orders": plain(counted),
        "supplied": plain(one.supply.kwh or ZERO), "differences": "; ".join(one.differences),
    }  # fmt: skip
    evidence = tuple({"what": "grid bill", "document": document} for document in one.supply.documents)
    owner = looked.first_place["operator_id"].to_numpy()[rows]
    for operator_id in sorted({side.station[0] for side in one.stations}):
        mine = np.sort(rows[owner == operator_id])
        if len(mine):
            day = int(looked.day[mine[0]])
            yield Group(operator_id, f"{one.account}/{one.month}", day, mine, values, evidence)
