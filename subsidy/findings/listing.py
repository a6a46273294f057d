"""Findings one by one, as people read them: number, subject, energy, state, the reason in both languages, evidence."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from chargewatch.instants import iso
from subsidy.amounts import ZERO, plain
from subsidy.findings.found import Findings, Looked, Mask
from subsidy.findings.identity import evidence, finding_id, rows_of, subject_of
from subsidy.findings.settled import Settled
from subsidy.place import EPOCH

OPEN, ACCEPTED, REJECTED = "open", "accepted", "rejected"
STATES = (OPEN, ACCEPTED, REJECTED)


def numbers(settled: Settled, looked: Looked, among: Mask, state: str | None, operator: str | None) -> Iterator[int]:
    """Numbers of a rule's findings that touch one of these sessions, in a state, of an operator; None: any."""
    found = settled.found
    if found.groups is None:
        candidates = [int(row) for row in np.flatnonzero(found.at & among)]
    else:
        candidates = [n for n, one in enumerate(found.groups) if not len(one.rows) or among[one.rows].any()]
    for number in candidates:
        if operator not in (None, subject_of(found, number, looked)[0]):
            continue
        if state in (None, state_of(settled, number)):
            yield number


def state_of(settled: Settled, number: int) -> str:
    """open, accepted (it holds nothing any more) or rejected (its sessions earn nothing)."""
    decision = settled.decided.get(number)
    return OPEN if decision is None else ACCEPTED if decision.accepted else REJECTED


def row(settled: Settled, number: int, looked: Looked) -> dict[str, Any]:
    """One finding in a line."""
    found, rows = settled.found, rows_of(settled.found, number)
    operator_id, subject = subject_of(found, number, looked)
    decision = settled.decided.get(number)
    energy = sum((looked.sessions["energy_kwh"].iloc[one] for one in rows), ZERO)
    says = looked.policy.findings.rule(found.rule).says
    values = _values(found, number)
    return {
        "finding": finding_id(found, number, looked),
        "rule": found.rule,
        "effect": found.effect,
        "state": state_of(settled, number),
        "operator_id": operator_id,
        "about": found.subject,
        "subject": subject,
        "day": _day(found, number, looked).isoformat(),
        "sessions": len(rows),
        "energy_kwh": plain(Decimal(energy)),
        "clause": looked.policy.findings.rule(found.rule).clause,
        "threshold": found.threshold,
        "zh": says.zh.format_map(values),
        "en": says.en.format_map(values),
        "decided_by": decision.decided_by if decision else None,
        "decided_at": iso(decision.recorded_at) if decision else None,
        "decision_reason": decision.reason if decision else None,
    }


def evidence_rows(settled: Settled, number: int, looked: Looked) -> list[dict[str, Any]]:
    """What a finding rests on, row by row, with its times readable."""
    return [
        {name.removesuffix("_us"): iso(value) if name.endswith("_us") else value for name, value in one.items()}
        for one in evidence(settled.found, number, looked)
    ]


def _values(found: Findings, number: int) -> Any:
    return found.values(number) if found.groups is None else found.groups[number].values


def _day(found: Findings, number: int, looked: Looked) -> date:
    day = int(looked.day[number]) if found.groups is None else found.groups[number].day
    return date.fromordinal(EPOCH.toordinal() + day)
