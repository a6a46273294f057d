"""The reference's orders: which version counts, what is rejected or held, one session at a time (semantics 7, 8)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import reference_findings as findings

from subsidy.periods import Period
from tests.subsidy_world import POLICY, ZONE, Session, World

FEN = Decimal("0.01")
DAY = timedelta(days=1)


def counting(world: World) -> Iterator[tuple[Session, bool]]:
    """The versions that count, each with whether its id is contradictory."""
    ids = sorted({(one.operator_id, one.session_id) for one in world.sessions})
    for operator_id, session_id in ids:
        versions = [one for one in world.sessions if (one.operator_id, one.session_id) == (operator_id, session_id)]
        orders: list[list[Session]] = []
        for one in sorted(versions, key=lambda one: (sorted(one.connectors), one.start)):
            before = orders[-1][0] if orders else None
            here = before is not None and set(before.connectors) == set(one.connectors)
            if before is not None and here and one.start - before.start <= timedelta(hours=24):
                orders[-1].append(one)
            else:
                orders.append([one])
        for order in orders:
            yield max(order, key=lambda one: (one.revision, one.received, one.content)), len(orders) > 1


def dispositions(world: World) -> list[tuple[Session, list[str]]]:
    """Every session that counts with its disposition and the reasons for it."""
    all_of_them = list(counting(world))
    _, receipts = world.first_signs()
    live = [one for one, _ in all_of_them if not one.void]
    judged = []
    for one, contradictory in all_of_them:
        rejected = rejections(world, one, receipts)
        others = [other for other in live if other is not one]
        held = [] if one.void else holds(world, one, others, contradictory)
        held += [] if one.void else listed(findings.holding(world, one, live))
        judged.append((one, rejected, held))
    beyond = findings.beyond_advance(world, [one for one, rejected, held in judged if not rejected and not held])
    found = []
    for one, rejected, held in judged:
        exceeding = ["beyond_advance"] if any(one is other for other in beyond) else []
        disposition = "rejected" if rejected else "held" if held or exceeding else "admitted"
        found.append((one, [disposition, *rejected, *held, *exceeding]))
    return found


LATER = (
    "large_energy", "register_back", "register_jump", "beyond_meter", "no_sign_inside", "in_bad_state", "flat_power",
    "idle_discharge", "one_vehicle", "fleet_as_public", "micro_sessions", "too_regular", "in_maintenance",
    "outside_hours", "meter_expired",
)  # fmt: skip


def listed(codes: list[str]) -> list[str]:
    """In the order in which reasons are listed."""
    return sorted(codes, key=LATER.index)


def day_of(one: Session) -> date:
    """Policy day of the last instant before the end."""
    return (one.end.astimezone(ZONE) - timedelta(microseconds=1)).date()


def rejections(world: World, one: Session, receipts: dict[tuple[str, str], datetime]) -> list[str]:
    """Why a session earns nothing, whatever a person decides."""
    day = day_of(one)
    found = set()
    for connector_id in one.connectors:
        charger_id, station_id = world.place(one.operator_id, connector_id, day)
        charger = world.in_force("chargers", day, operator_id=one.operator_id, charger_id=charger_id or "")
        station = world.in_force("stations", day, operator_id=one.operator_id, station_id=station_id or "")
        if charger is None or station is None:
            found.add("not_registered")
            charger = charger or world.first_row("chargers", operator_id=one.operator_id, charger_id=charger_id or "")
            station = station or world.first_row(
                "stations", operator_id=one.operator_id, station_id=charger["station_id"]
            )
        if station["category"] != "public":
            found.add("not_public")
        if station["district"] not in POLICY.districts.values:
            found.add("outside_scope")
        receipt = receipts.get((one.operator_id, station["station_id"]))
        managed = station.get("platform_managed_from")
        if managed is None or day < managed or receipt is None or day < receipt.astimezone(ZONE).date():
            found.add("not_managed")
        first, last = charger.get("commissioned_on"), charger.get("retired_on")
        if (first and day < first) or (last and day >= last):
            found.add("outside_service_life")
    if one.void:
        found.add("void")
    if one.end == one.start and one.energy_kwh > 0:
        found.add("impossible")
    if not date(2022, 1, 1) <= day <= date(2023, 12, 31):
        found.add("outside_window")
    found.update(unqualified(world, one.operator_id, day))
    order = [
        "void", "impossible", "outside_window", "not_registered", "not_public", "outside_scope", "not_managed",
        "outside_service_life",
    ]  # fmt: skip
    return [code for code in order if code in found] + sorted(found - set(order))


def holds(world: World, one: Session, others: list[Session], contradictory: bool) -> list[str]:
    """What holds a session back, in the order in which the findings are listed."""
    length = (one.end - one.start) / timedelta(microseconds=1)
    hours = Fraction(int(length)) / (3600 * 10**6)
    repeated = any(_repeats(one, other) for other in others)
    found = []
    rest = [
        other for other in others if not any(_repeats(other, third) for third in [*others, one] if third is not other)
    ]
    if not repeated and any(_overlap(one, other) > timedelta(seconds=60) for other in rest):
        found.append("overlap")
    if repeated:
        found.append("repeat")
    rows = [
        world.in_force("connectors", day_of(one), operator_id=one.operator_id, connector_id=c) for c in one.connectors
    ]
    rated = sum(Fraction(row["rated_kw"]) for row in rows if row)
    if one.energy_kwh > 0 and Fraction(one.energy_kwh) >= rated * hours * Fraction(11, 10):
        found.append("beyond_rating")
    if one.registers is None:
        found.append("no_registers")
    elif not registers_agree(one):
        found.append("register_mismatch")
    if one.received - one.end > timedelta(days=15):
        found.append("late_order")
    if contradictory:
        found.append("contradictory_id")
    if one.end - one.start > timedelta(hours=168):
        found.append("long_duration")
    return found


def _repeats(one: Session, other: Session) -> bool:
    same = (one.start, one.end, one.energy_kwh) == (other.start, other.end, other.energy_kwh)
    return same and one.energy_kwh > 0 and not one.void and _receipt(other) < _receipt(one)


def _receipt(one: Session) -> tuple[Any, ...]:
    return (one.received, one.operator_id, one.session_id, one.content)


def _overlap(one: Session, other: Session) -> timedelta:
    if one.operator_id != other.operator_id or not set(one.connectors) & set(other.connectors):
        return timedelta(0)
    return min(one.end, other.end) - max(one.start, other.start)


def registers_agree(one: Session) -> bool:
    if one.registers is None:
        return False
    difference = abs(one.registers[1] - one.registers[0] - one.energy_kwh)
    return difference <= max(one.energy_kwh * Decimal("0.01"), Decimal("0.05"))


def operating(world: World, decided: list[tuple[Session, list[str]]], period: Period) -> Decimal:
    """What the period's lines of operator A pay, each rounded once."""
    admitted: dict[tuple[str | None, str], Decimal] = {}
    for one, (disposition, *_) in decided:
        day = day_of(one)
        if one.operator_id == "A" and disposition == "admitted" and period.holds(day):
            line = (world.place(one.operator_id, min(one.connectors), day)[1], f"{day:%Y-%m}")
            admitted[line] = admitted.get(line, Decimal(0)) + one.energy_kwh
    rate = Decimal("0.10")
    return sum((fen(energy * rate) for energy in admitted.values()), Decimal(0))


def unqualified(world: World, operator_id: str, day: date) -> list[str]:
    """What of condition 5 an operator fails on a day."""
    row = world.in_force("operators", day, operator_id=operator_id)
    if row is None:
        return ["operator_not_admitted"]
    found = []
    if row["legal_form"] == "other":
        found.append("operator_legal_form")
    for column, code in (
        ("business_scope", "operator_business_scope"),
        ("credit_good", "operator_credit"),
        ("management_system", "operator_management_system"),
        ("maintenance_team", "operator_maintenance_team"),
        ("platform_commitment", "operator_platform_commitment"),
    ):
        if not row[column]:
            found.append(code)
    if not row.get("admitted_on") or row["admitted_on"] > day:
        found.append("operator_not_admitted")
    if row.get("suspended_on") and row["suspended_on"] <= day <= (row.get("suspended_until") or date.max):
        found.append("operator_suspended")
    if row.get("barred_from") and row["barred_from"] <= day <= (row.get("barred_until") or date.max):
        found.append("operator_barred")
    return found


def fen(yuan: Decimal) -> Decimal:
    """Rounded half-up to the fen."""
    return yuan.quantize(FEN, rounding=ROUND_HALF_UP)
