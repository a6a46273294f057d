"""Steps into the ledger: one at a time, so that nobody acts on a state that is no longer there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from ledger import entries, store
from payments import reading
from payments.deciding import READ, Act, taken
from payments.life import TABLE, Event
from payments.statements import Key
from payments.steps import Step
from registry import snapshot
from subsidy import policy as policies
from subsidy import qualification
from subsidy.versions import Versions

_LOCK = 0x63770006


def act(
    conn: psycopg.Connection,
    *,
    about: str,
    event: Event,
    who: str,
    reason: str,
    given: Mapping[str, Any] | None = None,
    on: date | None = None,
    recovery: bool = False,
    policy: str | None = None,
) -> list[dict[str, Any]]:
    """Take a step with one statement (`2023-06/OP1`), or with all of a period (`2023-06`) that it is possible for.

    Gives one row a statement: what it is now, the records that say so (none if the step was there before), or why it
    was refused. `on`: the policy day on which it happened, if that was an earlier one. `policy`: the rules to go by, if
    not those of the statement. Where one statement is named a refusal is raised.
    """
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        position = reading.load(conn)
        keys = _meant(about, event, recovery, position)
        operators = cache(lambda: _operators(conn))
        rows = []
        for key in keys:
            try:
                steps = _take(
                    conn, key, position, Act(event, who, reason, date.min, given or {}), on, operators, policy
                )
            except Refusal as refusal:
                if len(keys) == 1:
                    raise
                rows.append(_row(key, position, refused=str(refusal)))
                continue
            rows.append(_row(key, position, records=[_write(conn, step) for step in steps]))
        return rows


def _take(
    conn: psycopg.Connection,
    key: Key,
    position: reading.Position,
    asked: Act,
    on: date | None,
    operators: Callable[[], Versions],
    rules: str | None,
) -> list[Step]:
    statement = position.statements[replace(key, recovery=False)]
    policy = policies.load(rules or statement.policy)
    if policy.programme != statement.programme:
        raise Refusal(f"{policy.id} is of the programme {policy.programme}", f"one of {statement.programme}", READ)
    moment = database.now(conn)
    today = moment.astimezone(policy.zone).date()
    if on is not None and on > today:
        raise Refusal(f"{on} has not come yet", f"a day up to {today}", READ)
    last = position.books.life(key).latest()
    if on is not None and last is not None and on < last.on:
        raise Refusal(f"{on} is before the step before it, of {last.on}", f"a day from {last.on} on", READ)
    barred = False
    if asked.event in policy.payment.barred.stops:
        row = operators().on(today, key.operator_id)
        barred = "operator_barred" in qualification.failures(row, today, policy)
    steps = taken(replace(asked, on=on or today), key, position.statements, position.books, policy, barred)
    for step in steps:
        position.books.add(step)
    return steps


def _operators(conn: psycopg.Connection) -> Versions:
    return Versions(snapshot.load(conn, database.now(conn)).tables["operators"], "operator_id")


def _write(conn: psycopg.Connection, step: Step) -> int:
    record = store.issue(conn, kind=entries.KIND, subject=step.identity, body=step.body, as_of=database.now(conn))
    return record.seq


def _meant(about: str, event: Event, recovery: bool, position: reading.Position) -> list[Key]:
    subject, _, operator_id = about.rpartition("/")
    one = Key(subject, operator_id)
    if subject and one in position.statements:
        return [replace(one, recovery=recovery)]
    of_period = [replace(key, recovery=recovery) for key in sorted(position.statements) if key.subject == about]
    if not of_period:
        raise Refusal(f"no statement {about!r} has been issued to the ledger", "2023-06/OPERATOR, or 2023-06", READ)
    possible = [key for key in of_period if (position.books.life(key).state, event) in TABLE]
    if not possible:
        raise Refusal(f"{event} is possible for no statement of {about}", "`chargewatch payment list` shows them", READ)
    return possible


def _row(key: Key, position: reading.Position, records: list[int] | None = None, refused: str = "") -> dict[str, Any]:
    life = position.books.life(key)
    return {"statement": str(key), "state": life.state, "records": records or [], "refused": refused}
