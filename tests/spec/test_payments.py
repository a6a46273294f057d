"""What becomes of a statement, case by case: transitions, days, budget, recovery."""

from typing import Any

import pytest

from chargewatch.errors import Refusal
from ledger.verify import verify
from payments import budget
from payments.life import TABLE
from payments.statements import Key, yuan
from tests.payment_world import SPEC, cases, world

CASES = cases("payments/life", "payments/budget", "137-十/recovery", "137-十/barred")


@pytest.mark.parametrize("case", CASES, ids=[f"{case['file']}: {case['name']}" for case in CASES])
def test_payments(case: dict[str, Any]) -> None:
    told = world(case)
    for line in case["steps"]:
        said, refused, why = line.partition(" but ")
        if refused:
            with pytest.raises(Refusal) as refusal:
                told.tell(said)
            assert why in str(refusal.value), line
        else:
            told.tell(said)
    expected = case["expected"]
    assert expected, "a case that expects nothing says nothing"
    for statement, state in expected.get("states", {}).items():
        subject, operator_id, *recovery = statement.split("/")
        assert told.books.life(Key(subject, operator_id, bool(recovery))).state == state, statement
    if "accounts" in expected:
        assert told.accounts() == expected["accounts"]
    for year, row in expected.get("budget", {}).items():
        seen = budget.row(told.books, told.statements.values(), "cn-wenzhou", int(year), told.policy.budget)
        assert {name: seen[f"{name}_yuan"] for name in row} == row
    for statement, amount in expected.get("cut", {}).items():
        assert yuan(told.books.life(Key(*statement.split("/"))).cut_fen) == amount
    assert sum(told.books.balances.values()) == 0
    assert verify(told.records, []) == []


def test_every_transition_has_a_case() -> None:
    seen: set[tuple[str, str]] = set()
    for case in CASES:
        told = world(case)
        for line in case["steps"]:
            said, refused, _ = line.partition(" but ")
            if not refused:
                told.tell(said)
        for key, life in told.books.lives.items():
            state = "found" if key.recovery else "computed"
            for step in life.steps:
                seen.add((state, step.event))
                assert TABLE[state, step.event].state == step.state  # type: ignore[index]
                state = step.state
    missing = set(TABLE) - seen
    assert not missing, f"no case shows {missing}"


def test_the_commissions_page_shows_the_table() -> None:
    page = (SPEC.parents[1] / "docs/commission/payments.md").read_text(encoding="utf-8")
    missing = [
        line
        for (state, event), then in TABLE.items()
        if (line := f"| {state} | `{event}` | {then.state} | {then.who} | {then.effect} |") not in page
    ]
    assert not missing, missing
