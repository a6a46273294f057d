"""Findings out of the store: listed, shown with their evidence, and decided by a person."""

from datetime import datetime
from typing import Any

import numpy as np
import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.instants import from_us
from subsidy import decisions, periods
from subsidy.entitlement import Entitlement
from subsidy.facts import of_message
from subsidy.findings import listing
from subsidy.findings.identity import finding_id, rows_of
from subsidy.findings.settled import Decision, Settled
from subsidy.overseeing import with_bills
from subsidy.policy import Policy
from subsidy.statement import entitlement
from subsidy.wording import in_period

READ = "docs/commission/findings.md"


def listed(
    connection: psycopg.Connection,
    *,
    policy: Policy,
    as_of: datetime,
    operator: str | None = None,
    rule: str | None = None,
    period: str | None = None,
    state: str | None = None,
) -> list[dict[str, Any]]:
    """Every finding as known at `as_of`, by rule and subject; Refusal for a rule or a state that does not exist."""
    rules = policy.findings.__struct_fields__
    if rule is not None and rule not in rules:
        raise Refusal(f"there is no rule {rule!r}", f"one of {', '.join(rules)}", READ)
    if state not in (None, *listing.STATES):
        raise Refusal(f"there is no state {state!r}", f"one of {', '.join(listing.STATES)}", READ)
    due = with_bills(connection, _due(connection, policy, as_of, period), as_of)
    among = np.ones(len(due.sessions), dtype=np.bool_)
    if period is not None:
        among = in_period(due.dispositions, periods.parse(period)).to_numpy(dtype=np.bool_)
    return [
        listing.row(settled, number, due.looked)
        for settled in due.settled
        if rule in (None, settled.found.rule)
        for number in listing.numbers(settled, due.looked, among, state, operator)
    ]


def shown(connection: psycopg.Connection, name: str, *, policy: Policy, as_of: datetime) -> dict[str, Any]:
    """One finding with its evidence; of each order the message that it came in."""
    due = with_bills(connection, _due(connection, policy, as_of, None), as_of)
    settled, number = _of(due, name)
    rows = listing.evidence_rows(settled, number, due.looked)
    touched = rows_of(settled.found, number)
    messages = [message for row in touched for message in _message(connection, due, row)]
    return {**listing.row(settled, number, due.looked), "evidence": rows, "messages": messages}


def decide(
    connection: psycopg.Connection, name: str, *, accepted: bool, who: str, reason: str, policy: Policy
) -> tuple[Decision, dict[str, Any]]:
    """Record a decision about a finding that stands now; the decision and the finding as it was decided."""
    due = _due(connection, policy, database.watermark(connection), None)
    settled, number = _of(due, name)
    row = listing.row(settled, number, due.looked)
    decision = decisions.record(
        connection, name, row["rule"], row["operator_id"], row["subject"],
        accepted=accepted, decided_by=who, reason=reason,
    )  # fmt: skip
    return decision, {**row, "evidence": listing.evidence_rows(settled, number, due.looked)}


def _due(connection: psycopg.Connection, policy: Policy, as_of: datetime, period: str | None) -> Entitlement:
    if period is not None:
        return entitlement(connection, periods.parse(period), policy, as_of)
    last = max(as_of.astimezone(policy.zone).date(), policy.build.window.last_day)
    return entitlement(connection, periods.month_of(last), policy, as_of)


def _of(due: Entitlement, name: str) -> tuple[Settled, int]:
    everywhere = np.ones(len(due.sessions), dtype=np.bool_)
    for settled in due.settled:
        for number in listing.numbers(settled, due.looked, everywhere, None, None):
            if finding_id(settled.found, number, due.looked) == name:
                return settled, number
    raise Refusal(f"there is no finding {name}", "a number of `chargewatch subsidy findings list`", READ)


def _message(connection: psycopg.Connection, due: Entitlement, row: int) -> list[dict[str, Any]]:
    session = due.sessions.iloc[row]
    return of_message(
        connection,
        int(session["message_id"]),
        from_us(session["received_us"]),
        f"session {session['session_id']}",
        int(session["place"]),
    )
