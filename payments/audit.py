"""Whether every step in a ledger is the one that had to follow: from its statements, the table and the policy alone."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from chargewatch.errors import Refusal
from ledger.chain import Record
from ledger.entries import KIND
from payments.books import Books
from payments.deciding import Act, taken
from payments.statements import Key, Statement
from payments.steps import Step, read
from subsidy.policy import Policy

PolicyOf = Callable[[str, str], Policy | None]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A payment record that is not what had to follow, and why."""

    record: int
    seen: str

    def __str__(self) -> str:
        return f"record {self.record}: {self.seen}"


class Audit:
    """Takes every step of a ledger again, in order, and holds it against its record.

    `stated` gives the statements of a record of kind `statement`, `policy_of` the policy of an id and a SHA-256, None
    where it is not at hand.
    Whether an operator was barred that day does not stand in the ledger: it is taken that nobody was.
    """

    def __init__(self, stated: Callable[[Record], Mapping[Key, Statement]], policy_of: PolicyOf) -> None:
        self.books = Books()
        self.steps = self.statements = 0
        self._stated, self._policy_of = stated, policy_of
        self._statements: dict[Key, Statement] = {}
        self._due: list[Step] = []

    def wrong(self, records: Iterable[Record]) -> Iterator[Wrong]:
        """What does not follow, record by record."""
        seq = 0
        for record in records:
            seq = record.seq
            if record.kind == "statement" and record.supersedes is None:
                found = self._stated(record)
                self.statements += len(found)
                self._statements.update(found)
            elif record.kind == KIND:
                self.steps += 1
                try:
                    step = read(record.body)
                except (KeyError, TypeError, ValueError):
                    yield Wrong(seq, "a body that is no step")
                    continue
                yield from (Wrong(seq, seen) for seen in self._step(step))
                self.books.add(step)
        for due in self._due:
            yield Wrong(seq, f"{due.event} of {due.key} had to follow")

    def _step(self, step: Step) -> Iterator[str]:
        if not self._due:
            try:
                self._due = self._taken(step)
            except Refusal as refusal:
                yield str(refusal)
                return
        due = self._due.pop(0)
        if due.identity != step.identity:
            self._due = []
            yield f"{step.event} of {step.key}; {due.event} of {due.key} had to follow, as {due.identity}"

    def _taken(self, step: Step) -> list[Step]:
        policy = self._policy_of(step.policy, step.policy_sha256)
        if policy is None:
            raise Refusal(f"it was taken under {step.policy} {step.policy_sha256}", "a policy that is at hand")
        act = Act(step.event, step.who, step.reason, step.on, step.given)
        steps = taken(act, step.key, self._statements, self.books, policy, barred=False)
        if not steps:
            raise Refusal(f"{step.event} of {step.key} was there before", "each step once")
        return steps
