"""Orders: all that can happen to one, its days, and what a new figure makes of it."""

from datetime import date
from itertools import product
from typing import Any, get_args

import pytest

from chargewatch.errors import Refusal
from compliance import rules
from compliance.orders import BY_PERSON, TRANSITIONS, Event, State, Term, after, breaches, measured, term

RULES = rules.load().orders
STATES: tuple[State | None, ...] = (None, *get_args(State))


@pytest.mark.parametrize(("state", "event"), list(product(STATES, get_args(Event))))
def test_only_what_stands_in_the_table_can_happen(state: State | None, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) in get_args(State)
    else:
        with pytest.raises(Refusal, match=f"cannot be {event}"):
            after(state, event)


def test_what_is_over_is_over_and_every_state_is_reached() -> None:
    reached = set(TRANSITIONS.values())
    assert reached == set(get_args(State))
    assert {event for _, event in TRANSITIONS} == set(get_args(Event))
    over = reached - {before for before, _ in TRANSITIONS}
    assert over == {"closed", "withdrawn"}
    # From an open order a person can only take it back: that it was put right, a figure says.
    assert {TRANSITIONS["open", event] for event in BY_PERSON if ("open", event) in TRANSITIONS} == {"withdrawn"}


def test_an_order_has_whole_policy_days() -> None:
    assert (RULES.deadline_days.value, RULES.window_days.value, RULES.settled_after_days.value) == (30, 30, 5)
    assert term(date(2023, 7, 6), RULES) == Term(date(2023, 8, 6), date(2023, 9, 5), date(2023, 9, 10))


def row(**more: Any) -> dict[str, Any]:
    return {"level": "operator", "operator_id": "A", "id": "A", "breach": True, "verdict": "fail", **more}


def test_orders_are_for_breaches_of_the_levels_that_the_rules_name() -> None:
    body = [row(), row(level="station", id="S1"), row(operator_id="B", id="B", breach=False, verdict="pass")]
    assert list(breaches(body, RULES)) == [("operator", "A", "A")]


@pytest.mark.parametrize(
    ("figure", "event"),
    [
        (row(), "still_in_breach"),
        (row(verdict="pending"), "still_in_breach"),  # ripened
        (row(verdict="pending", breach=False), None),
        (row(verdict="pass", breach=False), "rectified"),
        (row(verdict="not_measurable", breach=False), None),
        (row(verdict=None, breach=False), None),  # no longer bound
        (None, None),
    ],
)
def test_the_windows_figure_decides(figure: dict[str, Any] | None, event: Event | None) -> None:
    assert measured(figure) == event
