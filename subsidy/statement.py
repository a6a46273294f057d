"""Statements computed from the store: what the law pays each operator for a period, as known at `as_of`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.instants import iso
from registry import snapshot
from subsidy import decisions, facts, surroundings, wording
from subsidy.adjustments import Adjustment
from subsidy.entitlement import Around, Entitlement, decide
from subsidy.periods import Period, parse
from subsidy.policy import Policy
from uptime import settings

Statement = dict[str, Any]


def compute(
    connection: psycopg.Connection,
    *,
    period: str,
    operator: str | None = None,
    policy: Policy,
    as_of: datetime,
) -> list[Statement]:
    """Contract 4's objects, one an operator, sorted: what the facts and the registry give for the period by themselves.

    Without the adjustments for earlier periods, which follow from what was issued for them (subsidy.job).
    Refusal for a period or an operator that does not exist.
    """
    when = parse(period)
    due = entitlement(connection, when, policy, as_of)
    rehearsal = database.is_rehearsal(connection)
    return state(due, when, operator, {}, rehearsal=rehearsal, as_of=as_of)


def entitlement(connection: psycopg.Connection, period: Period, policy: Policy, as_of: datetime) -> Entitlement:
    """All that is due up to the period's end, from the registry and the facts as known at `as_of`."""
    registry = snapshot.load(connection, as_of)
    known = facts.load(connection, registry, policy, period.end_day, as_of)
    return decide(
        registry.tables,
        known.sessions,
        known.first_items,
        known.first_receipts,
        policy,
        settings.load(),
        period.last_day,
        Around(
            surroundings.seen(known.sessions, policy, as_of),
            surroundings.vehicles(known.sessions, as_of),
            decisions.known(connection, as_of),
        ),
    )


def state(
    due: Entitlement,
    period: Period,
    operator: str | None,
    adjustments: Mapping[str, Sequence[Adjustment]],
    *,
    rehearsal: bool,
    as_of: datetime,
) -> list[Statement]:
    """The statements of one operator, or of all; Refusal for an operator that the registry does not know."""
    if operator is not None and operator not in due.operators:
        raise Refusal(f"the registry knows no operator {operator!r}", f"one of {', '.join(due.operators) or 'none'}")
    return [
        wording.statement(
            due, period, operator_id, adjustments.get(operator_id, ()), rehearsal=rehearsal, as_of=iso(as_of)
        )
        for operator_id in ([operator] if operator is not None else due.operators)
    ]
