"""The scheduler as it runs: every job looks at the store at its own pace, from the start, until SIGTERM."""

import logging
import signal
import threading
from collections.abc import Sequence
from types import FrameType

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import start_http_server

from chargewatch import __version__
from chargewatch.database import connect, is_rehearsal
from chargewatch.errors import Refusal
from chargewatch.output import say
from chargewatch.settings import Settings
from scheduler import metrics
from scheduler.running import Job, run_job

WORKERS = 3  # a long month leaves room for the watches


def serve(jobs: Sequence[Job], settings: Settings) -> None:
    """Run the job table until SIGTERM or SIGINT; a run under way is finished first, and safe to kill at any moment.

    Every job runs at the start, to catch up, and then every `every_s`. A run that fails is said, counted and, since
    what is due stands in the store, tried again at the job's next turn.
    Refusal if the store cannot be had at the start.
    """
    with connect() as conn:
        is_rehearsal(conn)
    # APScheduler reports each run and each misfire by itself; what a job did is said here.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    stop = threading.Event()

    def ask_to_stop(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    metrics.build.info({"version": __version__})
    _expose(settings)
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(WORKERS)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone="UTC",
    )
    last_said: dict[str, str] = {}

    def turn(job: Job) -> None:
        if stop.is_set():
            return
        run = run_job(job)
        if run.outcome == "failed" or (run.outcome == "done" and last_said.get(job.name) != run.said):
            say(f"{job.name}: {'failed, will be tried again: ' if run.outcome == 'failed' else ''}{run.said}")
        last_said[job.name] = run.said

    for job in jobs:
        # The first turn is now: with no memory of earlier runs, starting is the same as catching up.
        scheduler.add_job(turn, "interval", [job], id=job.name, seconds=job.every_s)
        scheduler.add_job(turn, args=[job], id=f"{job.name} at the start")
    scheduler.start()
    port = settings.metrics_port_scheduler
    say(f"scheduler running {len(jobs)} jobs, " + (f"metrics on port {port}" if port else "no metrics"))
    stop.wait()
    say("scheduler stopping")
    scheduler.shutdown(wait=True)


def _expose(settings: Settings) -> None:
    if settings.metrics_port_scheduler == 0:
        return
    try:
        start_http_server(settings.metrics_port_scheduler, settings.metrics_host, registry=metrics.REGISTRY)
    except OSError as error:
        raise Refusal(
            f"port {settings.metrics_port_scheduler} of {settings.metrics_host} cannot be used: {error.strerror}",
            "a free one in CHARGEWATCH_SCHEDULER_METRICS_PORT, or 0 for none",
        ) from None
