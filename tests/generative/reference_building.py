"""The reference's building subsidy: conditions, amounts and awards, one charger and one day at a time (semantics 6)."""

import unicodedata
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from reference_orders import counting, day_of, fen, registers_agree, unqualified

from tests.subsidy_world import POLICY, ZONE, Row, World

FEN = Decimal("0.01")
DAY = timedelta(days=1)

# chargers


def chargers(world: World) -> list[tuple[str, str]]:
    """Every charger's key."""
    return sorted({(row["operator_id"], row["charger_id"]) for row in world.tables.get("chargers", [])})


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
        and registers_agree(one)
    ]
    if not proofs or min(proofs) > day:
        found.append("no_proven_session")
    if not row.get("accepted_on") or row["accepted_on"] > day:
        found.append("not_accepted")
    if row.get("retired_on") and row["retired_on"] <= day:
        found.append("retired")
    return found


def earlier_awards(world: World, serial: str, day: date) -> list[Row]:
    """Awards of the registry for a serial number that stand on a day; written in several ways it is one, the larger."""
    mine = [row for row in world.tables.get("awards", []) if serial_of(row) == serial and row["awarded_on"] <= day]
    found = []
    for what in {(row["awarded_on"], row["programme"], row.get("kind")) for row in mine}:
        same = [row for row in mine if (row["awarded_on"], row["programme"], row.get("kind")) == what]
        if any(not row.get("revoked_on") or row["revoked_on"] > day for row in same):
            found.append(max(same, key=lambda row: row["amount_yuan"]))
    return found


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
        if unit and row["kind"] != "ac":  # a unit's rating is shared by what draws DC from it
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
        if unit and row["kind"] != "ac":
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
