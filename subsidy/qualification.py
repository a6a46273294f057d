"""Condition 5: whether an operator meets 137-四, is admitted and neither suspended nor barred, as of a day."""

from dataclasses import dataclass
from datetime import date, timedelta

from subsidy.policy import Policy
from subsidy.versions import Row, Versions

YES_NO = {
    "business_scope": "operator_business_scope",
    "credit_good": "operator_credit",
    "management_system": "operator_management_system",
    "maintenance_team": "operator_maintenance_team",
    "platform_commitment": "operator_platform_commitment",
}


def failures(operator: Row | None, day: date, policy: Policy) -> tuple[str, ...]:
    """Codes of what an operator's row does not meet on a day; empty if it qualifies."""
    if operator is None:
        return ("operator_not_admitted",)
    failed = []
    if operator["legal_form"] not in policy.operators.legal_forms.values:
        failed.append("operator_legal_form")
    failed += [code for column, code in YES_NO.items() if operator[column] is not True]
    if operator["admitted_on"] is None or day < operator["admitted_on"]:
        failed.append("operator_not_admitted")
    if _within(operator["suspended_on"], operator["suspended_until"], day):
        failed.append("operator_suspended")
    if _within(operator["barred_from"], operator["barred_until"], day):
        failed.append("operator_barred")
    return tuple(failed)


def days(operator: Row) -> list[date]:
    """Days from which the answer for this row can be another one."""
    first = [operator[column] for column in ("admitted_on", "suspended_on", "barred_from", "valid_from")]
    last = [operator[column] for column in ("suspended_until", "barred_until")]
    return [day for day in first if day] + [day + timedelta(days=1) for day in last if day and day < date.max]


def runs(operators: Versions, policy: Policy) -> list[tuple[str, date, tuple[str, ...]]]:
    """For each operator the days from which on its failures are these: (operator_id, from, codes)."""
    found = []
    for (operator_id,) in operators.all_keys():
        changes = {date.min}
        for row in operators.of(operator_id):
            changes.update(days(row))
        for day in sorted(changes):
            found.append((operator_id, day, failures(operators.on(day, operator_id), day, policy)))
    return found


@dataclass(frozen=True, slots=True)
class Lapse:
    """A condition that an operator failed on a run of days, both included; None: since ever, or until now.

    `lapsed` where the operator had met it on the day before; else it was never met until then.
    """

    operator_id: str
    condition: str
    first_day: date | None
    last_day: date | None
    lapsed: bool


def lapses(operators: Versions, policy: Policy) -> list[Lapse]:
    """Every run of days on which an operator failed a condition of 137-四 (or was suspended or barred, 137-十)."""
    found = []
    began: dict[tuple[str, str], date] = {}
    for operator_id, day, codes in runs(operators, policy):
        ended = [key for key in began if key[0] == operator_id and key[1] not in codes]
        found += [_lapse(*key, began.pop(key), day - timedelta(days=1)) for key in sorted(ended)]
        for code in codes:
            began.setdefault((operator_id, code), day)
    found += [_lapse(*key, first, None) for key, first in began.items()]
    return sorted(found, key=lambda one: (one.operator_id, one.first_day or date.min, one.condition))


def _lapse(operator_id: str, code: str, first: date, last: date | None) -> Lapse:
    return Lapse(operator_id, code, None if first == date.min else first, last, first != date.min)


def _within(first: date | None, last: date | None, day: date) -> bool:
    if first is None and last is None:
        return False
    return (first is None or first <= day) and (last is None or day <= last)
