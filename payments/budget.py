"""A programme's money of one year: how much is left, and who gets what of it when it does not suffice.

What is set off against an operator's own debt costs the budget nothing; what he owes beyond that comes back to the
budget when it is received, not before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from payments.books import Books
from payments.life import State
from payments.statements import Key, Statement, yuan
from subsidy.disbursement import Budget

_APPROVED: tuple[State, ...] = ("approved", "issued", "paid", "closed", "adjusted")


@dataclass(frozen=True, slots=True)
class Use:
    """Where the money of a programme's year is, in fen."""

    committed: int
    payable: int
    paid: int
    recovered: int
    """Over-payments that have come back."""
    owed: int
    """What operators owe and have not paid back, interest and penalty included."""

    def spent(self, rules: Budget) -> int:
        """What is gone from the budget."""
        back = self.recovered if rules.recovered.to == "budget" else 0
        return self.committed + self.payable + self.paid - back


@dataclass(frozen=True, slots=True)
class Grant:
    """What a statement gets in fen, what there was (none: no limit), and under `pro_rata` what each operator gets."""

    fen: int
    available: int | None
    shares: Mapping[str, int] = field(default_factory=dict)


def use(books: Books, programme: str, year: int) -> Use:
    """The use of a programme's year, from the accounts."""
    sums = dict.fromkeys(("committed", "payable", "paid", "recovered", "owed"), 0)
    accounts = {name: fen for (one, when, name), fen in books.balances.items() if (one, when) == (programme, year)}
    for operator_id in sorted({name.partition(":")[2] for name in accounts} - {""}):
        of = {name: accounts.get(f"{name}:{operator_id}", 0) for name in (*sums, "receivable")}
        sums["committed"] += of["committed"]
        sums["payable"] += max(0, of["payable"])
        sums["paid"] += of["paid"]
        sums["recovered"] -= of["recovered"]
        sums["owed"] += max(0, -of["payable"]) - of["receivable"]
    return Use(**sums)


def grant(statement: Statement, beside: Iterable[Statement], books: Books, rules: Budget) -> Grant:
    """What a statement gets out of the budget if it is approved now; `beside` are all statements of its period.

    A total below 0 is granted whole: it takes back what an earlier statement gave. Under `pro_rata` all statements of
    one record share what was left when the first of them was approved; what is another's share stays reserved.
    """
    limit = rules.fen(statement.year)
    if limit is None or statement.total_fen <= 0:
        return Grant(statement.total_fen, None)
    spent = use(books, statement.programme, statement.year).spent(rules)
    if rules.when_exhausted.rule == "first_come":
        available = max(0, limit - spent)
        return Grant(min(statement.total_fen, available), available)
    wanted = {one.key: one.total_fen for one in _together(statement, beside) if one.total_fen > 0}
    fixed = _fixed(wanted, books)
    if fixed is None:
        held = reserved(books, statement.programme, statement.year, apart=statement.key.subject)
        fixed = max(0, limit - spent - held)
    parts = shares(fixed, wanted)
    return Grant(parts[statement.key], fixed, {key.operator_id: fen for key, fen in parts.items()})


def shares(available: int, wanted: Mapping[Key, int]) -> dict[Key, int]:
    """`available` fen in proportion to what is wanted, to the fen: the largest remainder first, then the key."""
    whole = sum(wanted.values())
    if whole <= available:
        return dict(wanted)
    exact = {key: Fraction(available * fen, whole) for key, fen in wanted.items()}
    parts = {key: int(share) for key, share in exact.items()}
    left = available - sum(parts.values())
    for key in sorted(wanted, key=lambda key: (parts[key] - exact[key], key))[:left]:
        parts[key] += 1
    return parts


def reserved(books: Books, programme: str, year: int, apart: str = "") -> int:
    """Shares of statements not approved yet in records of which another one is; but for those of record `apart`."""
    shared: dict[str, Mapping[str, int]] = {}
    for key, life in books.lives.items():
        step = life.latest("approve")
        if step is None or life.state not in _APPROVED or key.subject == apart:
            continue
        if (step.programme, step.year) == (programme, year):
            shared[key.subject] = step.found["shares"]
    return sum(
        fen
        for subject, theirs in shared.items()
        for operator_id, fen in theirs.items()
        if books.life(Key(subject, operator_id)).state not in _APPROVED
    )


def row(books: Books, statements: Iterable[Statement], programme: str, year: int, rules: Budget) -> dict[str, Any]:
    """One line of the report: yuan as text, none where no budget is stated."""
    money, limit = use(books, programme, year), rules.fen(year)
    mine = [one for one in statements if (one.programme, one.year) == (programme, year)]
    open_ = [one for one in mine if books.life(one.key).state not in _APPROVED]
    held = reserved(books, programme, year)
    left = None if limit is None else limit - money.spent(rules) - held
    return {
        "programme": programme,
        "year": year,
        "budget_yuan": None if limit is None else yuan(limit),
        "asked_yuan": yuan(sum(one.total_fen for one in open_)),
        "committed_yuan": yuan(money.committed + held),
        "payable_yuan": yuan(money.payable),
        "paid_yuan": yuan(money.paid),
        "recovered_yuan": yuan(money.recovered),
        "owed_back_yuan": yuan(money.owed),
        "cut_yuan": yuan(sum(books.life(one.key).cut_fen for one in mine)),
        "remaining_yuan": None if left is None else yuan(left),
        "when_exhausted": rules.when_exhausted.rule,
        "clause": rules.when_exhausted.clause,
        "rehearsal": any(one.rehearsal for one in mine),
    }


def _together(statement: Statement, beside: Iterable[Statement]) -> list[Statement]:
    return [
        one
        for one in beside
        if (one.key.subject, one.programme, one.year) == (statement.key.subject, statement.programme, statement.year)
    ]


def _fixed(wanted: Iterable[Key], books: Books) -> int | None:
    """What was there when the first of these statements was approved."""
    for life in map(books.life, wanted):
        step = life.latest("approve")
        if step is not None and life.state in _APPROVED:
            found: int | None = step.found["available_fen"]
            return found
    return None
