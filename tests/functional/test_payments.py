"""From a computed statement to money and back, as typed: with a bar, a late correction, a recovery and the books."""

from datetime import date
from pathlib import Path

import psycopg
import pytest

from chargewatch import database
from ledger import store
from ledger.canonical import loads
from tests.commands import Typed
from tests.outsider import checked
from tests.subsidy_world import OPERATOR, World, local


@pytest.fixture
def told(typed: Typed, embedded_rehearsal_dsn: str, tmp_path: Path) -> World:
    """June paid 12,000 for a charger and 3.10 for energy; then an order of June was taken back and A was barred."""
    world = World()
    world.prove(world.charger(charger_id="C1", rated_kw_dc=60))
    world.session("s1", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", 30)
    world.statuses.append(("A", "C1-1", local("2023-07-06"), local("2023-07-06")))
    take_in(typed, world, tmp_path / "june")
    assert typed("schedule", "--once", "statement").returncode == 0
    return world


def take_in(typed: Typed, world: World, folder: Path) -> None:
    folder.mkdir()
    assert typed("registry", "import", world.write_registry(folder)).returncode == 0
    assert typed("ingest", world.write_capture(folder / "capture.ndjson")).returncode == 0


def do(typed: Typed, event: str, statement: str, who: str, *more: str) -> str:
    words = ("payment", event, statement, "--who", who, *more)
    done = typed(*words, *(() if "--reference" in more else ("--reason", "so")), "--format", "csv")
    assert done.returncode == 0, done
    return done.stdout.splitlines()[1]


def test_paid_taken_back_barred_and_recovered(typed: Typed, told: World, tmp_path: Path) -> None:
    assert do(typed, "notify", "2023-06", "Chen") == "2023-06/A,shown,[2],"
    assert do(typed, "confirm", "2023-06/A", "Zhou") == "2023-06/A,confirmed,[3],"
    refused = typed("payment", "approve", "2023-06/A", "--who", "chen", "--reason", "so")
    assert (refused.returncode, "a second person" in refused.stderr) == (2, True)
    do(typed, "approve", "2023-06/A", "Lin")
    do(typed, "issue", "2023-06/A", "Chen")
    (row,) = typed("payment", "list", "--format", "json").json()
    assert (row["state"], row["to_pay_yuan"], row["rehearsal"]) == ("issued", "12003.10", True)
    paid = do(typed, "pay", "2023-06/A", "Wu", "--reference", "0042")
    assert paid == "2023-06/A,paid,[6],"
    again = do(typed, "pay", "2023-06/A", "Wu", "--reference", "0042")
    assert again == "2023-06/A,paid,,", "the same payment told twice adds nothing"

    told.sessions.clear()
    told.statuses.clear()
    told.session(
        "s1", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", 30, revision=1, void=True, received="2023-07-07 08:00"
    )
    told.session("s2", "C1-1", "2023-07-09 08:00", "2023-07-09 09:00", 20)
    told.session("s3", "C1-1", "2023-07-09 23:30", "2023-07-10 00:00", 10)  # of the last instant before the bar
    told.session("s4", "C1-1", "2023-07-10 08:00", "2023-07-10 09:00", 20)
    told.statuses.append(("A", "C1-1", local("2023-08-06"), local("2023-08-06")))
    told.tables["operators"] = [{**OPERATOR, "barred_from": date(2023, 7, 10)}]
    take_in(typed, told, tmp_path / "july")
    assert typed("schedule", "--once", "statement").returncode == 0
    with database.connect() as conn:
        record = store.last(conn, "statement", "2023-07")
    assert record is not None
    (statement,) = loads(record.body)
    assert [(line["admitted_kwh"], line["rejected_kwh"]) for line in statement["operating"]] == [("30", "20")]
    assert (statement["adjustments_yuan"], statement["total_yuan"]) == ("-3.00", "0.00")

    for event, who in (("notify", "Chen"), ("confirm", "Zhou"), ("approve", "Lin"), ("issue", "Chen")):
        do(typed, event, "2023-07/A", who)
    states = {row["about"]: row["state"] for row in typed("payment", "list", "--format", "json").json()}
    assert states == {"2023-06/A": "adjusted", "2023-07/A": "closed"}
    nothing = typed("payment", "recover", "2023-07/A", "--who", "Chen", "--reason", "so")
    assert (nothing.returncode, "3.00 yuan were paid too much and 3.00 are set off" in nothing.stderr) == (2, True)


def test_an_order_to_pay_back_and_its_money(typed: Typed, told: World, tmp_path: Path) -> None:
    for event, who in (("notify", "Chen"), ("confirm", "Zhou"), ("approve", "Lin"), ("issue", "Chen")):
        do(typed, event, "2023-06/A", who)
    do(typed, "pay", "2023-06/A", "Wu", "--reference", "0042")
    told.session(
        "s1", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", 30, revision=1, void=True, received="2023-07-07 08:00"
    )
    told.statuses.append(("A", "C1-1", local("2023-08-06"), local("2023-08-06")))
    told.tables["operators"] = [{**OPERATOR, "barred_from": date(2023, 7, 1)}]
    take_in(typed, told, tmp_path / "july")
    assert typed("schedule", "--once", "statement").returncode == 0
    for event, who in (("notify", "Chen"), ("confirm", "Zhou"), ("approve", "Lin"), ("issue", "Chen")):
        do(typed, event, "2023-07/A", who)
    do(typed, "recover", "2023-07/A", "Chen")
    do(typed, "receive", "2023-07/A", "Wu", "--reference", "0043", "--yuan", "3.00")
    wrong = typed("payment", "receive", "2023-07/A", "--who", "Wu", "--reference", "0044", "--yuan", "0.001")
    assert (wrong.returncode, "whole fen" in wrong.stderr) == (2, True)

    accounts = {row["account"]: row["yuan"] for row in typed("payment", "accounts", "--format", "json").json()}
    assert accounts == {"budget": "-12000.10", "paid:A": "12003.10", "recovered:A": "-3.00"}
    (row,) = typed("budget", "--format", "json").json()
    assert (row["programme"], row["year"], row["paid_yuan"], row["recovered_yuan"], row["remaining_yuan"]) == (
        "cn-wenzhou", 2023, "12003.10", "3.00", None,
    )  # fmt: skip
    steps = typed("payment", "show", "2023-07/A", "--format", "json").json()
    assert [step["event"] for step in steps] == [
        "notify", "confirm", "approve", "issue", "close", "order", "receive", "complete"
    ]  # fmt: skip
    assert [line["fen"] for line in steps[5]["found"]["ground"]] == [-300]
    assert typed("payment", "show", "2023-08/A").returncode == 2
    assert typed("payment", "list").stdout.count("REHEARSAL") == 1

    export = tmp_path / "ledger.ndjson"
    assert typed("ledger", "export", export).returncode == 0
    assert typed("ledger", "verify", export).returncode == 0
    assert checked(tmp_path, export).endswith("heads hold\n")
    good = export.read_bytes()
    export.write_bytes(good.replace(b'\\"fen\\":-300', b'\\"fen\\":-301', 1))
    assert typed("ledger", "verify", export).returncode == 1
    export.write_bytes(good)
    nowhere = {"CHARGEWATCH_DSN": "postgresql://nobody@127.0.0.1:1/nothing"}
    again = typed("payment", "check", export, env=nowhere)
    assert (again.returncode, again.stdout.split(":")[0]) == (0, "14 steps follow from 2 statements"), again
    assert typed("payment", "check").stdout == again.stdout

    with database.connect() as conn:
        for change in (
            "UPDATE ledger_record SET body = body",
            "DELETE FROM ledger_record",
            "TRUNCATE ledger_record CASCADE",
        ):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
                conn.execute(change.encode())
        (payment,) = [one for one in store.all_records(conn, "payment") if loads(one.body)["event"] == "pay"]
        body = loads(payment.body)
        body["postings"][0]["fen"] -= 1
        with pytest.raises(psycopg.errors.CheckViolation):
            store.issue(conn, kind="payment", subject="x", body=body, as_of=payment.as_of)
