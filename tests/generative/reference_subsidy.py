"""Subsidies a second time: slow and obvious, one session, one charger and one day at a time, for the tests only.

Written from the specification (semantics 6 to 8), not from the engine; it shares no code with it but the policy's
numbers, `periods` and the small world's rows.
"""

import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from subsidy.periods import Period
from tests.subsidy_world import POLICY, ZONE, Row, Session, World

FEN = Decimal("0.01")
DAY = timedelta(days=1)


def outcome(world: World, period: Period) -> dict[str, Any]:
    """Amounts or reasons by charger, dispositions by session, and the sums, of operator A."""
    decided = dispositions(world)
    awards = all_awards(world, period.last_day)
    build: dict[str, Any] = {}
    for key in chargers(world):
        if key[0] != "A":
            continue
        made = awards.get(key)
        if made and made[0] < period.first_day:
            continue
        if made:
            build[key[1]] = f"{made[1]:.2f}"
        else:
            build[key[1]] = failures(world, key, period.last_day) + (
                ["already_subsidised"] if subsidised(world, key, period.last_day, awards) else []
            )
    amounts = [Decimal(amount) for amount in build.values() if isinstance(amount, str)]
    return {
        "build": build,
        "build_yuan": f"{sum(amounts, Decimal(0)):.2f}",
        "sessions": {one.session_id: found for one, found in decided if one.operator_id == "A"},
        "operating_yuan": f"{operating(world, decided, period):.2f}",
        "findings": {"duplicate_serial": str(len(shared_serials(world, "A")))},
    }


# sessions


def counting(world: World) -> Iterator[tuple[Session, bool]]:
    """The versions that count, each with whether its id is contradictory."""
    ids = sorted({(one.operator_id, one.session_id) for one in world.sessions})
    for operator_id, session_id in ids:
        versions = [one for one in world.sessions if (one.operator_id, one.session_id) == (operator_id, session_id)]
        orders: list[list[Session]] = []
        for one in sorted(versions, key=lambda one: (sorted(one.connectors), one.start)):
            before = orders[-1][-1] if orders else None
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
    found = []
    for one, contradictory in all_of_them:
        rejected = rejections(world, one, receipts)
        others = [other for other, _ in all_of_them if other is not one and not other.void]
        held = [] if one.void else holds(world, one, others, contradictory)
        disposition = "rejected" if rejected else "held" if held else "admitted"
        found.append((one, [disposition, *rejected, *held]))
    return found


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
    elif not _registers_agree(one):
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
    return (one.received, one.operator_id, one.session_id)


def _overlap(one: Session, other: Session) -> timedelta:
    if one.operator_id != other.operator_id or not set(one.connectors) & set(other.connectors):
        return timedelta(0)
    return min(one.end, other.end) - max(one.start, other.start)


def _registers_agree(one: Session) -> bool:
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


# chargers


def chargers(world: World) -> list[tuple[str, str]]:
    """Every charger's key."""
    return sorted({(row["operator_id"], row["charger_id"]) for row in world.tables.get("chargers", [])})


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


def serial_of(row: Row) -> str:
    """A serial number as it is compared."""
    text = unicodedata.normalize("NFKC", row.get("serial_no") or "").upper()
    return "".join(letter for letter in text if letter not in " -‐‑–—")


def shared_serials(world: World, operator_id: str) -> set[tuple[str, str]]:
    """Chargers of an operator whose serial number is registered for another charger too."""
    told = [((row["operator_id"], row["charger_id"]), serial_of(row)) for row in world.tables.get("chargers", [])]
    return {
        key
        for key, serial in told
        if key[0] == operator_id and serial and any(other != key and serial == of for other, of in told)
    }


def failures(world: World, key: tuple[str, str], day: date) -> list[str]:
    """Conditions 1 to 5 that a charger fails on a day."""
    operator_id, charger_id = key
    row = world.in_force("chargers", day, operator_id=operator_id, charger_id=charger_id)
    if row is None:
        return ["not_registered"]
    station = world.in_force("stations", day, operator_id=operator_id, station_id=row["station_id"])
    found = []
    if not station or station["category"] != "public":
        found.append("not_public")
    if not station or station["district"] not in POLICY.districts.values:
        found.append("outside_scope")
    first, last = date(2022, 1, 1), date(2023, 12, 31)
    completed, commissioned = row.get("completed_on"), row.get("commissioned_on")
    if not completed or completed > day:
        found.append("completion_missing")
    if completed and not first <= completed <= last:
        found.append("completed_outside_window")
    if not commissioned or commissioned > day:
        found.append("commissioning_missing")
    of_serial = [
        other["commissioned_on"]
        for other in world.tables["chargers"]
        if serial_of(other) == serial_of(row) and other.get("commissioned_on")
    ]
    if of_serial and not first <= min(of_serial) <= last:
        found.append("commissioned_outside_window")
    found += operating_evidence(world, key, row, day)
    found += unqualified(world, operator_id, day)
    if not serial_of(row):
        found.append("serial_missing")
    if not row.get("rated_kw_ac" if row["kind"] == "ac" else "rated_kw_dc"):
        found.append("rating_missing")
    unit = row.get("power_unit_id")
    if row.get("form") == "split" and not (
        unit and world.in_force("power_units", day, operator_id=operator_id, power_unit_id=unit)
    ):
        found.append("split_without_power_unit")
    return found


def operating_evidence(world: World, key: tuple[str, str], row: Row, day: date) -> list[str]:
    """What of condition 4 is missing on a day."""
    operator_id, charger_id = key
    items, _ = world.first_signs()
    names = {one["connector_id"] for one in world.tables.get("connectors", []) if one["operator_id"] == operator_id}
    mine = [name for name in sorted(names) if world.place(operator_id, name, day)[0] == charger_id]
    found = []
    if not mine:
        found.append("no_connectors")
    else:
        heard = [items.get((operator_id, name, charger_id)) for name in mine]
        if any(at is None or at.astimezone(ZONE).date() > day for at in heard):
            found.append("not_connected")
    proofs = [
        one.end.astimezone(ZONE).date()
        for one, _ in counting(world)
        if one.operator_id == operator_id
        and any(world.place(operator_id, name, day_of(one))[0] == charger_id for name in one.connectors)
        and not one.void
        and one.energy_kwh > 0
        and one.end - one.start <= timedelta(hours=24)
        and _registers_agree(one)
    ]
    if not proofs or min(proofs) > day:
        found.append("no_proven_session")
    if not row.get("accepted_on") or row["accepted_on"] > day:
        found.append("not_accepted")
    if row.get("retired_on") and row["retired_on"] <= day:
        found.append("retired")
    return found


def earlier_awards(world: World, serial: str, day: date) -> list[Row]:
    """Awards of the registry for a serial number that stand on a day."""
    return [
        row
        for row in world.tables.get("awards", [])
        if serial_of(row) == serial
        and row["awarded_on"] <= day
        and not (row.get("revoked_on") and row["revoked_on"] <= day)
    ]


def subsidised(world: World, key: tuple[str, str], day: date, awards: dict[Any, tuple[date, Decimal, str]]) -> bool:
    """Whether a charger's serial number had been subsidised otherwise by a day."""
    row = world.in_force("chargers", day, operator_id=key[0], charger_id=key[1])
    serial = serial_of(row) if row else ""
    mine = any(made[2] == serial and made[0] <= day for other, made in awards.items() if other != key)
    return mine or bool(earlier_awards(world, serial, day))


def all_awards(world: World, last_day: date) -> dict[tuple[str, str], tuple[date, Decimal, str]]:
    """By charger the day, the amount and the serial number of its award, found by walking through the days."""
    awards: dict[tuple[str, str], tuple[date, Decimal, str]] = {}
    dc_paid: dict[tuple[str, str], Decimal] = {}
    day = min((one.end.astimezone(ZONE).date() for one in world.sessions), default=last_day)
    while day <= last_day:
        today = [key for key in chargers(world) if key not in awards and not failures(world, key, day)]
        rows = {key: world.in_force("chargers", day, operator_id=key[0], charger_id=key[1]) or {} for key in today}
        fresh: list[tuple[str, str]] = []
        for key in sorted(today, key=lambda key: (rows[key]["commissioned_on"], key)):
            serial = serial_of(rows[key])
            if not subsidised(world, key, day, awards) and serial not in [serial_of(rows[other]) for other in fresh]:
                fresh.append(key)
        for key, (amount, dc_amount) in day_amounts(world, day, fresh, rows, awards, dc_paid).items():
            awards[key] = (day, amount, serial_of(rows[key]))
            unit = rows[key].get("power_unit_id")
            if unit:
                dc_paid[key[0], unit] = dc_paid.get((key[0], unit), Decimal(0)) + dc_amount
        day += DAY
    return awards


def day_amounts(
    world: World,
    day: date,
    fresh: list[tuple[str, str]],
    rows: dict[tuple[str, str], Row],
    awards: dict[tuple[str, str], tuple[date, Decimal, str]],
    dc_paid: dict[tuple[str, str], Decimal],
) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """The amount and its DC part of each award of one day."""
    found: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    wanted: dict[tuple[str, str], dict[str, Decimal]] = {}
    for key in fresh:
        row = rows[key]
        dc = fen((row.get("rated_kw_dc") or Decimal(0)) * 200)
        ac = fen((row.get("rated_kw_ac") or Decimal(0)) * 80)
        earlier = replaced(world, row, day, awards)
        unit = row.get("power_unit_id")
        if unit:
            dc = min(dc, share(world, key, unit, day), left(world, key[0], unit, day, awards, dc_paid) + earlier)
        if row["kind"] == "dc":
            ac = Decimal(0)
        elif row["kind"] == "ac":
            dc = Decimal(0)
        elif not row.get("simultaneous"):
            dc, ac = (dc, Decimal(0)) if dc >= ac else (Decimal(0), ac)
        off_dc = min(dc, earlier)
        dc, ac = dc - off_dc, max(Decimal(0), ac - (earlier - off_dc))
        found[key] = (dc + ac, dc)
        if unit:
            wanted.setdefault((key[0], unit), {})[key[1]] = dc
    for (operator_id, unit), amounts in wanted.items():
        rest = left(world, operator_id, unit, day, awards, dc_paid)
        if sum(amounts.values()) > rest:
            for charger_id, granted in split(rest, amounts).items():
                amount, dc = found[operator_id, charger_id]
                found[operator_id, charger_id] = (amount - dc + granted, granted)
    return found


def replaced(world: World, row: Row, day: date, awards: dict[Any, tuple[date, Decimal, str]]) -> Decimal:
    """What was paid for the chain of chargers that this one replaces."""
    paid, seen = Decimal(0), {serial_of(row)}
    serial = serial_of({"serial_no": row.get("replaces_serial_no")})
    while serial and serial not in seen:
        seen.add(serial)
        ours = [made[1] for made in awards.values() if made[2] == serial]
        paid += ours[0] if ours else sum((one["amount_yuan"] for one in earlier_awards(world, serial, day)), Decimal(0))
        before = [one.get("replaces_serial_no") for one in world.tables["chargers"] if serial_of(one) == serial]
        serial = serial_of({"serial_no": before[-1] if before else None})
    return paid


def left(
    world: World,
    operator_id: str,
    unit: str,
    day: date,
    awards: dict[Any, tuple[date, Decimal, str]],
    dc_paid: dict[tuple[str, str], Decimal],
) -> Decimal:
    """What a unit's lifetime cap leaves."""
    row = world.in_force("power_units", day, operator_id=operator_id, power_unit_id=unit) or {}
    used = dc_paid.get((operator_id, unit), Decimal(0))
    ours = {made[2] for made in awards.values()}
    on_it = {
        serial_of(one)
        for one in world.tables["chargers"]
        if one["operator_id"] == operator_id and one.get("power_unit_id") == unit
    }
    for serial in on_it - ours:
        used += sum(
            (one["amount_yuan"] for one in earlier_awards(world, serial, day) if one.get("kind") != "ac"), Decimal(0)
        )
    return max(Decimal(0), row["rated_kw"] * 200 - used)


def share(world: World, key: tuple[str, str], unit: str, day: date) -> Decimal:
    """A charger's share of its unit's rating on a day."""
    ratings = {}
    for operator_id, charger_id in chargers(world):
        row = world.in_force("chargers", day, operator_id=operator_id, charger_id=charger_id)
        if operator_id != key[0] or not row or row.get("power_unit_id") != unit or row["kind"] == "ac":
            continue
        if not row.get("retired_on") or row["retired_on"] > day:
            ratings[charger_id] = row.get("rated_kw_dc") or Decimal(0)
    rated = (world.in_force("power_units", day, operator_id=key[0], power_unit_id=unit) or {})["rated_kw"]
    if sum(ratings.values()) <= rated:
        return ratings[key[1]] * 200
    return split(rated * 200, ratings)[key[1]]


def split(total: Decimal, weights: dict[str, Decimal]) -> dict[str, Decimal]:
    """Fen by fen: everybody's whole fen first, then one more to whoever lacks most, the smaller id before."""
    whole = sum(weights.values(), Decimal(0))
    exact = {key: Fraction(total) * Fraction(weight) / Fraction(whole) for key, weight in weights.items()}
    fens = {key: int(value * 100) for key, value in exact.items()}
    while sum(fens.values()) < int(total * 100):
        lacking = {key: exact[key] * 100 - fens[key] for key in weights}
        most = max(lacking.values())
        fens[min(key for key in weights if lacking[key] == most)] += 1
    return {key: Decimal(count) * FEN for key, count in fens.items()}


def fen(yuan: Decimal) -> Decimal:
    """Rounded half-up to the fen."""
    return yuan.quantize(FEN, rounding=ROUND_HALF_UP)
