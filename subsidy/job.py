"""What the scheduler issues: the statements of a closed month, with adjustments for what was issued before."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from chargewatch import database
from subsidy import periods, statement
from subsidy.adjustments import Adjustment, Body, between, due, issued
from subsidy.entitlement import Entitlement
from subsidy.policy import Policy
from subsidy.wording import statement as worded


def statement_body(
    connection: psycopg.Connection,
    *,
    period: str,
    policy: Policy,
    as_of: datetime,
    issued_before: Sequence[Body] = (),
) -> list[dict[str, Any]]:
    """The statements of all operators for a period, as a body to be issued.

    `issued_before`: the bodies that were issued for earlier periods, in the order in which they were issued. What is
    now due for those periods less what was issued for them becomes adjustment lines. Money moves with the first body
    of a period; give superseding ones or leave them out, they make no difference. Bodies of this period and of later
    ones are left aside, so that the same period computed twice gives the same statement.
    """
    when = periods.parse(period)
    entitlement = statement.entitlement(connection, when, policy, as_of)
    adjusted = adjustments(entitlement, when, issued_before)
    rehearsal = database.is_rehearsal(connection)
    return statement.state(entitlement, when, None, adjusted, rehearsal=rehearsal, as_of=as_of)


def adjustments(
    entitlement: Entitlement, when: periods.Period, issued_before: Sequence[Body]
) -> Mapping[str, list[Adjustment]]:
    """By operator, what must still move so that what was issued for periods before `when` comes to what is due now."""
    earlier = [body for body in issued_before if _before(body, when)]
    now = []
    for name in sorted({row["period"] for body in earlier for row in body}):
        when = periods.parse(name)
        for operator_id in entitlement.operators:
            now.append(worded(entitlement, when, operator_id, (), rehearsal=False, as_of=""))
    return between(issued(earlier), due(now))


def _before(body: Body, when: periods.Period) -> bool:
    return all(periods.parse(row["period"]).end_day <= when.first_day for row in body)
