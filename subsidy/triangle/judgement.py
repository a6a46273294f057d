"""Station-months held against the grid's bills: from orders alone for statements, with the meters for `reconcile`."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from subsidy import periods, serials
from subsidy.amounts import ZERO
from subsidy.policy import Policy
from subsidy.triangle.balance import Balance, Sides, Station, balance
from subsidy.triangle.bills import Bills, Supply
from subsidy.versions import Versions, rows

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Key = tuple[Station, str]
"""A station and a month."""


def keys(place: pd.DataFrame) -> list[Key]:
    """By order the station and month that it belongs to: of its least connector id, as its disposition is."""
    first = place.sort_values(["row", "connector_id"], kind="stable").drop_duplicates("row")
    months = first["day"].to_numpy().astype("datetime64[D]").astype("datetime64[M]").astype(str)
    stations = zip(first["operator_id"], first["station_id"], strict=True)
    return list(zip(stations, months.tolist(), strict=True))


def balances(
    energy: Any,
    of: list[Key],
    live: Mask,
    held: Mask,
    tables: Mapping[str, pd.DataFrame],
    policy: Policy,
    connectors: pd.DataFrame | None = None,
) -> list[Balance]:
    """Every station-month with orders (or meters), those on one grid account together, by month and account.

    `energy` (kWh), `of`, `live` (possible, and not taken back) and `held` (by other findings) by order; `connectors` as
    of triangle.advances.
    """
    sides = _sides(_orders(energy, of, live, held), _meters(connectors), tables["stations"])
    bills = Bills(rows(tables["grid_bills"]))
    groups: dict[tuple[str, str, Any], list[Sides]] = {}
    for one in sides:
        groups.setdefault((one.month, one.account, "" if one.account else one.station), []).append(one)
    limits = policy.findings.grid_bill_mismatch, policy.findings.triangle_difference
    return [
        balance(
            group,
            account,
            bills.supplied(account, periods.parse(month)) if account else Supply(None, "no account"),
            *limits,
        )
        for (month, account, _), group in sorted(groups.items(), key=lambda item: (*item[0][:2], str(item[0][2])))
    ]


def numbers(found: list[Balance], of: list[Key]) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """By order the position of its balance, or -1."""
    at = {(one.station, one.month): number for number, each in enumerate(found) for one in each.stations}
    return np.array([at.get(key, -1) for key in of], dtype=np.int64)


def _orders(energy: Any, of: list[Key], live: Mask, held: Mask) -> dict[Key, tuple[int, Decimal, Decimal]]:
    found: dict[Key, tuple[int, Decimal, Decimal]] = {}
    for nth in np.flatnonzero(live):
        count, whole, counted = found.get(of[nth], (0, ZERO, ZERO))
        more = ZERO if held[nth] else energy[nth]
        found[of[nth]] = (count + 1, whole + energy[nth], counted + more)
    return found


def _meters(connectors: pd.DataFrame | None) -> dict[Key, tuple[int, int, Decimal | None]]:
    """Connectors, how many were read, and what their registers saw; None where one with orders was not read."""
    found: dict[Key, tuple[int, int, Decimal | None]] = {}
    if connectors is None:
        return found
    names = ["operator_id", "station_id", "month", "orders", "samples", "advance_kwh", "entering_kwh"]
    for operator_id, station_id, month, orders, samples, advance, entering in zip(
        *(connectors[name] for name in names), strict=True
    ):
        key = ((operator_id, station_id), month)
        whole, read, kwh = found.get(key, (0, 0, ZERO))
        seen = None if kwh is None or (orders and not samples) else kwh + advance + entering
        found[key] = (whole + 1, read + bool(samples), seen)
    return found


def _sides(
    orders: Mapping[Key, tuple[int, Decimal, Decimal]],
    meters: Mapping[Key, tuple[int, int, Decimal | None]],
    stations: pd.DataFrame,
) -> Iterable[Sides]:
    versions = Versions(stations, "operator_id", "station_id")
    for key in sorted(set(orders) | set(meters)):
        station, month = key
        count, whole_kwh, counted_kwh = orders.get(key, (0, ZERO, ZERO))
        connectors, read, metered = meters.get(key, (0, 0, ZERO))
        row = versions.on(periods.parse(month).last_day, *station) or {}
        yield Sides(
            station, month, count, whole_kwh, counted_kwh, metered if read else None, connectors, read,
            serials.normal(row.get("grid_account")),
        )  # fmt: skip
