"""`chargewatch schedule`: the scheduler until it is stopped, or single jobs now."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from chargewatch.errors import CheckFailed, Refusal
from chargewatch.output import Format, emit, say

if TYPE_CHECKING:
    from scheduler.running import Job, Run

WAIT_S = 600


def schedule(
    once: Annotated[
        list[str] | None,
        typer.Option(metavar="JOB", help="Run this job now and end; repeatable, in this order."),
    ] = None,
    jobs: Annotated[bool, typer.Option("--jobs", help="Say what jobs there are and end.")] = False,
) -> None:
    """Run the scheduler until it is stopped: every job looks into the store for what is due.

    Example: chargewatch schedule --once statement --once seal
    """
    from scheduler.jobs import JOBS

    if jobs:
        rows = [{"job": job.name, "every_s": job.every_s, "does": job.does} for job in JOBS]
        return emit(rows, Format.table, title="Jobs", right=("every_s",))
    if not once:
        from chargewatch.settings import load
        from scheduler.service import serve

        return serve(JOBS, load())
    by_name = {job.name: job for job in JOBS}
    for name in once:
        if name not in by_name:
            raise Refusal(f"there is no job {name!r}", f"one of {', '.join(by_name)}")
    for name in once:
        run = _run_waiting(by_name[name])
        if isinstance(run.error, Refusal):
            raise run.error
        if run.outcome != "done":
            raise CheckFailed(f"{name}: {run.said}")
        say(f"{name}: {run.said}")
    return None


def late(
    operator: Annotated[str | None, typer.Option(help="Only this operator_id.")] = None,
    days: Annotated[int, typer.Option(help="Stored within so many days until now.", min=1)] = 30,
    format: Annotated[Format, typer.Option(help="How the report is printed.")] = Format.table,
) -> None:
    """Items that came later than the late limit after their time, by operator, kind, policy day and boot.

    They are facts like any other; the days from theirs on are computed again, and issued figures superseded if they
    change. What came so late never turns a reported fault into good time.

    Example: chargewatch late --operator A --days 7
    """
    from chargewatch import database
    from scheduler import arrivals
    from uptime import profile, settings

    with database.connect() as conn:
        since = database.now(conn) - timedelta(days=days)
        limit = timedelta(hours=settings.load().late_limit_h)
        rows = arrivals.late_arrivals(conn, limit, profile.load().zone, since, operator)
    emit(rows, format, arrivals.ARRIVALS, "Late arrivals", right=("first_seq", "last_seq", "items", "longest_delay_h"))


def _run_waiting(job: "Job") -> "Run":
    from scheduler.running import run_job

    # A scheduler that runs beside us may be at this very job: wait for it, then look at what it left.
    deadline = time.monotonic() + WAIT_S
    while (run := run_job(job)).outcome == "elsewhere" and time.monotonic() < deadline:
        time.sleep(0.2)
    return run
