"""A step in a life, as the ledger keeps it: what happened, by whom, why, on which day, and the entry that follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

from ledger.canonical import dumps, loads
from ledger.chain import sha256
from ledger.entries import Posting
from payments.life import Event, State
from payments.statements import Key


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `given` is what the person said beside the reason, `found` what follows from the rules."""

    key: Key
    event: Event
    state: State
    """What it is then."""
    who: str
    reason: str
    on: date
    """Policy day."""
    record: int
    """The statement that it follows from, as the ledger numbers it, and its hash."""
    hash: str
    programme: str
    year: int
    policy: str
    policy_sha256: str
    rehearsal: bool
    previous: str | None
    """Identity of the step before it in this life."""
    automatic: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)

    @property
    def body(self) -> dict[str, Any]:
        """The body of its record."""
        return {
            "subject": self.key.subject,
            "operator_id": self.key.operator_id,
            "recovery": self.key.recovery,
            "event": self.event,
            "state": self.state,
            "who": self.who,
            "reason": self.reason,
            "on": self.on,
            "follows": {"record": self.record, "hash": self.hash},
            "programme": self.programme,
            "year": self.year,
            "policy": self.policy,
            "policy_sha256": self.policy_sha256,
            "rehearsal": self.rehearsal,
            "previous": self.previous,
            "automatic": self.automatic,
            "given": dict(self.given),
            "found": dict(self.found),
            "postings": self.postings,
        }

    @property
    def identity(self) -> str:
        """SHA-256 of its body: the same step has the same one, wherever it is made."""
        return sha256(dumps(self.body))

    def says_the_same(self, other: "Step") -> bool:
        """Whether a person said the same in both: a step submitted twice."""
        return (self.key, self.event, self.who, self.reason, dict(self.given)) == (
            other.key, other.event, other.who, other.reason, dict(other.given)
        )  # fmt: skip


def read(text: str) -> Step:
    """The step of a record's body; KeyError, TypeError or ValueError if it is none."""
    body = loads(text)
    key = Key(body["subject"], body["operator_id"], body["recovery"])
    return Step(
        key, cast(Event, body["event"]), cast(State, body["state"]), body["who"], body["reason"],
        date.fromisoformat(body["on"]), body["follows"]["record"], body["follows"]["hash"], body["programme"],
        body["year"], body["policy"], body["policy_sha256"], body["rehearsal"], body["previous"], body["automatic"],
        body["given"], body["found"], body["postings"],
    )  # fmt: skip
