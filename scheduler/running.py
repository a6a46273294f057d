"""One run of one job: on its own connection, under its lock, noted, and never taking another one down with it."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import psycopg

from chargewatch.database import connect, job_lock
from chargewatch.errors import CheckFailed, Refusal
from scheduler import metrics


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the job table. `every_s` is how often it looks whether something is due."""

    name: str
    every_s: int
    does: str
    run: Callable[[psycopg.Connection], str]
    alone: bool = True
    """It writes to the store, so that one machine runs it at a time and its runs are noted; else it only shows."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended: what it says is a sentence for people."""

    outcome: Literal["done", "failed", "elsewhere"]
    said: str
    error: Exception | None = None


def run_job(job: Job) -> Run:
    """Run a job now; whatever goes wrong in it is a sentence in the result."""
    began = time.monotonic()
    try:
        with connect() as conn:
            run = _run(conn, job)
    except Exception as error:  # the boundary: one job's failure is not another's
        run = Run("failed", sentence(error), error)
    if run.outcome == "failed":
        metrics.job_failures.labels(job.name).inc()
    if run.outcome != "elsewhere":
        metrics.job_duration_seconds.labels(job.name).set(time.monotonic() - began)
    return run


def sentence(error: Exception) -> str:
    """What a failure says to people."""
    said = " ".join(str(error).split())
    return said if isinstance(error, (Refusal, CheckFailed)) else f"{type(error).__name__}: {said}"


def _run(conn: psycopg.Connection, job: Job) -> Run:
    if not job.alone:
        run = Run("done", job.run(conn))
        metrics.job_last_success_timestamp_seconds.labels(job.name).set(_moment(conn))
        return run
    with job_lock(conn, job.name) as held:
        if not held:
            return Run("elsewhere", "another process is running it")
        started = conn.execute("SELECT clock_timestamp()").fetchone()
        assert started is not None
        try:
            run = Run("done", job.run(conn))
        except Exception as error:
            if conn.closed or conn.broken:
                raise
            run = Run("failed", sentence(error), error)
        conn.execute(
            "INSERT INTO job_run (job, host, started_at, outcome, summary) VALUES (%s, %s, %s, %s, %s)",
            [job.name, socket.gethostname(), started[0], run.outcome, run.said],
        )
        return run


def _moment(conn: psycopg.Connection) -> float:
    row = conn.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    assert row is not None
    return float(row[0])
