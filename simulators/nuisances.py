"""Messages that are wrong on purpose, one of each kind that the collector must keep apart."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from chargewatch.instants import iso
from simulators.calendar import HOUR_US, MINUTE_US
from simulators.city import City, Post
from simulators.feed import MAX_ITEMS, Message, Sender, topic
from simulators.truth import Nuisance


@dataclass(frozen=True, slots=True)
class Prank:
    """A spoilt message to be sent: what it is, and how many items are expected to be refused with `reason`."""

    name: str
    kind: str
    reason: str
    items: int = 1


PRANKS = (
    Prank("cut off in the middle", "status", "unreadable"),
    Prank("not UTF-8", "status", "unreadable"),
    Prank("another schema", "status", "unknown_schema"),
    Prank("a status nobody knows", "status", "invalid_item"),
    Prank("no items", "status", "invalid_item"),
    Prank("a connector nobody registered", "status", "unknown_connector"),
    Prank("another operator's connector", "status", "unknown_connector"),
    Prank("an operator nobody registered", "status", "wrong_operator"),
    Prank("twenty minutes in the future", "status", "clock_future"),
    Prank("a state of charge of 140 %", "meter", "implausible"),
    Prank("ends before it starts", "session", "implausible"),
    Prank("a phone number in the detail", "status", "personal_data"),
    Prank("more than a thousand connectors", "heartbeat", "too_large"),
)


def schedule(seed: int, operators: int, from_us: int, to_us: int, step_us: int) -> list[tuple[int, int, Prank]]:
    """When (on the grid of sending) which operator sends which prank, in order; each twice."""
    rng = Random(f"{seed}/nuisances")
    steps = (to_us - from_us) // step_us
    dealt = [
        (from_us + rng.randrange(1, steps) * step_us, rng.randrange(operators), prank) for prank in PRANKS for _ in "12"
    ]
    return sorted(dealt, key=lambda one: (one[0], one[1], one[2].name))


def spoil(prank: Prank, sender: Sender, city: City, sent_us: int, received_us: int) -> tuple[Message, Nuisance]:
    """The message, and what is to be expected of it."""
    own = [post for post in city.posts() if post.operator_id == sender.operator_id]
    others = [post for post in city.posts() if post.operator_id != sender.operator_id]
    body = sender.envelope(prank.kind, sent_us) | {"items": _items(prank.name, own or others, others or own, sent_us)}
    where, is_json = topic(sender.operator_id, prank.kind), True
    if prank.name == "another schema":
        body["schema"] = "ev.status/9"
    if prank.name == "an operator nobody registered":
        where = topic("NOBODY", prank.kind)
    payload = json.dumps(body, separators=(",", ":")).encode()
    if prank.name == "cut off in the middle":
        payload, is_json = payload[:-25], False
    if prank.name == "not UTF-8":
        payload, is_json = payload.replace(b"available", b"\xff\xfe"), False
    message = Message(sender.operator_id, where, payload, sent_us, received_us, is_json)
    return message, Nuisance(sent_us, sender.operator_id, where, prank.reason, prank.items, prank.name)


def _items(name: str, own: Sequence[Post], others: Sequence[Post], sent_us: int) -> list[dict[str, Any]]:
    mine = own[0].plugs[0].connector_id
    status = {"connector_id": mine, "at": iso(sent_us - MINUTE_US), "status": "available"}
    changed: dict[str, list[dict[str, Any]]] = {
        "a status nobody knows": [status | {"status": "exploded"}],
        "no items": [],
        "a connector nobody registered": [status | {"connector_id": "330302999-99-9"}],
        "another operator's connector": [status | {"connector_id": others[0].plugs[0].connector_id}],
        "twenty minutes in the future": [status | {"at": iso(sent_us + 20 * MINUTE_US)}],
        "a state of charge of 140 %": [
            {"connector_id": mine, "at": iso(sent_us - MINUTE_US), "energy_kwh": 1, "soc_pct": 140}
        ],
        "ends before it starts": [
            {
                "session_id": f"{mine}-P{sent_us // MINUTE_US}",
                "connector_id": mine,
                "start": iso(sent_us - HOUR_US),
                "end": iso(sent_us - 2 * HOUR_US),
                "energy_kwh": 12.5,
            }
        ],
        "a phone number in the detail": [status | {"detail": "13800138000"}],
        "more than a thousand connectors": [{"at": iso(sent_us), "connector_ids": [mine] * (MAX_ITEMS + 1)}],
    }
    return changed.get(name, [status])
