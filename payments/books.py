"""The books: where each life stands and what is on each account, all of it from the steps alone."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from payments.booking import Claim
from payments.life import Event, State
from payments.statements import Key
from payments.steps import Step

Account = tuple[str, int, str]
"""Programme, budget year, name."""


@dataclass(slots=True)
class Life:
    """One life so far."""

    steps: list[Step] = field(default_factory=list)
    state: State = "computed"
    people: set[str] = field(default_factory=set)
    granted_fen: int = 0
    cut_fen: int = 0
    outstanding: Claim = field(default_factory=Claim)
    """What an order still asks for."""

    def latest(self, event: Event | None = None) -> Step | None:
        """The latest step, or the latest such step; None before it."""
        return next((step for step in reversed(self.steps) if event in (None, step.event)), None)


class Books:
    """All lives and accounts; steps are added in the order of the ledger."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.lives: dict[Key, Life] = {}
        self.balances: dict[Account, int] = defaultdict(int)
        for step in steps:
            self.add(step)

    def add(self, step: Step) -> None:
        """Take a step into the books."""
        life = self.lives.setdefault(step.key, Life())
        life.steps.append(step)
        life.state = step.state
        if not step.automatic and step.event not in ("approve", "revoke"):
            life.people.add(step.who)
        for one in step.postings:
            self.balances[step.programme, step.year, one["account"]] += one["fen"]
        if step.event == "approve":
            life.granted_fen, life.cut_fen = step.found["granted_fen"], step.found["cut_fen"]
        elif step.event == "revoke":
            life.granted_fen = life.cut_fen = 0
        elif step.event == "order":
            life.outstanding = Claim(*(step.found[f"{name}_fen"] for name in ("principal", "interest", "penalty")))
        elif step.event == "receive":
            life.outstanding = life.outstanding.less(life.outstanding.part(step.given["fen"]))
        elif step.event == "withdraw":
            life.outstanding = Claim()

    def life(self, key: Key) -> Life:
        """The life of a statement or of an order to pay back; before its first step as the table begins it."""
        return self.lives.get(key) or Life(state="found" if key.recovery else "computed")

    def balance(self, programme: str, year: int, account: str) -> int:
        """What is on an account, in fen."""
        return self.balances.get((programme, year, account), 0)

    def years(self) -> list[tuple[str, int]]:
        """The programmes and years in which anything was booked."""
        return sorted({(programme, year) for programme, year, _ in self.balances})
