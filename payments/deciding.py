"""Whether a step can be taken now, and what it is: the table, the days, the budget and the debt, put together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from chargewatch.errors import Refusal
from payments import budget, recovery
from payments.booking import Claim, moved
from payments.books import Books
from payments.life import ISSUED, TABLE, UNISSUED, Event, Transition, after
from payments.statements import Key, Statement, yuan
from payments.steps import Step
from subsidy.periods import parse
from subsidy.policy import Policy

READ = "docs/commission/payments.md"


@dataclass(frozen=True, slots=True)
class Act:
    """What a person asks for: an event, who, why, on which policy day, and what belongs to it (`fen`, `reference`)."""

    event: Event
    who: str
    reason: str
    on: date
    given: Mapping[str, Any] = field(default_factory=dict)


def taken(
    act: Act, key: Key, statements: Mapping[Key, Statement], books: Books, policy: Policy, barred: bool
) -> list[Step]:
    """The steps that follow, in their order; none if this very step was the last one that a person took.

    `statements` are all that were issued to the ledger, by their keys; `barred`: whether the operator is on that day.
    Refusal where it cannot be done, with what could.
    """
    if not act.who.strip() or not act.reason.strip():
        raise Refusal("a step needs a name and a reason", "--who and --reason", READ)
    statement = statements.get(replace(key, recovery=False))
    if statement is None:
        raise Refusal(f"no statement {key} has been issued to the ledger", "one of `chargewatch payment list`", READ)
    life = books.life(key)
    again = _step(act, key, statement, policy, "computed", None)
    said = next((step for step in reversed(life.steps) if not step.automatic), None)
    if said is not None and said.says_the_same(again):
        return []
    transition = after(life.state, act.event, act.who, life.people)
    found, fen, claim = _found(act, statement, statements, books, policy, barred)
    last = life.latest()
    step = _step(act, key, statement, policy, transition.state, last.identity if last else None)
    postings = moved(transition.effect, key.operator_id, fen, claim)
    steps = [replace(step, found=found, postings=postings)]
    return steps + _after_it(steps[0], statement, statements, books, claim)


def due_to_be_paid(statement: Statement, books: Books) -> int:
    """What is paid out for an issued statement: what was granted, less what the operator owes by then."""
    payable = books.balance(statement.programme, statement.year, f"payable:{statement.key.operator_id}")
    return max(0, min(books.life(statement.key).granted_fen, payable))


def _step(act: Act, key: Key, statement: Statement, policy: Policy, state: Any, previous: str | None) -> Step:
    return Step(
        key, act.event, state, act.who.strip(), act.reason.strip(), act.on, statement.record, statement.hash,
        statement.programme, statement.year, policy.id, policy.sha256, statement.rehearsal, previous,
        given=dict(act.given),
    )  # fmt: skip


def _found(
    act: Act, statement: Statement, statements: Mapping[Key, Statement], books: Books, policy: Policy, barred: bool
) -> tuple[dict[str, Any], int, Claim]:
    """What the rules make of it: what is kept with the step, the fen of the statement that move, or the claim."""
    stops = policy.payment.barred
    life = books.life(statement.key)
    if barred and act.event in stops.stops and statement.total_fen > 0:
        raise Refusal(f"{statement.key.operator_id} is barred ({stops.clause})", "nothing paid while it is", READ)
    if act.event == "presume":
        _silence_is_over(act.on, statement, books, policy)
    elif act.event == "approve":
        granted = budget.grant(statement, statements.values(), books, policy.budget)
        found = {
            "total_fen": statement.total_fen,
            "granted_fen": granted.fen,
            "cut_fen": statement.total_fen - granted.fen,
            "available_fen": granted.available,
            "shares": dict(granted.shares),
            "rule": policy.budget.when_exhausted.rule,
            "clause": policy.budget.when_exhausted.clause,
        }
        return found, granted.fen, Claim()
    elif act.event == "revoke":
        return {}, life.granted_fen, Claim()
    elif act.event == "issue":
        _may_be_issued(act.on, statement, statements, books, policy)
        return {"granted_fen": life.granted_fen}, life.granted_fen, Claim()
    elif act.event == "pay":
        paid = due_to_be_paid(statement, books)
        return {"paid_fen": paid, "set_off_fen": life.granted_fen - paid}, paid, Claim()
    elif act.event == "order":
        return _ordered(act, statement, statements, books, policy)
    elif act.event == "receive":
        return _received(act, books.life(replace(statement.key, recovery=True)).outstanding)
    elif act.event == "withdraw":
        left = books.life(replace(statement.key, recovery=True)).outstanding
        return {"given_up_fen": left.whole}, 0, left
    return {}, 0, Claim()


def _silence_is_over(on: date, statement: Statement, books: Books, policy: Policy) -> None:
    shown = books.life(statement.key).latest("notify")
    assert shown is not None
    last = shown.on + timedelta(days=int(policy.payment.answer_within.value))
    if on <= last:
        raise Refusal(
            f"{statement.key.operator_id} has time to answer up to and including {last}", f"a day after {last}", READ
        )


def _may_be_issued(
    on: date, statement: Statement, statements: Mapping[Key, Statement], books: Books, policy: Policy
) -> None:
    first = parse(statement.period).end_day + timedelta(days=int(policy.statements.issued_after_days.value))
    if on < first:
        raise Refusal(f"{statement.key} may be issued from {first} on", f"{first} or later", READ)
    for other in _of_operator(statement, statements):
        earlier = parse(other.period).end_day <= parse(statement.period).first_day
        if earlier and other.moves and books.life(other.key).state in UNISSUED:
            raise Refusal(
                f"{other.key} is {books.life(other.key).state}, and {statement.key} can change what it says",
                "statements of an operator issued in the order of their periods",
                READ,
            )


def _ordered(
    act: Act, statement: Statement, statements: Mapping[Key, Statement], books: Books, policy: Policy
) -> tuple[dict[str, Any], int, Claim]:
    state = books.life(statement.key).state
    if state not in ISSUED:
        raise Refusal(f"{statement.key} is {state}", "an issued statement: it shows what was paid too much", READ)
    paid = {
        one.period: step.on
        for one in _of_operator(statement, statements)
        if (step := books.life(one.key).latest("pay")) is not None
    }
    account = f"payable:{statement.key.operator_id}"
    payable = books.balance(statement.programme, statement.year, account)
    made = recovery.order(statement, payable, paid, act.on, policy.recovery)
    if not made.claim.whole:
        raise Refusal(
            f"{statement.key} leaves nothing to be paid back: {yuan(made.overpaid_fen)} yuan were paid too much and "
            f"{yuan(made.set_off_fen)} are set off",
            "a statement that takes back more than the operator is owed",
            READ,
        )
    found = {
        "overpaid_fen": made.overpaid_fen,
        "set_off_fen": made.set_off_fen,
        "principal_fen": made.claim.principal,
        "interest_fen": made.claim.interest,
        "penalty_fen": made.claim.penalty,
        "clause": policy.recovery.interest.clause,
        "ground": [
            {"period": line.period, "subject": line.subject, "fen": line.fen, "reason": line.reason}
            for line in made.lines
        ],
    }
    return found, 0, made.claim


def _received(act: Act, outstanding: Claim) -> tuple[dict[str, Any], int, Claim]:
    fen = act.given.get("fen", 0)
    if not 0 < fen <= outstanding.whole:
        raise Refusal(
            f"{yuan(fen)} yuan have come",
            f"more than 0 and at most {yuan(outstanding.whole)}",
            READ,
        )
    part = outstanding.part(fen)
    found = {"principal_fen": part.principal, "interest_fen": part.interest, "penalty_fen": part.penalty}
    return found, 0, part


def _after_it(
    step: Step, statement: Statement, statements: Mapping[Key, Statement], books: Books, claim: Claim
) -> list[Step]:
    """What follows from a step by itself: nothing to pay, all received, earlier statements changed."""
    if step.event == "receive" and claim == books.life(step.key).outstanding:
        return [_automatic(step, "complete", TABLE["ordered", "complete"], step.identity)]
    if step.event != "issue":
        return []
    following = []
    if step.found["granted_fen"] <= 0:
        following.append(_automatic(step, "close", TABLE["issued", "close"], step.identity))
    for other in _of_operator(statement, statements):
        life = books.life(other.key)
        changed = sum(line.fen for line in statement.lines if line.period == other.period)
        transition = TABLE.get((life.state, "adjust"))
        if changed and transition and other.key != statement.key:
            last = life.latest()
            one = _automatic(step, "adjust", transition, last.identity if last else None)
            following.append(
                replace(one, key=other.key, found={"by": str(statement.key), "fen": changed}, year=other.year)
            )
    return following


def _automatic(step: Step, event: Event, transition: Transition, previous: str | None) -> Step:
    return replace(
        step, event=event, state=transition.state, automatic=True, given={}, found={}, postings=[], previous=previous
    )


def _of_operator(statement: Statement, statements: Mapping[Key, Statement]) -> Iterable[Statement]:
    """The statements of the same operator and programme, by period."""
    mine = [
        one
        for one in statements.values()
        if (one.programme, one.key.operator_id) == (statement.programme, statement.key.operator_id)
    ]
    return sorted(mine, key=lambda one: (parse(one.period).first_day, one.key))
