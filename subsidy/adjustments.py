"""Money already issued moves only by a line of the next statement: what is due now less what was issued for it so far.

A body is what the ledger holds for one period: a list of contract 4's objects, one an operator. Money moves with the
first body of each period; a later one for the same period supersedes it as a record, and pays nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from subsidy.amounts import ZERO

Body = Sequence[Mapping[str, Any]]
Line = tuple[str, str, str]
"""operator_id, period, subject."""


@dataclass(frozen=True, slots=True, order=True)
class Adjustment:
    """One line: the earlier period, what it is about (`build/CHARGER`, `operating/STATION/MONTH`), yuan, why."""

    period: str
    subject: str
    amount: Decimal
    reason: str


def due(body: Body) -> dict[Line, Decimal]:
    """What a body pays for its own period, line by line."""
    lines: dict[Line, Decimal] = {}
    for statement in body:
        operator_id, period = statement["operator_id"], statement["period"]
        for row in statement["build"]:
            if row["disposition"] == "admitted":
                lines[operator_id, period, f"build/{row['charger_id']}"] = Decimal(row["amount"])
        for row in statement["operating"]:
            lines[operator_id, period, f"operating/{row['station_id']}/{row['month']}"] = Decimal(row["amount"])
    return lines


def issued(bodies: Iterable[Body]) -> dict[Line, Decimal]:
    """What was issued for each line so far: by its period's first body, and by adjustment lines of later ones."""
    lines: dict[Line, Decimal] = {}
    periods: set[str] = set()
    for body in bodies:
        for line, amount in due(body).items():
            lines[line] = lines.get(line, ZERO) + amount if line[1] not in periods else lines.get(line, ZERO)
        for statement in body:
            if statement["period"] in periods:
                continue
            for row in statement["adjustments"]:
                line = (statement["operator_id"], row["period"], row["subject"])
                lines[line] = lines.get(line, ZERO) + Decimal(row["amount"])
        periods.update(statement["period"] for statement in body)
    return lines


def between(issued_so_far: Mapping[Line, Decimal], due_now: Mapping[Line, Decimal]) -> dict[str, list[Adjustment]]:
    """By operator the lines that bring what was issued to what is due now, sorted; none where nothing changed."""
    found: dict[str, list[Adjustment]] = {}
    for line in sorted(set(issued_so_far) | set(due_now)):
        operator_id, period, subject = line
        was, is_now = issued_so_far.get(line, ZERO), due_now.get(line, ZERO)
        if was != is_now:
            reason = f"issued {was:.2f} yuan, due by what is known now {is_now:.2f} yuan"
            found.setdefault(operator_id, []).append(Adjustment(period, subject, is_now - was, reason))
    return found
