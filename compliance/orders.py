"""Rectification orders (限期整改): what can happen to one, how long it has, and what a new measurement means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from chargewatch.errors import Refusal
from compliance.rules import Orders

State = Literal["open", "closed", "escalated", "withdrawn"]
Event = Literal["issued", "rectified", "still_in_breach", "breach_lifted", "withdrawn", "settled"]
Subject = tuple[str, str, str]
"""Level, operator_id and id of what is in breach."""

TRANSITIONS: Mapping[tuple[State | None, Event], State] = {
    (None, "issued"): "open",  # an issued record shows a breach
    ("open", "rectified"): "closed",  # measured again, on its own window: it passes
    ("open", "still_in_breach"): "escalated",  # measured again: it does not
    ("open", "breach_lifted"): "withdrawn",  # a record that supersedes the first shows no breach any more
    ("escalated", "breach_lifted"): "withdrawn",
    ("open", "withdrawn"): "withdrawn",  # by a person, who says why
    ("escalated", "withdrawn"): "withdrawn",
    ("escalated", "settled"): "closed",  # by a person, who says how it ended
}
"""All that can happen to an order, and what it is then. Whatever is not here cannot happen."""

BY_PERSON: tuple[Event, ...] = ("withdrawn", "settled")
"""Events that a person decides, with a reason; the others follow from figures."""


@dataclass(frozen=True, slots=True)
class Term:
    """The days of an order."""

    due_on: date
    """First policy day after the time that the operator has."""
    window_end: date
    """Policy day after the last one of the window [due_on, window_end) on which it is measured again."""
    measurable_on: date
    """Policy day from which on the window's figure is taken for settled."""


def after(state: State | None, event: Event) -> State:
    """What an order is after an event; Refusal where it cannot happen."""
    if (state, event) not in TRANSITIONS:
        possible = [name for before, name in TRANSITIONS if before == state]
        raise Refusal(
            f"an order that is {state or 'not issued'} cannot be {event}",
            " or ".join(possible) or "nothing: it is over",
        )
    return TRANSITIONS[state, event]


def term(issued_on: date, rules: Orders) -> Term:
    """The days of an order that is issued on this policy day."""
    due_on = issued_on + timedelta(days=1 + rules.deadline_days.value)
    window_end = due_on + timedelta(days=rules.window_days.value)
    return Term(due_on, window_end, window_end + timedelta(days=rules.settled_after_days.value))


def breaches(body: Iterable[Mapping[str, Any]], rules: Orders) -> dict[Subject, Mapping[str, Any]]:
    """The rows of an availability report (contract 4) that are in breach, of the levels that get orders."""
    levels = rules.levels.value
    return {about(row): row for row in body if row["breach"] and row["level"] in levels}


def about(row: Mapping[str, Any]) -> Subject:
    """Whom a row of an availability report is about."""
    return row["level"], row["operator_id"], row["id"]


def measured(row: Mapping[str, Any] | None) -> Event | None:
    """What the figure of the window makes of an order; None where it decides nothing yet, or nothing was measured."""
    if row is None or row["verdict"] is None:
        return None
    if row["breach"]:
        return "still_in_breach"
    return "rectified" if row["verdict"] == "pass" else None
