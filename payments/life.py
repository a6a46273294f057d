"""The life of a statement, and of an order to pay money back: one table of all that can happen.

A statement's life begins as `computed`, when the scheduler writes it to the ledger; an order's as `found`, when a
statement takes back what an earlier one gave. Whatever does not stand in the table cannot happen.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from chargewatch.errors import Refusal

State = Literal[
    "computed", "shown", "confirmed", "contested", "answered", "approved", "issued", "paid", "closed", "adjusted",
    "found", "ordered", "recovered", "withdrawn",
]  # fmt: skip
Event = Literal[
    "notify", "confirm", "contest", "answer", "presume", "approve", "revoke", "issue", "pay", "close", "adjust",
    "order", "receive", "complete", "withdraw",
]  # fmt: skip
Who = Literal["anyone", "second person", "nobody"]
"""`second person`: somebody who has done nothing else in this life, approvals apart; `nobody`: it follows from another
step."""
Effect = Literal["nothing", "commit", "release", "owe", "pay", "claim", "give_back", "waive"]
"""Which entry follows (payments.booking)."""


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an event leads, who may bring it about, and which entry follows."""

    state: State
    who: Who = "anyone"
    effect: Effect = "nothing"


TABLE: Mapping[tuple[State, Event], Transition] = {
    ("computed", "notify"): Transition("shown"),
    ("shown", "confirm"): Transition("confirmed"),
    ("shown", "contest"): Transition("contested"),
    ("shown", "presume"): Transition("confirmed"),  # the time to answer has passed
    ("contested", "answer"): Transition("answered"),  # what is right in it comes as an adjustment
    ("confirmed", "approve"): Transition("approved", "second person", "commit"),
    ("answered", "approve"): Transition("approved", "second person", "commit"),
    ("approved", "revoke"): Transition("shown", "anyone", "release"),
    ("approved", "issue"): Transition("issued", "anyone", "owe"),
    ("issued", "pay"): Transition("paid", "anyone", "pay"),
    ("issued", "close"): Transition("closed", "nobody"),  # there is nothing to pay
    ("issued", "adjust"): Transition("issued", "nobody"),  # a later statement changes it
    ("paid", "adjust"): Transition("adjusted", "nobody"),
    ("closed", "adjust"): Transition("adjusted", "nobody"),
    ("adjusted", "adjust"): Transition("adjusted", "nobody"),
    ("found", "order"): Transition("ordered", "anyone", "claim"),
    ("ordered", "receive"): Transition("ordered", "anyone", "give_back"),  # a part
    ("ordered", "complete"): Transition("recovered", "nobody"),  # all of it has come
    ("ordered", "withdraw"): Transition("withdrawn", "second person", "waive"),
    ("withdrawn", "order"): Transition("ordered", "anyone", "claim"),
}

UNISSUED: tuple[State, ...] = ("computed", "shown", "confirmed", "contested", "answered", "approved")
ISSUED: tuple[State, ...] = ("issued", "paid", "closed", "adjusted")


def after(state: State, event: Event, who: str, people: Iterable[str]) -> Transition:
    """Where an event leads in a life in which these people have acted; Refusal where it cannot happen, or not by them.

    Names are compared as people read them: after NFKC, without case and spaces around.
    """
    found = TABLE.get((state, event))
    if found is None:
        possible = [name for before, name in TABLE if before == state and TABLE[before, name].who != "nobody"]
        raise Refusal(
            f"{event} is not possible of what is {state}",
            " or ".join(possible) or "nothing more: it is over",
            "docs/commission/payments.md",
        )
    if found.who == "second person" and _same(who) in map(_same, people):
        raise Refusal(f"{who} has acted in this life before", "a second person", "docs/commission/payments.md")
    return found


def _same(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
