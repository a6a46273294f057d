"""Reports of closed months: issued when due, once, and superseded with a named difference when data come late."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chargewatch.database import connect
from chargewatch.output import Format
from ledger.canonical import loads
from ledger.store import all_heads, all_records, last
from ledger.verify import verify
from scheduler import late
from scheduler.jobs import JOBS
from scheduler.running import Run, run_job
from tests.commands import Command
from tests.servers import started
from tests.small_city import SmallCity, local
from uptime import auditing

JOB = {job.name: job for job in JOBS}
JUNE = date(2023, 6, 1)


@pytest.fixture
def city(tmp_path: Path) -> SmallCity:
    return SmallCity(tmp_path)


def run(name: str) -> Run:
    result = run_job(JOB[name])
    assert result.outcome == "done", result
    return result


def serving(city: SmallCity, first: date, until: datetime) -> list[dict[str, Any]]:
    start = local(first)
    return [city.status(start, "available"), *city.heartbeats(start, until)]


def issued(kind: str = "availability") -> list[tuple[str, int | None]]:
    with connect() as conn:
        records = list(all_records(conn))
        assert verify(records, all_heads(conn)) == []
    return [(record.subject, record.supersedes) for record in records if record.kind == kind]


def set_clock(dsn: str, moment: datetime) -> None:
    """Make a store of record believe that it is this moment, from the next connection on."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA IF NOT EXISTS told")
        conn.execute(
            "CREATE OR REPLACE FUNCTION told.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
            f" $$ SELECT pg_catalog.clock_timestamp() + '{(moment - datetime.now(UTC)).total_seconds()} s' $$".encode()
        )
        conn.execute(f"ALTER DATABASE {conn.info.dbname} SET search_path = told, pg_catalog, public".encode())


def two_months_ago() -> date:
    """A month that is closed, whatever the day, and whose figures are due."""
    first = datetime.now(UTC).date().replace(day=1)
    for _ in range(2):
        first = (first - timedelta(days=1)).replace(day=1)
    return first


def test_a_month_is_issued_once_its_delay_is_over(embedded_rehearsal_dsn: str, city: SmallCity) -> None:
    assert run("report").said == "nothing has been received yet"
    city.register()
    city.ingest(*serving(city, JUNE, local(date(2023, 7, 5), 12)))
    run("report")
    assert issued() == []
    city.ingest(*city.heartbeats(local(date(2023, 7, 6)), local(date(2023, 7, 6))))
    assert run("report").said == "2023-06 issued as record 1"
    run("report")
    assert issued() == [("2023-06", None)]
    with connect() as conn:
        record = last(conn, "availability", "2023-06")
    assert record is not None
    assert record.as_of == record.recorded_at == local(date(2023, 7, 6))  # the senders' clock, not this machine's
    rows = {(row["level"], row["id"]): row for row in loads(record.body)}
    assert rows["operator", "A"]["ratio"] == "1.00000000"
    assert rows["operator", "A"]["rehearsal"] is True
    assert {level for level, _ in rows} == {"city", "district", "operator", "station", "charger", "connector"}


def test_months_that_were_missed_are_caught_up(embedded_rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    city.ingest(*serving(city, JUNE, local(date(2023, 9, 20))))
    run("report")
    assert issued() == [("2023-06", None), ("2023-07", None), ("2023-08", None)]


def test_late_data_supersede_with_a_named_difference(
    dsn: str, city: SmallCity, capsys: pytest.CaptureFixture[str]
) -> None:
    month = two_months_ago()
    city.register()
    city.ingest(*serving(city, month, local(month, 24 * 40)))
    run("report")
    with connect() as conn:
        first = last(conn, "availability", f"{month:%Y-%m}")
    assert first is not None
    before = issued()

    fault = city.status(local(month, 24), "faulted", "C1-1", boot="late")
    mended = city.status(local(month, 24 * 5), "available", "C1-1", boot="late")
    city.ingest(fault, mended)
    run("report")
    with connect() as conn:
        second = last(conn, "availability", f"{month:%Y-%m}")
        records = list(all_records(conn))
    assert second is not None
    assert records[first.seq - 1] == first  # what was issued stands
    assert (second.supersedes, len(records)) == (first.seq, len(before) + 1)
    difference = loads(second.difference or "")
    where = "level=connector operator_id=A id=C1-1"
    changed = {(change["row"], change["field"]): change for change in difference["changes"]}
    assert changed[where, "ratio"]["before"] == "1.00000000"
    assert changed[where, "ratio"]["after"] < "0.9"
    assert ("level=connector operator_id=A id=C1-2", "ratio") not in changed
    (named,) = difference["inputs"]
    said = {
        "input": "status",
        "operator_id": "A",
        "boot_id": "late",
        "first_seq": fault["payload"]["seq"],
        "last_seq": mended["payload"]["seq"],
        "items": 2,
        "connectors": 1,
    }
    assert {name: named[name] for name in said} == said
    assert named["left_out_s"] == {"up": "-345600.000000", "down": "345600.000000"}
    capsys.readouterr()
    auditing.diff(str(first.seq), f"#{second.seq}", format=Format.json)
    shown = json.loads(capsys.readouterr().out)
    assert [{**one, "connectors": len(one["connectors"])} for one in shown["inputs"]] == [named]
    assert shown["not_reproduced"] == []
    assert {row["id"] for row in shown["figures"]} == {"city", "lucheng", "A", "S1", "C1", "C1-1"}
    run("report")
    assert len(issued()) == len(records)


def test_what_cannot_change_a_month_does_not_make_it_due(embedded_dsn: str, city: SmallCity) -> None:
    month = two_months_ago()
    end = local((month + timedelta(days=32)).replace(day=1))
    city.register()
    city.ingest(*serving(city, month, end - timedelta(hours=12)))
    with connect() as conn:
        [since] = conn.execute("SELECT clock_timestamp()").fetchone() or [None]
        city.ingest(*city.heartbeats(end, end + timedelta(days=5)))
        assert not late.anything(conn, end, since)
        city.register()  # nothing new
        assert not late.anything(conn, end, since)
        city.ingest(*city.heartbeats(end - timedelta(hours=1), end - timedelta(hours=1)))
        assert late.anything(conn, end, since)
        [since] = conn.execute("SELECT clock_timestamp()").fetchone() or [None]
        city.register(commissioned_on="2022-06-02")
        assert late.anything(conn, end, since)
        assert [row["input"] for row in late.inputs(conn, end, since, datetime.now(UTC))] == ["registry"]


def test_a_check_that_changed_nothing_is_not_made_again(embedded_dsn: str, city: SmallCity) -> None:
    month = two_months_ago()
    city.register()
    city.ingest(*serving(city, month, local(month, 24 * 3)))
    run("report")
    count = len(issued())
    city.ingest(*city.heartbeats(local(month, 30), local(month, 30)))  # proves nothing that was not proven

    def checks() -> int:
        with connect() as conn:
            [number] = conn.execute("SELECT count(*) FROM issue_check").fetchone() or [0]
        return int(number)

    assert checks() == 0
    run("report")
    once = checks()
    assert once == count
    run("report")
    assert (checks(), len(issued())) == (once, count)


def test_a_pending_verdict_ripens_into_a_breach_by_the_passing_of_time(embedded_dsn: str, city: SmallCity) -> None:
    set_clock(embedded_dsn, local(date(2023, 7, 6)))
    city.register()
    city.ingest(*serving(city, JUNE, local(date(2023, 6, 20))))  # then nothing: no_data alone decides

    def verdict() -> tuple[str, bool, int]:
        with connect() as conn:
            record = last(conn, "availability", "2023-06")
        assert record is not None
        [row] = [row for row in loads(record.body) if row["level"] == "operator"]
        return row["verdict"], row["breach"], record.seq

    run("report")
    assert verdict() == ("pending", False, 1)
    set_clock(embedded_dsn, local(date(2023, 7, 30), 23))
    run("report")
    assert verdict() == ("pending", False, 1)
    set_clock(embedded_dsn, local(date(2023, 7, 31)))  # 30 days after the period's end
    run("report")
    assert verdict() == ("pending", True, 2)


def test_money_issued_moves_only_by_the_next_statement(
    embedded_dsn: str, city: SmallCity, chargewatch: Command
) -> None:
    set_clock(embedded_dsn, local(date(2023, 7, 6)))
    city.register()
    city.ingest(
        *serving(city, JUNE, local(date(2023, 6, 30), 12)), city.session(local(JUNE, 240), 1, "30", "s1", "100")
    )
    run("statement")
    set_clock(embedded_dsn, local(date(2023, 7, 10)))
    late_order = city.session(local(date(2023, 6, 29)), 1, "12.5", "s2", "130", sent=local(date(2023, 7, 9)))
    city.ingest(late_order)
    run("statement")
    set_clock(embedded_dsn, local(date(2023, 8, 6)))
    run("statement")
    run("statement")
    with connect() as conn:
        records = list(all_records(conn))
    assert issued("statement") == [("2023-06", None), ("2023-06", 1), ("2023-07", None)]
    bodies = [loads(record.body)[0] for record in records]
    assert [body["operating_yuan"] for body in bodies] == ["3.00", "4.25", "0.00"]
    assert [body["total_yuan"] for body in bodies][2] == "1.25"
    assert [(row["period"], row["amount"]) for row in bodies[2]["adjustments"]] == [("2023-06", "1.25")]
    shown = chargewatch("subsidy", "statement", "--period", "2023-07", "--format", "json").json()[0]
    assert shown == {**bodies[2], "as_of": shown["as_of"]}
    difference = loads(records[1].difference or "")
    assert [row["input"] for row in difference["inputs"]] == ["session"]
    fields = {(row["row"], row["field"]) for row in difference["changes"]}
    assert ("operator_id=A period=2023-06 / operating / station_id=S1 month=2023-06", "admitted_kwh") in fields


KILLED = """
import os, signal
from scheduler import issuing
from scheduler.jobs import JOBS
from scheduler.running import run_job
real, months = issuing.issue, []
def dying(conn, **document):
    months.append(document["subject"])
    if len(months) == 2:
        with conn.transaction():  # after the record was written, before it is committed
            real(conn, **document)
            os.kill(os.getpid(), signal.SIGKILL)
    return real(conn, **document)
issuing.issue = dying
run_job(next(job for job in JOBS if job.name == "report"))
"""


def test_a_job_killed_in_the_middle_and_run_again(rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    city.ingest(*serving(city, JUNE, local(date(2023, 8, 8))))
    killed = subprocess.run([sys.executable, "-c", KILLED], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert issued() == [("2023-06", None)]
    run("report")
    assert issued() == [("2023-06", None), ("2023-07", None)]


RUN = "import sys; from scheduler.commands import schedule; schedule(sys.argv[1:])"


def test_two_schedulers_at_once_issue_everything_once(rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    city.ingest(*serving(city, JUNE, local(date(2023, 8, 8))))
    jobs = ["availability", "report", "seal"]
    words = (sys.executable, "-c", RUN, *jobs)
    with started(*words, env=dict(os.environ)) as one, started(*words, env=dict(os.environ)) as another:
        assert [one.wait(240), another.wait(240)] == [0, 0]
    assert issued() == [("2023-06", None), ("2023-07", None)]
    with connect() as conn:
        [days] = conn.execute("SELECT count(DISTINCT day) FROM connector_day").fetchone() or [0]
        [done] = conn.execute("SELECT count(*) FROM job_run WHERE outcome = 'done'").fetchone() or [0]
    assert (days, done) == (30 + 31 + 7, 6)


def test_days_that_were_missed_are_computed_and_sealed(embedded_rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    city.ingest(*serving(city, JUNE, local(date(2023, 7, 8))))
    run("availability")
    run("report")
    run("seal")
    with connect() as conn:
        assert all_heads(conn) == []  # the day of the first record is not over
    city.ingest(*city.heartbeats(local(date(2023, 7, 8), 12), local(date(2023, 7, 12), 12)))
    run("availability")
    run("seal")
    with connect() as conn:
        heads = all_heads(conn)
        [days] = conn.execute("SELECT array_agg(DISTINCT day ORDER BY day) FROM connector_day").fetchone() or [[]]
    assert [head.day for head in heads] == [date(2023, 7, 8 + nth) for nth in range(4)]
    assert {head.last_seq for head in heads} == {1}
    assert days == [JUNE + timedelta(days=nth) for nth in range(41)]
    run("seal")
    with connect() as conn:
        assert all_heads(conn) == heads
