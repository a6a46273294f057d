"""Steps in a real database: one at a time, each once, all of what follows or nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from chargewatch import database
from chargewatch.errors import Refusal
from ledger import store
from ledger.canonical import loads
from ledger.verify import verify
from payments import report
from payments.acting import act
from payments.life import Event
from subsidy.policy import load
from tests.payment_world import body

AS_OF = datetime(2023, 8, 6, tzinfo=UTC)


def state(conn: psycopg.Connection, period: str, *bodies: object) -> store.Record:
    return store.issue(conn, kind="statement", subject=period, body=list(bodies), as_of=AS_OF)


def do(event: Event, about: str, who: str, on: date | None = None) -> list[dict[str, object]]:
    with database.connect() as conn:
        return act(conn, about=about, event=event, who=who, reason="so", on=on)


def test_many_at_once_take_a_step_once(dsn: str) -> None:
    with database.connect() as conn:
        state(conn, "2023-06", body("2023-06/A", "100.00"), body("2023-06/B", "50.00"))
    with ThreadPoolExecutor(8) as at_once:
        list(at_once.map(lambda _: do("notify", "2023-06/A", "Chen"), range(8)))
        do("confirm", "2023-06/A", "Zhou")
        approvers = [at_once.submit(do, "approve", "2023-06/A", who) for who in ("Lin", "Xu", "Wu")]
    refused = [one for one in approvers if isinstance(one.exception(), Refusal)]
    with database.connect() as conn:
        records = list(store.all_records(conn))
        assert [loads(one.body)["event"] for one in records[1:]] == ["notify", "confirm", "approve"]
        assert len(refused) == 2
        assert verify(records, []) == []
        assert {row["account"]: row["fen"] for row in report.accounts(conn)} == {"budget": -10000, "committed:A": 10000}


def test_all_of_a_period_and_what_cannot_be(dsn: str) -> None:
    with database.connect() as conn:
        state(conn, "2023-06", body("2023-06/A", "100.00"), body("2023-06/B", "50.00"))
        state(conn, "2023-07", body("2023-07/A", "10.00"))
        assert [row["state"] for row in do("notify", "2023-06", "Chen")] == ["shown", "shown"]
        do("confirm", "2023-06/A", "Zhou")
        do("confirm", "2023-06/B", "Lin")
        rows = do("approve", "2023-06", "Lin")
        assert [(row["statement"], row["state"]) for row in rows] == [
            ("2023-06/A", "approved"),
            ("2023-06/B", "confirmed"),
        ]
        assert "a second person" in str(rows[1]["refused"])
        with pytest.raises(Refusal, match="possible for no statement"):
            do("pay", "2023-06", "Wu")
        with pytest.raises(Refusal, match="has been issued to the ledger"):
            do("notify", "2023-09", "Chen")
        with pytest.raises(Refusal, match="has not come yet"):
            do("issue", "2023-06/A", "Chen", on=date(2999, 1, 1))
        with pytest.raises(Refusal, match="before the step before it"):
            do("issue", "2023-06/A", "Chen", on=date(2020, 1, 1))


def test_money_is_that_of_the_first_record_and_what_is_known_since_is_shown(dsn: str) -> None:
    with database.connect() as conn:
        state(conn, "2023-06", body("2023-06/A", "100.00"))
        second = state(conn, "2023-06", body("2023-06/A", "90.00"))
        do("notify", "2023-06/A", "Chen")
        (row,) = report.listed(conn)
        assert (row["total_yuan"], row["known_now_yuan"], row["record"], second.seq) == ("100.00", "90.00", 1, 2)


BUDGET = """id: with-a-budget
follows: cn-wenzhou-2022-137
programme: {programme}
validity: {{first_day: 2022-01-01, last_day: 2023-12-31, clause: example}}
title: a budget
document: none
issuer: nobody
issued_on: 2023-01-01
budget:
  years: [{{year: 2023, amount: {{value: "120.00", unit: yuan, clause: example}}}}]
"""


def test_a_policy_of_the_programme_brings_the_budget(embedded_dsn: str, tmp_path: Path) -> None:
    file, other = tmp_path / "with-a-budget.yaml", tmp_path / "other" / "with-a-budget.yaml"
    other.parent.mkdir()
    file.write_text(BUDGET.format(programme="cn-wenzhou"), encoding="utf-8")
    other.write_text(BUDGET.format(programme="another"), encoding="utf-8")
    with database.connect() as conn:
        state(conn, "2023-06", body("2023-06/A", "100.00"), body("2023-06/B", "50.00"))
        do("notify", "2023-06", "Chen")
        do("confirm", "2023-06", "Zhou")
        with pytest.raises(Refusal, match="of the programme another"):
            act(conn, about="2023-06/A", event="approve", who="Lin", reason="so", policy=str(other))
        act(conn, about="2023-06", event="approve", who="Lin", reason="so", policy=str(file))
        (row,) = report.budgets(conn, [load(str(file))])
        assert (row["budget_yuan"], row["committed_yuan"], row["cut_yuan"]) == ("120.00", "120.00", "30.00")
        assert report.budgets(conn, [])[0]["budget_yuan"] is None
