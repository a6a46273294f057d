"""Balances follow from entries, entries from statements: whatever is done, in whatever order, however often."""

import contextlib
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chargewatch.errors import Refusal
from ledger.canonical import dumps, loads
from ledger.verify import verify
from payments import budget
from payments.audit import Audit
from payments.books import Books
from payments.life import TABLE, UNISSUED
from payments.statements import Key
from payments.steps import Step, read
from tests.payment_world import World, body, policy, stated

BRIEF = settings(deadline=None, max_examples=20, phases=(Phase.explicit, Phase.generate))  # a story is not shrunk
MONTHS = ("2023-10", "2023-11", "2023-12", "2024-01")
OPERATORS = ("A", "B", "C")
PEOPLE = ("Chen", "Lin", "Wu", "Zhou")
amounts = st.sampled_from((0, 1, 2, 333, 10000)) | st.integers(0, 20000)


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}" if fen >= 0 else f"-{yuan(-fen)}"


@st.composite
def worlds(draw: Any) -> World:
    years = {year: yuan(draw(st.integers(1, 40000))) for year in (2023, 2024) if draw(st.booleans())}
    rules = policy(
        {
            "budget": years,
            "when_exhausted": draw(st.sampled_from(("first_come", "pro_rata"))),
            "recovered_to": draw(st.sampled_from(("budget", "treasury"))),
            "interest_per_day": draw(st.sampled_from(("0", "0.0005"))),
            "penalty": draw(st.sampled_from(("0", "0.1"))),
        }
    )
    told = World(rules)
    for nth, month in enumerate(MONTHS):
        bodies = []
        for operator in OPERATORS:
            earned = draw(amounts)
            lines = {
                earlier: draw(st.integers(-8000, 2000).filter(bool))
                for earlier in (draw(st.sets(st.sampled_from(MONTHS[:nth]), max_size=2)) if nth else ())
            }
            total = earned + sum(lines.values())
            bodies.append(
                body(f"{month}/{operator}", yuan(total), {period: yuan(fen) for period, fen in sorted(lines.items())})
            )
        told.state(*bodies)
    return told


def play(told: World, chance: Random, steps: int) -> None:
    """Steps as people take them, most of them possible; at every moment no more is spent than there is."""
    on = date(2024, 2, 10)
    for _ in range(steps):
        on += timedelta(days=chance.choice((0, 0, 1, 20)))
        key = Key(chance.choice(MONTHS), chance.choice(OPERATORS), chance.random() < 0.2)
        state = told.books.life(key).state
        possible = [event for before, event in TABLE if before == state and TABLE[before, event].who != "nobody"]
        if not possible:
            continue
        event = chance.choice(possible)
        more = {"fen": chance.randint(1, 5000)} if event == "receive" else {}
        with contextlib.suppress(Refusal):
            told.act(key, event, chance.choice(PEOPLE), on, chance.choice(("so", "because")), **more)
        within_budget(told)


def within_budget(told: World) -> None:
    for year in (2023, 2024):
        limit = told.policy.budget.fen(year)
        if limit is not None:
            spent = budget.use(told.books, "cn-wenzhou", year).spent(told.policy.budget)
            assert spent + budget.reserved(told.books, "cn-wenzhou", year) <= limit


@settings(BRIEF)
@given(worlds(), st.randoms(use_true_random=True))
def test_balances_follow_from_entries_and_entries_from_statements(told: World, chance: Random) -> None:
    play(told, chance, 120)
    steps = [read(record.body) for record in told.records if record.kind == "payment"]
    assert all(sum(one["fen"] for one in step.postings) == 0 for step in steps)

    # Entries told in any order, and again: the same balances.
    again = steps + steps[: len(steps) // 2]
    chance.shuffle(again)
    assert summed({step.identity: step for step in again}.values()) == dict(told.books.balances)
    assert Books(steps).balances == told.books.balances

    # From the statements and what was decided, by plain addition.
    assert {name: fen for name, fen in told.books.balances.items() if fen} == {
        name: fen for name, fen in plain(told).items() if fen
    }
    # Each step taken again from the ledger alone is the same step.
    audit = Audit(stated, lambda _, sha256: told.policy if told.policy.sha256 == sha256 else None)
    assert list(audit.wrong(told.records)) == []
    assert audit.steps == len(steps)
    assert verify(told.records, []) == []


def summed(steps: Any) -> dict[Any, int]:
    sums: dict[Any, int] = {}
    for step in steps:
        for one in step.postings:
            name = (step.programme, step.year, one["account"])
            sums[name] = sums.get(name, 0) + one["fen"]
    return sums


def plain(told: World) -> dict[Any, int]:
    """Every account from where each statement and order stands, without an entry."""
    sums: dict[Any, int] = {}

    def add(key: Key, account: str, fen: int) -> None:
        name = ("cn-wenzhou", int(key.subject[:4]), account if account == "budget" else f"{account}:{key.operator_id}")
        sums[name] = sums.get(name, 0) + fen

    for key, life in told.books.lives.items():
        events = [step.event for step in life.steps]
        if key.recovery:
            claimed = {"principal": 0, "interest": 0, "penalty": 0}
            for step in life.steps:
                if step.event == "order":
                    claimed = {name: step.found[f"{name}_fen"] for name in claimed}
                    for name, account in (("principal", "payable"), ("interest", "interest"), ("penalty", "penalty")):
                        add(key, account, claimed[name])
                        add(key, "receivable", -claimed[name])
                elif step.event == "receive":
                    left = step.given["fen"]
                    for name in ("principal", "interest", "penalty"):
                        part = min(left, claimed[name])
                        claimed[name] -= part
                        left -= part
                        add(key, "receivable", part)
                        add(key, "recovered" if name == "principal" else "treasury", -part)
                elif step.event == "withdraw":
                    for name, account in (("principal", "payable"), ("interest", "interest"), ("penalty", "penalty")):
                        add(key, account, -claimed[name])
                        add(key, "receivable", claimed[name])
            continue
        total = told.statements[key].total_fen
        granted = life.granted_fen
        assert granted == total or 0 <= granted < total or life.state in UNISSUED
        if life.state == "approved":
            add(key, "budget", -max(0, granted))
            add(key, "committed", max(0, granted))
        elif "issue" in events:
            add(key, "budget", -granted)
            add(key, "payable", granted)
            for step in life.steps:
                if step.event == "pay":
                    add(key, "payable", -step.found["paid_fen"])
                    add(key, "paid", step.found["paid_fen"])
    return sums


@settings(BRIEF)
@given(worlds(), st.randoms(use_true_random=True))
def test_an_entry_that_does_not_follow_is_found(told: World, chance: Random) -> None:
    """Somebody writes a payment record of his own, with hashes that hold: the audit names it."""
    play(told, chance, 60)
    payments = [record for record in told.records if record.kind == "payment"]
    with_money = [record for record in payments if loads(record.body)["postings"]]
    if not with_money:
        return
    forged = World(told.policy)
    target = chance.choice(with_money)
    for record in told.records:
        said = loads(record.body)
        if record.kind == "payment":
            said["follows"]["hash"] = forged.records[said["follows"]["record"] - 1].hash
        if record is target:
            for one in said["postings"]:
                one["fen"] *= 2
        text = dumps(said).decode()
        forged.record(record.kind, record.subject if record.kind == "statement" else sha(text), said)
    assert verify(forged.records, []) == []
    audit = Audit(stated, lambda _, sha256: told.policy if told.policy.sha256 == sha256 else None)
    assert target.seq in {wrong.record for wrong in audit.wrong(forged.records)}


def sha(text: str) -> str:
    from ledger.chain import sha256

    return sha256(text.encode())


@pytest.mark.parametrize("fen", [0, 1, 2, 99, 100, 101, 300])
def test_shares_are_exact(fen: int) -> None:
    wanted = {Key("2023-06", operator): asked for operator, asked in (("A", 100), ("B", 100), ("C", 100))}
    parts = budget.shares(fen, wanted)
    assert sum(parts.values()) == min(fen, 300)
    assert all(abs(parts[key] - fen / 3) < 1 for key in wanted) or fen > 300


def test_a_step_has_the_same_identity_wherever_it_is_made() -> None:
    step = Step(
        Key("2023-06", "A"), "notify", "shown", "Chen", "so", date(2023, 7, 6), 1, "0" * 64, "p", 2023, "p", "0", False,
        None,
    )  # fmt: skip
    assert read(dumps(step.body).decode()) == step
    assert read(dumps(step.body).decode()).identity == step.identity
