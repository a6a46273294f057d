"""One operator's statement for a period as contract 4 writes it: quantities as decimal text, reasons with clauses."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import pandas as pd

from subsidy import award as amounts
from subsidy import serials
from subsidy.adjustments import Adjustment
from subsidy.amounts import ZERO, money, plain
from subsidy.entitlement import Entitlement
from subsidy.findings import Findings
from subsidy.operating import QUANTITIES
from subsidy.periods import Period
from subsidy.place import EPOCH
from subsidy.policy import Policy

ADMITTED, HELD, REJECTED = "admitted", "held", "rejected"
IDENTITIES = ("duplicate_meter", "duplicate_qr", "same_place")
"""Findings about what a charger is, beside its serial number."""
Told = list[tuple[str, str]]
"""Codes with what was seen."""


def statement(
    entitlement: Entitlement,
    period: Period,
    operator_id: str,
    adjustments: Sequence[Adjustment],
    *,
    rehearsal: bool,
    as_of: str,
) -> dict[str, Any]:
    """One object of contract 4."""
    build = build_rows(entitlement, period, operator_id)
    operating = operating_rows(entitlement, period, operator_id)
    build_yuan = sum((Decimal(row["amount"]) for row in build if row["disposition"] == ADMITTED), ZERO)
    operating_yuan = sum((Decimal(row["amount"]) for row in operating), ZERO)
    adjustments_yuan = sum((one.amount for one in adjustments), ZERO)
    return {
        "operator_id": operator_id,
        "period": period.name,
        "policy": entitlement.policy.id,
        "policy_sha256": entitlement.policy.sha256,
        "rehearsal": rehearsal,
        "as_of": as_of,
        "build": build,
        "operating": operating,
        "adjustments": [{**asdict(one), "amount": money(one.amount)} for one in adjustments],
        "findings": finding_rows(entitlement, period, operator_id),
        "build_yuan": money(build_yuan),
        "operating_yuan": money(operating_yuan),
        "adjustments_yuan": money(adjustments_yuan),
        "total_yuan": money(build_yuan + operating_yuan + adjustments_yuan),
    }


def build_rows(entitlement: Entitlement, period: Period, operator_id: str) -> list[dict[str, Any]]:
    """Each charger not awarded before the period: awarded in it, or not eligible by its end, with every reason."""
    found = []
    twice = _identities(entitlement, period, operator_id)
    for owner, charger_id in entitlement.eligibility.chargers.all_keys():
        if owner != operator_id:
            continue
        made = entitlement.awards.by_charger.get((owner, charger_id))
        if made is not None and made.day < period.first_day:
            continue
        row = _build_row(entitlement, period, owner, charger_id, twice.get(charger_id, []))
        if row is not None:
            found.append(row)
    return found


def _build_row(
    entitlement: Entitlement, period: Period, operator_id: str, charger_id: str, twice: Told
) -> dict[str, Any] | None:
    policy = entitlement.policy
    charger = entitlement.eligibility.chargers.on(period.last_day, operator_id, charger_id)
    if charger is None:  # not registered until after the period
        return None
    serial = [("duplicate_serial", note) for note in _serial_notes(entitlement, operator_id, charger_id)]
    if charger["kind"] not in policy.findings.duplicate_serial.kinds:
        serial = []
    told = [*serial, *twice]
    row: dict[str, Any] = {
        "charger_id": charger_id,
        "station_id": charger["station_id"],
        "kind": charger["kind"],
        "subsidised_kw": "0",
        "rate": str(policy.build.rates.ac.value if charger["kind"] == "ac" else policy.build.rates.dc.value),
        "amount": money(ZERO),
        "eligible": False,
        "disposition": REJECTED,
        "reasons": [],
        "parts": [],
        "notes": [f"{code}: {said}" for code, said in told],
    }
    made = entitlement.awards.by_charger.get((operator_id, charger_id))
    if made is None or made.day > period.last_day:
        return {**row, "reasons": build_reasons(entitlement, period, operator_id, charger_id)}
    held = sorted({code for code, _ in told if policy.findings.rule(code).effect == "hold"})
    row |= {
        "eligible": True,
        "disposition": HELD if held else ADMITTED,
        "reasons": reasons(held, policy),
        "awarded_on": made.day.isoformat(),
        "station_id": made.charger["station_id"],
        "kind": made.charger["kind"],
        "notes": [*row["notes"], *made.award.notes],
    }
    if not held:
        parts = made.award.parts
        row |= {
            "subsidised_kw": plain(made.award.subsidised_kw),
            "amount": money(made.award.amount),
            "rate": str(parts[0].rate) if parts else row["rate"],
            "parts": [
                {
                    "kind": part.kind,
                    "subsidised_kw": plain(part.subsidised_kw),
                    "rate": str(part.rate),
                    "amount": money(part.amount),
                }
                for part in parts
            ],
            "notes": [*row["notes"], *(amounts.describe(part) for part in parts)],
        }
    return row


def build_reasons(entitlement: Entitlement, period: Period, operator_id: str, charger_id: str) -> list[dict[str, str]]:
    """Why a charger is not eligible by the period's end: every failed condition, with its clause."""
    day = period.last_day
    codes = entitlement.eligibility.failures(operator_id, charger_id, day)
    found = reasons(codes, entitlement.policy)
    charger = entitlement.eligibility.chargers.on(day, operator_id, charger_id)
    serial = serials.normal(charger["serial_no"]) if charger else ""
    by = entitlement.awarding.subsidised_by(operator_id, charger_id, serial, day)
    if by is not None:
        (reason,) = reasons(["already_subsidised"], entitlement.policy)
        found.append({**reason, "text": f"{reason['text']}: {by}"})
    return found


def operating_rows(entitlement: Entitlement, period: Period, operator_id: str) -> list[dict[str, Any]]:
    """One row a station and month of the period in which it had sessions."""
    lines = entitlement.lines
    months = {f"{period.first_day:%Y-%m}", f"{period.last_day:%Y-%m}"}
    in_period = (lines["month"] >= min(months)) & (lines["month"] <= max(months))
    mine = lines[(lines["operator_id"] == operator_id) & in_period]
    return [
        {
            "station_id": line["station_id"],
            "month": line["month"],
            "sessions": int(line["sessions"]),
            **{name: plain(line[name]) for name in QUANTITIES},
            "rate": str(entitlement.policy.operating.rate.value),
            "amount": money(line["amount"]),
        }
        for line in mine.to_dict("records")
    ]


def in_period(decided: pd.DataFrame, period: Period, operator_id: str | None = None) -> "pd.Series[bool]":
    """Mask of the sessions whose policy day lies in the period, of one operator or of all."""
    first, end = (period.first_day - EPOCH).days, (period.end_day - EPOCH).days
    mask = (decided["day"] >= first) & (decided["day"] < end)
    return mask if operator_id is None else mask & (decided["operator_id"] == operator_id)


def finding_rows(entitlement: Entitlement, period: Period, operator_id: str) -> list[dict[str, Any]]:
    """How often each rule found something among the period's sessions (serial numbers: among the chargers)."""
    mine = in_period(entitlement.dispositions, period, operator_id).to_numpy()
    rows = [
        {"rule": found.rule, "effect": found.effect, "count": _count(found, mine, period, operator_id)}
        for found in entitlement.findings
    ]
    chargers = {charger for group in entitlement.shared_serials.values() for charger in group}
    count = sum(1 for owner, _ in chargers if owner == operator_id)
    effect = entitlement.policy.findings.duplicate_serial.effect
    rows.append({"rule": "duplicate_serial", "effect": effect, "count": count})
    return [row for row in sorted(rows, key=lambda row: str(row["rule"])) if row["count"]]


def _count(found: Findings, mine: Any, period: Period, operator_id: str) -> int:
    """The period's sessions that the rule touches; where it touches none, its findings about the operator."""
    if found.groups is None or found.at.any():
        return int((found.at & mine).sum())
    first, end = (period.first_day - EPOCH).days, (period.end_day - EPOCH).days
    return sum(1 for one in found.groups if one.operator_id == operator_id and first <= one.day < end)


def reasons(codes: Iterable[str], policy: Policy) -> list[dict[str, str]]:
    """Codes with their clause and words, as the policy gives them."""
    return [{"code": code, "clause": policy.reasons[code].clause, "text": policy.reasons[code].text} for code in codes]


def _serial_notes(entitlement: Entitlement, operator_id: str, charger_id: str) -> list[str]:
    notes = []
    for row in entitlement.eligibility.chargers.of(operator_id, charger_id):
        for owner, other in entitlement.shared_serials.get(serials.normal(row["serial_no"]), ()):
            if (owner, other) != (operator_id, charger_id):
                notes.append(f"also registered for charger {other} of {owner}")
    return sorted(set(notes))


def _identities(entitlement: Entitlement, period: Period, operator_id: str) -> dict[str, Told]:
    """By charger the findings about its meters, QR codes and place up to the period's end that nobody has accepted."""
    found: dict[str, Told] = {}
    last = (period.last_day - EPOCH).days
    for one in entitlement.settled:
        rule, groups = one.found.rule, one.found.groups if one.found.rule in IDENTITIES else None
        for number, group in enumerate(groups or ()):
            decision = one.decided.get(number)
            if group.operator_id != operator_id or group.day > last or (decision and decision.accepted):
                continue
            charger_id = group.subject
            if one.found.subject == "connector":
                row = entitlement.eligibility.connectors.on(period.last_day, operator_id, group.subject)
                charger_id = row["charger_id"] if row else ""
            found.setdefault(charger_id, []).append((rule, one.found.says.format_map(group.values)))
    return found
