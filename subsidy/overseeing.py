"""What supervision asks (137-四, 137-八, 137-十), from the store: bills, meters, conditions of operators."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg

from chargewatch.instants import from_us
from registry import snapshot
from subsidy import charging, decisions, operating, prices, qualification, verification
from subsidy.amounts import ZERO, money, plain
from subsidy.entitlement import Entitlement
from subsidy.findings import bills
from subsidy.findings.settled import settled
from subsidy.periods import Period
from subsidy.place import EPOCH
from subsidy.policy import Policy
from subsidy.statement import entitlement
from subsidy.tariffs import Tariffs
from subsidy.versions import Versions, rows

Row = dict[str, Any]


def over_charged(
    connection: psycopg.Connection, *, period: Period, operator: str | None, policy: Policy, as_of: datetime
) -> list[Row]:
    """Orders that were charged more than was published or than the cap, by the operator's pseudonym for the vehicle."""
    due = entitlement(connection, period, policy, as_of)
    first, end = (period.first_day - EPOCH).days, (period.end_day - EPOCH).days
    over, vehicles = _over(connection, due, operator, first, end, as_of)
    found = [_bill(due, one, vehicles.get(one.row, "")) for one in over]
    return sorted(found, key=lambda one: (one["operator_id"], one["vehicle"], one["start"], one["session_id"]))


def with_bills(connection: psycopg.Connection, due: Entitlement, as_of: datetime) -> Entitlement:
    """The same with the findings about bills, which no amount needs."""
    last = (due.last_day - EPOCH).days
    over, _ = _over(connection, due, None, 0, last + 1, as_of)
    known = decisions.known(connection, as_of)
    noted = [settled(one, known, due.looked) for one in bills.found(due.looked, {one.row: one for one in over})]
    return replace(due, settled=[*due.settled, *noted])


def _over(
    connection: psycopg.Connection, due: Entitlement, operator: str | None, first: int, end: int, as_of: datetime
) -> tuple[list[prices.OverCharge], dict[int, str]]:
    """Over-charged orders on policy days (since 1970), and the pseudonyms of vehicles by position."""
    policy = due.policy
    tariffs = Tariffs(rows(snapshot.load(connection, as_of).tables["tariffs"]))
    rule, capped = policy.findings.price_above_tariff, policy.findings.service_fee_above_cap
    limits = prices.Limits(rule.tolerance.value, capped.at_most.value if capped.at_most else None)
    # Without a cap only operators that published prices can be held against anything.
    operators = [one for one in due.operators if capped.at_most or one in tariffs.operators]
    if operator is not None:
        operators = [one for one in operators if one == operator]
    vehicles: dict[int, str] = {}

    def orders() -> Iterator[prices.Order]:
        for order, vehicle in charging.orders(connection, due, charging.live(due, first, end, operators), as_of):
            if vehicle:
                vehicles[order.row] = vehicle
            yield order

    return list(prices.over_charges(orders(), tariffs, limits, policy.zone)), vehicles


def _bill(due: Entitlement, one: prices.OverCharge, vehicle: str) -> Row:
    decided = due.dispositions.iloc[one.row]
    start = from_us(int(due.sessions["started_us"].iloc[one.row])).astimezone(due.policy.zone)
    return {
        "operator_id": decided["operator_id"],
        "vehicle": vehicle,
        "session_id": decided["session_id"],
        "station_id": decided["station_id"],
        "start": start.isoformat(),
        "energy_kwh": plain(decided["energy_kwh"]),
        "tariff_from": one.tariff_from,
        "charged_yuan": plain(one.charged),
        "published_yuan": None if one.published is None else plain(one.published),
        "electricity_yuan": plain(one.electricity),
        "service_yuan": plain(one.service),
        "above_cap_yuan": plain(one.above_cap),
        "over_yuan": plain(one.yuan),
        "clause": due.policy.findings.price_above_tariff.clause,
    }


def by_vehicle(found: Sequence[Row]) -> list[Row]:
    """The same by operator and pseudonym: how many orders, how much in all."""
    sums: dict[tuple[str, str], Row] = {}
    for one in found:
        key = (one["operator_id"], one["vehicle"])
        row = sums.setdefault(
            key, {"operator_id": key[0], "vehicle": key[1], "orders": 0, "energy_kwh": ZERO, "over_yuan": ZERO}
        )
        row["orders"] += 1
        row["energy_kwh"] += Decimal(one["energy_kwh"])
        row["over_yuan"] += Decimal(one["over_yuan"])
    return [
        {**row, "energy_kwh": plain(row["energy_kwh"]), "over_yuan": plain(row["over_yuan"])}
        for _, row in sorted(sums.items())
    ]


def unverified(
    connection: psycopg.Connection, *, period: Period, operator: str | None, policy: Policy, as_of: datetime
) -> list[Row]:
    """Meters with days on which no verification held, and the energy of the period that they counted then."""
    due = entitlement(connection, period, policy, as_of)
    gaps = [
        gap
        for gap in verification.gaps(rows(snapshot.load(connection, as_of).tables["meters"]))
        if operator in (None, gap.operator_id) and gap.first_day < period.end_day
        and (gap.last_day is None or gap.last_day >= period.first_day)
    ]  # fmt: skip
    inside = due.dispositions["day"] >= (period.first_day - EPOCH).days
    void = due.sessions["void"] | ~inside.to_numpy()
    return [
        {
            "operator_id": one.gap.operator_id,
            "connector_id": one.gap.connector_id,
            "meter_no": one.gap.meter_no,
            "why": one.gap.why,
            "from": one.gap.first_day.isoformat() if one.gap.first_day > EPOCH else None,
            "until": one.gap.last_day.isoformat() if one.gap.last_day else None,
            "orders": one.orders,
            "energy_kwh": plain(one.energy_kwh),
            "admitted_kwh": plain(one.admitted_kwh),
            "clause": policy.findings.meter_expired.clause,
        }
        for one in verification.touched(gaps, due.place, due.dispositions, void)
    ]


def qualifications(
    connection: psycopg.Connection, *, period: Period, operator: str | None, policy: Policy, as_of: datetime
) -> list[Row]:
    """Conditions that operators failed on days of the period, since when, and the energy that earns nothing for it."""
    due = entitlement(connection, period, policy, as_of)
    operators = Versions(snapshot.load(connection, as_of).tables["operators"], "operator_id")
    found = []
    for one in qualification.lapses(operators, policy):
        if operator not in (None, one.operator_id):
            continue
        first = max(one.first_day or period.first_day, period.first_day)
        last = min(one.last_day or period.last_day, period.last_day)
        if first > last:
            continue
        day, owner = due.dispositions["day"].to_numpy(), due.dispositions["operator_id"].to_numpy()
        at = (owner == one.operator_id) & (day >= (first - EPOCH).days) & (day <= (last - EPOCH).days)
        at &= ~due.sessions["void"].to_numpy(dtype=np.bool_)
        energy = sum(due.dispositions["energy_kwh"].to_numpy()[at], ZERO)
        said = policy.reasons[one.condition]
        found.append(
            {
                "operator_id": one.operator_id,
                "condition": one.condition,
                "clause": said.clause,
                "from": one.first_day.isoformat() if one.first_day else None,
                "until": one.last_day.isoformat() if one.last_day else None,
                "lapsed": one.lapsed,
                "orders": int(at.sum()),
                "energy_kwh": plain(energy),
                "yuan": money(operating.amount(energy, policy)),
                "zh": said.zh,
                "en": said.text,
            }
        )
    return found
