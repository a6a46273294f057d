"""What there is to see of payments: rows for a reader, from the ledger alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from payments import budget, reading
from payments.deciding import due_to_be_paid
from payments.life import TABLE
from payments.statements import Key, Statement, yuan
from subsidy import policy as policies

Rows = list[dict[str, Any]]


def listed(conn: psycopg.Connection, state: str | None = None) -> Rows:
    """One row a statement, and one an order to pay back: where it stands, what it says, what moved."""
    position = reading.load(conn)
    known_now = reading.known_now(conn, {key.subject for key in position.statements})
    rows = []
    for key, statement in sorted(position.statements.items()):
        rows.append(_of_statement(key, statement, position) | {"known_now_yuan": yuan(known_now.get(key, 0))})
        recovery = replace(key, recovery=True)
        if recovery in position.books.lives:
            rows.append(_of_recovery(recovery, statement, position))
    return [row for row in rows if state in (None, row["state"])]


def history(conn: psycopg.Connection, about: str) -> Rows | None:
    """Every step of one statement and of what is paid back by it, in the order of the ledger; None if there is none."""
    position = reading.load(conn)
    subject, _, operator_id = about.removesuffix("/recovery").rpartition("/")
    if Key(subject, operator_id) not in position.statements:
        return None
    keys = [Key(subject, operator_id, recovery) for recovery in (False, True)]
    wanted = keys[1:] if about.endswith("/recovery") else keys
    steps = [step for key in wanted for step in position.books.life(key).steps]
    return [
        {
            "about": str(step.key),
            "event": step.event,
            "state": step.state,
            "on": step.on.isoformat(),
            "who": "" if step.automatic else step.who,
            "reason": "" if step.automatic else step.reason,
            "entry": ", ".join(f"{one['account']} {yuan(one['fen'])}" for one in step.postings),
            "found": dict(step.found),
            "given": dict(step.given),
            "record": step.record,
            "identity": step.identity,
            "rehearsal": step.rehearsal,
        }
        for step in steps
    ]


def accounts(conn: psycopg.Connection) -> Rows:
    """Every account of every programme and year with what is on it; each programme and year sums to nothing."""
    books = reading.load(conn).books
    return [
        {"programme": programme, "year": year, "account": account, "yuan": yuan(fen), "fen": fen}
        for (programme, year, account), fen in sorted(books.balances.items())
        if fen
    ]


def budgets(conn: psycopg.Connection, rules: Sequence[policies.Policy]) -> Rows:
    """One row a programme and year that has statements, or a budget in one of these policies, by name and year.

    The budget is that of these policies, for a programme of none of them that of the policy of its statements.
    """
    position = reading.load(conn)
    stated = position.statements.values()
    found = {(policy.programme, one.year): policy for policy in rules for one in policy.budget.years}
    given = {policy.programme: policy for policy in rules}
    for statement in stated:
        policy = given.get(statement.programme) or policies.load(statement.policy)
        found.setdefault((statement.programme, statement.year), policy)
    return [
        budget.row(position.books, stated, programme, year, policy.budget)
        for (programme, year), policy in sorted(found.items())
    ]


def table() -> Rows:
    """All that can happen: state, event, what it is then, who may, which entry follows."""
    return [
        {"state": state, "event": event, "then": one.state, "who": one.who, "entry": one.effect}
        for (state, event), one in TABLE.items()
    ]


def _of_statement(key: Key, statement: Statement, position: reading.Position) -> dict[str, Any]:
    life = position.books.life(key)
    paid = life.latest("pay")
    return {
        "about": str(key),
        "state": life.state,
        "programme": statement.programme,
        "year": statement.year,
        "total_yuan": yuan(statement.total_fen),
        "granted_yuan": yuan(life.granted_fen),
        "cut_yuan": yuan(life.cut_fen),
        "paid_yuan": yuan(paid.found["paid_fen"] if paid else 0),
        "to_pay_yuan": yuan(due_to_be_paid(statement, position.books) if life.state == "issued" else 0),
        "overpaid_yuan": yuan(-sum(line.fen for line in statement.lines if line.fen < 0)),
        "on": step.on.isoformat() if (step := life.latest()) else "",
        "record": statement.record,
        "rehearsal": statement.rehearsal,
    }


def _of_recovery(key: Key, statement: Statement, position: reading.Position) -> dict[str, Any]:
    life = position.books.life(key)
    made = life.latest("order")
    assert made is not None
    asked = sum(made.found[f"{name}_fen"] for name in ("principal", "interest", "penalty"))
    row = _of_statement(replace(key, recovery=False), statement, position)
    money = dict.fromkeys((name for name in row if name.endswith("_yuan")), "0.00")
    on = life.steps[-1].on.isoformat()
    owed = {"total_yuan": yuan(-asked), "to_pay_yuan": yuan(-life.outstanding.whole)}
    return {**row, **money, **owed, "about": str(key), "state": life.state, "on": on}
