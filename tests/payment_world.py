"""Statements, steps and a policy told in a few words, for what becomes of a statement; the ledger in memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from ledger.canonical import dumps, loads
from ledger.chain import Record, record_hash, sha256
from payments.books import Books
from payments.deciding import Act, taken
from payments.life import Event
from payments.statements import Key, Statement, fen, statements, yuan
from subsidy import policy as policies
from subsidy.policy import Policy

SPEC = Path(__file__).parent / "spec"
POLICY = policies.load()
BEGIN = datetime(2023, 7, 6, tzinfo=UTC)
EVENTS = {
    "shows": "notify", "confirms": "confirm", "contests": "contest", "answers": "answer", "presumes": "presume",
    "approves": "approve", "revokes": "revoke", "issues": "issue", "pays": "pay", "recovers": "order",
    "receives": "receive", "withdraws": "withdraw",
}  # fmt: skip


def cases(*names: str) -> list[dict[str, Any]]:
    """Every case of these files under tests/spec; none is an error."""
    found = [
        {**case, "file": name}
        for name in names
        for case in yaml.load((SPEC / f"{name}.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    ]
    assert found, names
    return found


def policy(said: Mapping[str, Any]) -> Policy:
    """The default policy with what a case says otherwise: budget by year, rule, rates."""
    told = msgspec.to_builtins(POLICY)
    years = [
        {"year": int(year), "amount": {"value": amount, "unit": "yuan", "clause": "test"}}
        for year, amount in said.get("budget", {}).items()
    ]
    told["budget"]["years"] = years
    told["budget"]["when_exhausted"]["rule"] = said.get("when_exhausted", "first_come")
    told["budget"]["recovered"]["to"] = said.get("recovered_to", "budget")
    told["recovery"]["interest"]["value"] = said.get("interest_per_day", "0")
    told["recovery"]["penalty"]["value"] = said.get("penalty", "0")
    return msgspec.convert(told, Policy, strict=False)


def body(statement: str, total: str, lines: Mapping[str, str] | None = None) -> dict[str, Any]:
    """One operator's statement as contract 4 has it, as far as payments read it."""
    period, operator_id = statement.split("/")
    adjustments = [
        {"period": earlier, "subject": f"operating/S1/{earlier}", "amount": f"{Decimal(amount):.2f}", "reason": "late"}
        for earlier, amount in (lines or {}).items()
    ]
    return {
        "operator_id": operator_id,
        "period": period,
        "policy": POLICY.id,
        "rehearsal": False,
        "adjustments": adjustments,
        "total_yuan": f"{Decimal(total):.2f}",
    }


def stated(record: Record) -> dict[Key, Statement]:
    """The statements of a record, all of the default programme."""
    found = statements(record.seq, record.hash, record.subject, loads(record.body), lambda _: POLICY.programme)
    return {one.key: one for one in found}


class World:
    """A ledger in memory with what payments make of it."""

    def __init__(self, rules: Policy = POLICY, barred: Mapping[str, date] | None = None) -> None:
        self.policy, self.barred = rules, dict(barred or {})
        self.records: list[Record] = []
        self.statements: dict[Key, Statement] = {}
        self.books = Books()

    def record(self, kind: str, subject: str, said: object) -> Record:
        """Another record at the end of the chain."""
        text = dumps(said).decode()
        at = BEGIN + timedelta(minutes=len(self.records))
        previous = self.records[-1].hash if self.records else None
        digest = sha256(text.encode())
        made = Record(len(self.records) + 1, kind, subject, at, at, text, digest, None, None, None, previous, "")
        self.records.append(replace(made, hash=record_hash(made)))
        return self.records[-1]

    def state(self, *bodies: Mapping[str, Any]) -> None:
        """Statements of one period into the ledger, as the scheduler's job does."""
        self.statements.update(stated(self.record("statement", bodies[0]["period"], list(bodies))))

    def act(self, key: Key, event: Event, who: str, on: date, reason: str = "so", **given: Any) -> int:
        """A step, by that person on that day; how many records it gave. Refusal as for a user."""
        since = self.barred.get(key.operator_id)
        act = Act(event, who, reason, on, given)
        steps = taken(act, key, self.statements, self.books, self.policy, since is not None and since <= on)
        for step in steps:
            assert step.identity == self.record("payment", step.identity, step.body).body_sha256
            self.books.add(step)
        return len(steps)

    def tell(self, line: str) -> None:
        """A step as a case says it: `2023-07-06 Chen shows 2023-06/A`; money: `… receives 10.00 of 2023-07/A`."""
        day, who, verb, *rest = line.split()
        given: dict[str, Any] = {"reference": line} if verb in ("pays", "receives") else {}
        if rest[1:2] == ["of"]:
            given["fen"] = fen(rest[0])
            rest = rest[2:]
        (statement,) = rest
        subject, operator_id = statement.split("/")
        event = cast(Event, EVENTS[verb])
        key = Key(subject, operator_id, event in ("order", "receive", "withdraw"))
        self.act(key, event, who, date.fromisoformat(day), reason=line, **given)

    def accounts(self) -> dict[str, str]:
        """What is on each account, in yuan, over all years; nothing is left out but what is empty."""
        sums: dict[str, int] = {}
        for (_, _, account), amount in self.books.balances.items():
            sums[account] = sums.get(account, 0) + amount
        return {account: yuan(amount) for account, amount in sums.items() if amount}


def world(case: Mapping[str, Any]) -> World:
    """The world that a case begins with: its policy, who is barred, and the statements that were issued."""
    barred = {operator: date.fromisoformat(day) for operator, day in case.get("barred_from", {}).items()}
    told = World(policy(case.get("policy", {})), barred)
    of_period: dict[str, list[dict[str, Any]]] = {}
    for statement, said in case["statements"].items():
        total, lines = (said["total"], said["takes back"]) if isinstance(said, dict) else (said, {})
        of_period.setdefault(statement.split("/")[0], []).append(body(statement, total, lines))
    for _, bodies in sorted(of_period.items()):
        told.state(*bodies)
    return told
