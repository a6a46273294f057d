"""A change of the rules, computed from the store: the same facts under the one policy and under the other."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.instants import iso
from subsidy import adjustments, periods, statement
from subsidy.adjustments import Body
from subsidy.amounts import money
from subsidy.difference import by_period, differences
from subsidy.policy import Policy
from subsidy.policy_changes import changes, with_change
from subsidy.wording import statement as worded


def compute(
    connection: psycopg.Connection,
    *,
    before: Policy,
    after: Policy,
    period: str | None,
    operator: str | None,
    as_of: datetime,
    issued: Sequence[Body],
) -> dict[str, Any]:
    """A difference statement: the rules that changed, the periods they touch, and each line that moves.

    `period`: that one, else every period that was issued; `issued`: the bodies issued so far, in their order. Refusal
    if nothing was issued and no period is named.
    """
    names = [period] if period else sorted({row["period"] for body in issued for row in body})
    if not names:
        raise Refusal("nothing has been issued yet", "a --period to compute by the one policy and by the other")
    whens = [periods.parse(name) for name in names]
    last = max(whens, key=lambda when: when.end_day)

    def stated(policy: Policy) -> Body:
        due = statement.entitlement(connection, last, policy, as_of)
        owners = [operator] if operator else due.operators
        return [worded(due, when, owner, (), rehearsal=False, as_of="") for when in whens for owner in owners]

    changed = changes(before, after)
    old, new = stated(before), stated(after)
    alone = {}
    for change in changed:
        policy = None if change.words_only else with_change(before, after, change.path)
        if policy is not None:
            alone[change.path] = stated(policy)
    found = differences(old, new, alone, adjustments.issued(issued))
    texts = ("before", "after", "difference")
    return {
        "before": _named(before),
        "after": _named(after),
        "as_of": iso(as_of),
        "rehearsal": database.is_rehearsal(connection),
        "rules": [
            {name: getattr(change, name) for name in ("path", "before", "after", "clause", "words_only")}
            for change in changed
        ],
        "periods": [{**row, **{name: money(row[name]) for name in texts}} for row in by_period(found)],
        "lines": [
            {
                "operator_id": one.operator_id,
                "period": one.period,
                "subject": one.subject,
                "issued": None if one.issued is None else money(one.issued),
                "before": money(one.before),
                "after": money(one.after),
                "difference": money(one.yuan),
                "why_before": one.why_before,
                "why_after": one.why_after,
                "rules": list(one.rules),
            }
            for one in found
        ],
    }


def _named(policy: Policy) -> dict[str, str]:
    return {"policy": policy.id, "sha256": policy.sha256}
