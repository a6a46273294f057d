"""The triangle, computed from the store: orders, meter registers and the grid's bills of a period's station-months."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from chargewatch import database
from chargewatch.instants import iso
from registry import snapshot
from registry.contents import Registry
from registry.placement import placements
from subsidy import periods, register_readings, statement
from subsidy.amounts import ZERO, plain
from subsidy.entitlement import Entitlement
from subsidy.findings import impossible
from subsidy.periods import Period
from subsidy.policy import Policy
from subsidy.triangle import judgement, registers
from subsidy.triangle.advances import advances
from subsidy.triangle.balance import Balance, Sides
from subsidy.triangle.windows import windows
from subsidy.versions import rows

MISMATCH = "grid_bill_mismatch"


def compute(
    connection: psycopg.Connection, *, period: str, operator: str | None, policy: Policy, as_of: datetime
) -> list[dict[str, Any]]:
    """One row a station and month, and one an account that several stations share; quantities as decimal text."""
    when = periods.parse(period)
    months = periods.months_between(when.first_day, when.end_day)
    registry = snapshot.load(connection, as_of)
    due = statement.entitlement(connection, when, policy, as_of)
    connectors = connector_months(connection, registry, due, months, as_of)
    found = [one for one in _balances(due, registry, connectors) if when.holds(periods.parse(one.month).first_day)]
    beyond = _beyond_advance(due)
    named = {"as_of": iso(as_of), "rehearsal": database.is_rehearsal(connection)}
    return [
        {**row, **named}
        for one in found
        for row in _rows(one, beyond)
        if operator is None or operator in row["operators"]
    ]


def connector_months(
    connection: psycopg.Connection, registry: Registry, due: Entitlement, months: list[Period], as_of: datetime
) -> pd.DataFrame:
    """What the meters of all connectors saw in some months, as of triangle.advances."""
    policy = due.policy
    within_h = int(policy.findings.triangle_difference.readings_within.value)
    # A month further: where its first order begins, the last month's window ends.
    following = periods.month_of(months[-1].end_day)
    runs = placements(registry, policy.zone, months[0].first_day, following.end_day)
    live = ~due.sessions["void"].to_numpy(dtype=np.bool_) & ~impossible(due.sessions)
    place = due.place[live[due.place["row"].to_numpy()]]
    orders = due.sessions.iloc[place["row"].to_numpy()][["started_us", "ended_us"]]
    orders = orders.assign(connector_no=place["connector_no"].to_numpy()).reset_index(drop=True)
    found = windows(runs, orders, [*months, following], policy.zone, within_h)
    found = found[found["month"] != following.name].reset_index(drop=True)
    meters = registers.of_connectors(rows(registry.tables["meters"]), policy.zone)
    changed = [
        registers.exchange_days(meters, (operator_id, connector_id), since, until)
        for operator_id, connector_id, since, until in zip(
            *(found[name] for name in ("operator_id", "connector_id", "since_us", "until_us")), strict=True
        )
    ]
    found["changed_from_us"] = np.array([first for first, _ in changed], dtype=np.int64)
    found["changed_to_us"] = np.array([last for _, last in changed], dtype=np.int64)
    return advances(register_readings.summed(connection, found, within_h, as_of), meters)


def _balances(due: Entitlement, registry: Registry, connectors: pd.DataFrame) -> list[Balance]:
    count = len(due.sessions)
    held = np.zeros(count, dtype=np.bool_)
    for finding in due.findings:
        if finding.effect == "hold" and finding.rule != MISMATCH:
            held |= finding.at
    live = ~due.sessions["void"].to_numpy(dtype=np.bool_) & ~impossible(due.sessions)
    energy, of = due.sessions["energy_kwh"].to_numpy(), judgement.keys(due.place)
    return judgement.balances(energy, of, live, held, registry.tables, due.policy, connectors)


def _beyond_advance(due: Entitlement) -> dict[judgement.Key, int]:
    """By station-month how many orders stand beyond their meter's advance."""
    counts: dict[judgement.Key, int] = {}
    of = judgement.keys(due.place)
    for finding in due.findings:
        if finding.rule == "beyond_advance":
            for nth in np.flatnonzero(finding.at):
                counts[of[nth]] = counts.get(of[nth], 0) + 1
    return counts


def _rows(one: Balance, beyond: dict[judgement.Key, int]) -> Iterator[dict[str, Any]]:
    shared = len(one.stations) > 1
    for side in one.stations:
        over = beyond.get((side.station, side.month), 0)
        yield _row([side], one, None if shared else one, over, "shared account" if shared else one.supply.state)
    if shared:
        over = sum(beyond.get((side.station, side.month), 0) for side in one.stations)
        yield _row(list(one.stations), one, one, over, one.supply.state)


def _row(sides: list[Sides], of: Balance, judged: Balance | None, beyond: int, bill: str) -> dict[str, Any]:
    orders = sum((side.orders_kwh for side in sides), ZERO)
    parts = [side.metered_kwh for side in sides]
    metered = None if None in parts else sum((part for part in parts if part is not None), ZERO)
    supplied = judged.supply.kwh if judged else None
    codes = (["beyond_advance"] if beyond else []) + ([MISMATCH] if judged and judged.beyond_supply else [])
    codes += ["triangle_difference"] if judged and judged.differences else []
    return {
        "operators": sorted({side.station[0] for side in sides}),
        "stations": [side.station[1] for side in sides],
        "month": of.month,
        "grid_account": of.account or None,
        "orders": sum(side.orders for side in sides),
        "orders_kwh": plain(orders),
        "counted_kwh": plain(sum((side.counted_kwh for side in sides), ZERO)),
        "meters_kwh": None if metered is None else plain(metered),
        "connectors": sum(side.connectors for side in sides),
        "connectors_read": sum(side.connectors_read for side in sides),
        "grid_kwh": None if supplied is None else plain(supplied),
        "bill": bill,
        "documents": list(of.supply.documents) if judged else [],
        "meters_less_orders_kwh": None if metered is None else plain(metered - orders),
        "grid_less_meters_kwh": None if metered is None or supplied is None else plain(supplied - metered),
        "grid_less_orders_kwh": None if supplied is None else plain(supplied - orders),
        "findings": codes,
        "differences": list(judged.differences) if judged else [],
    }
