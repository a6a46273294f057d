"""The scheduler as a process: catches up at the start, outlives a failing job, stops cleanly, shows its metrics."""

import os
import subprocess
import sys
import time
import urllib.request
from datetime import date
from pathlib import Path

import psycopg
import pytest

from chargewatch.database import connect, job_lock
from chargewatch.errors import Refusal
from ledger.store import all_records
from scheduler import metrics
from scheduler.jobs import JOBS
from scheduler.running import Job, run_job
from tests.commands import Command, Typed
from tests.servers import free_port
from tests.small_city import SmallCity, local

JOB = {job.name: job for job in JOBS}


@pytest.fixture
def city(tmp_path: Path) -> SmallCity:
    return SmallCity(tmp_path)


def runs(dsn: str) -> list[tuple[str, str, str]]:
    with psycopg.connect(dsn) as conn:
        return conn.execute("SELECT job, outcome, summary FROM job_run ORDER BY run_id").fetchall()


def failures(job: str) -> float:
    return metrics.REGISTRY.get_sample_value("chargewatch_job_failures_total", {"job": job}) or 0.0


def failing(conn: psycopg.Connection) -> str:
    raise Refusal("the policy file is gone", "a policy file")


def losing(conn: psycopg.Connection) -> str:
    conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return "never"


def test_a_failing_job_is_a_sentence_counted_noted_and_tried_again(embedded_dsn: str) -> None:
    job = Job("broken", 60, "fails", failing)
    before = failures("broken")
    for _ in range(2):
        run = run_job(job)
        assert (run.outcome, run.said) == ("failed", "the policy file is gone; expected a policy file.")
    assert failures("broken") == before + 2
    assert [row[:2] for row in runs(embedded_dsn)] == [("broken", "failed")] * 2


def test_a_database_that_goes_away_is_a_sentence(embedded_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_job(Job("losing", 60, "loses its connection", losing))
    assert run.outcome == "failed"
    assert "terminat" in run.said
    assert run_job(JOB["seal"]).outcome == "done"
    monkeypatch.setenv("CHARGEWATCH_DSN", "postgresql://nobody@127.0.0.1:1/nothing")
    run = run_job(JOB["seal"])
    assert (run.outcome, "cannot be reached" in run.said) == ("failed", True)


def test_one_machine_at_a_time_runs_a_job_that_writes(embedded_dsn: str) -> None:
    with connect() as conn, job_lock(conn, "seal") as held:
        assert held
        assert run_job(JOB["seal"]).outcome == "elsewhere"
        assert run_job(JOB["links"]).outcome == "done"  # only shows: every machine does
    assert run_job(JOB["seal"]).outcome == "done"
    assert [row[0] for row in runs(embedded_dsn)] == ["seal"]


SERVICE = """
import time
from chargewatch.errors import Refusal
from chargewatch.settings import load
from scheduler.jobs import JOBS
from scheduler.running import Job
from scheduler.service import serve
def failing(conn):
    raise Refusal("the policy file is gone")
serve([Job("broken", 1, "fails", failing), *JOBS], load())
"""


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def eventually(port: int, words: str, seconds: float = 90) -> str:
    deadline = time.monotonic() + seconds
    while words not in (page := scrape(port)):
        assert time.monotonic() < deadline, f"{words} not in {page}"
        time.sleep(0.3)
    return page


def test_a_failing_job_never_stops_the_others(embedded_rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    start = local(date(2023, 6, 1))
    told = [city.status(start, "available"), *city.heartbeats(start, local(date(2023, 7, 7)))]
    city.ingest(*told, city.session(local(date(2023, 6, 3)), 1, "30", "s1", "100"))
    port = free_port()
    log = city.folder / "said"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVICE],
            env={**os.environ, "CHARGEWATCH_SCHEDULER_METRICS_PORT": str(port)},
            stderr=out,
        )
    try:
        while "metrics on port" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        eventually(port, 'chargewatch_job_duration_seconds{job="statement"}')
        eventually(port, 'chargewatch_job_duration_seconds{job="report"}')
        eventually(port, 'chargewatch_job_failures_total{job="broken"} 2.0')  # tried again
        page = eventually(port, 'chargewatch_connectors{operator="A",state="serving"} 2.0')
        assert "chargewatch_build_info" in page
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert "broken: failed, will be tried again: the policy file is gone." in log.read_text()
    assert "Traceback" not in log.read_text()
    with connect() as conn:
        assert {record.kind for record in all_records(conn)} >= {"availability", "statement"}


def test_the_gauges_show_what_the_jobs_found(embedded_rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    start = local(date(2023, 6, 1))
    city.ingest(city.status(start, "available"), *city.heartbeats(start, local(date(2023, 7, 7))))
    city.ingest(city.status(local(date(2023, 6, 1)), "faulted", "C1-1", boot="x"))
    city.ingest(city.session(local(date(2023, 6, 3)), 1, "30", "s1", "100"))
    city.ingest(city.session(local(date(2023, 6, 3), 0.5), 1, "30", "s2", "130"))  # overlaps: held
    for name in ("availability", "statement", "figures", "findings"):
        run = run_job(JOB[name])
        assert run.outcome == "done", run.said

    def value(name: str, **labels: str) -> float | None:
        return metrics.REGISTRY.get_sample_value(f"chargewatch_{name}", labels)

    june_s = 2 * 30 * 86400.0
    assert value("required_seconds", operator="A", window="last_month") == june_s
    assert value("available_seconds", operator="A", window="last_month") == pytest.approx(june_s / 2, abs=7200)
    assert value("required_seconds", operator="A", window="running_month") == 2 * 6 * 86400.0
    assert value("availability_threshold_ratio") == 0.9
    assert value("connectors_below_threshold", operator="A") == 1
    assert value("subsidy_yuan", operator="A", kind="build", state="issued") == 12000.0
    assert value("subsidy_yuan", operator="A", kind="operating", state="held") == 6.0
    assert value("findings_open", rule="overlap") == 2
    assert value("findings_open", rule="late_order") == 0
    assert (value("job_last_success_timestamp_seconds", job="statement") or 0) > 1.7e9
    assert value("job_last_success_timestamp_seconds", job="findings") is not None


@pytest.mark.functional
def test_the_command_as_typed(embedded_rehearsal_dsn: str, city: SmallCity, chargewatch: Command) -> None:
    unknown = chargewatch("schedule", "--once", "nothing")
    assert (unknown.returncode, "availability, report, statement" in unknown.stderr) == (2, True)
    done = chargewatch("schedule", "--once", "partitions", "--once", "seal")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "seal: the ledger is empty")
    gone = {"CHARGEWATCH_DSN": "postgresql://nobody@127.0.0.1:1/nothing"}
    for arguments in (["--once", "seal"], []):
        refused = chargewatch("schedule", *arguments, env=gone)
        assert (refused.returncode, "cannot be reached" in refused.stderr) == (2, True)
    taken = free_port()
    env = {"CHARGEWATCH_SCHEDULER_METRICS_PORT": str(taken)}
    first = chargewatch.start("schedule", env=env)
    first.wait_for("metrics on port", 60)
    second = chargewatch("schedule", env=env, timeout=60)
    assert first.process.poll() is None, first.said
    assert (second.returncode, "cannot be used" in second.stderr) == (2, True)
    assert first.terminate(60) == 0
    assert "scheduler stopping" in first.said


def test_the_jobs_are_listed(typed: Typed) -> None:
    listed = typed("schedule", "--jobs")
    assert listed.returncode == 0, listed
    assert all(job.name in listed.stdout for job in JOBS)
