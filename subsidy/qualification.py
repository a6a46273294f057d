"""Condition 5: whether an operator meets 137-四, is admitted and neither suspended nor barred, as of a day."""

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


def _within(first: date | None, last: date | None, day: date) -> bool:
    if first is None and last is None:
        return False
    return (first is None or first <= day) and (last is None or day <= last)
