"""Rebuilding: service intervals out of an archive, one bucket a task, on whatever workers there are.

What a task gives depends on the archive, the settings and the profile's calendar alone; so it does not matter which
worker does it, how many there are, or whether one dies over it and another begins anew.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from chargewatch.errors import Refusal
from chargewatch.instants import iso
from uptime.archive import manifests, planning, reading
from uptime.archive.manifests import File, Rows
from uptime.archive.opening import Archive
from uptime.archive.parquet import put
from uptime.archive.planning import Task
from uptime.archive.storage import Storage
from uptime.intervals import Timeline
from uptime.life import first_items, service_life
from uptime.profile import Profile
from uptime.report import Part
from uptime.settings import IntervalSettings
from uptime.states import REASONS, STATES

AT_ONCE = 15_000_000
"""Facts that a worker holds at a time, about: bounds its memory."""

TABLES = ("intervals", "proven")


@dataclass(frozen=True, slots=True)
class Job:
    """All that the tasks of one rebuilding have in common."""

    archive: Storage
    into: Storage
    limits: planning.Until
    profile: Profile
    settings: IntervalSettings


class Rebuilt(msgspec.Struct, frozen=True):
    """The manifest of a rebuilding: out of what, under which settings, and the files that came out."""

    archive: str
    """SHA-256 of the head."""
    as_of: str
    until: date
    """Policy day, exclusive."""
    profile: str
    settings: str
    files: tuple[File, ...]


def rebuild(
    archive: Archive,
    into: Storage,
    client: Any,
    *,
    profile: Profile,
    settings: IntervalSettings,
    last_day: date | None = None,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> tuple[Rebuilt, str]:
    """Intervals of every connector of the archive, one file a bucket; their manifest and its SHA-256.

    `client` is a dask.distributed.Client; the workers must reach the archive, and `into`, by the same address.
    """
    from dask.distributed import as_completed

    known = archive.known()
    agreed = planning.reporting(known, profile, settings)
    longest = int(agreed["interval_us"].max()) if len(agreed) else 0
    limits = planning.until(archive.head, last_day, profile, settings, longest)
    tasks = planning.tasks(known, agreed, profile, settings, limits)
    names = known.buckets[["operator_id", "connector_id"]]
    files = [rows for day in sorted(archive.head.days) for rows in archive.files(day)]
    job = client.scatter(Job(archive.storage, into, limits, profile, settings), broadcast=True, hash=False)
    futures = [
        client.submit(
            compute, job, task, tuple(one for one in files if task.reads(one)), _named(names, task),
            key=f"bucket-{task.bucket}-{archive.sha256[:12]}", pure=False, retries=2,
        )
        for task in tasks
    ]  # fmt: skip
    found: list[File] = []
    for _, done in as_completed(futures, with_results=True):
        found += done
        advance(total=len(tasks))
    written = Rebuilt(
        archive.sha256, iso(archive.head.known.as_of), limits.last_day, profile.id, settings.id,
        tuple(sorted(found, key=lambda file: file.path)),
    )  # fmt: skip
    for file in written.files:  # as its worker said; and where everybody can reach it
        Archive(into, archive.head, archive.sha256).checked(file.path, file.sha256)
    text = msgspec.json.format(msgspec.json.encode(written, order="deterministic"), indent=1) + b"\n"
    into.write("manifest.json", text)
    return written, manifests.sha256(text)


def compute(job: Job, task: Task, files: tuple[Rows, ...], names: pd.DataFrame) -> list[File]:
    """What one worker does: the intervals of one bucket, written to their files."""
    rows = sum(one.file.rows for one in files)
    found = [
        timeline(job.archive, piece, files, names, job.limits, job.profile, job.settings)
        for piece in planning.pieces(task, rows, AT_ONCE)
    ]
    written = []
    for table in TABLES:
        frame = pd.concat([getattr(one, table) for one in found], ignore_index=True)
        frame = frame.sort_values(["connector", "from_us"], kind="stable", ignore_index=True)
        written.append(put(job.into, f"{table}/bucket={task.bucket}/{table}.parquet", _table(frame, names)))
    return written


def timeline(
    archive: Storage, task: Task, files: tuple[Rows, ...], names: pd.DataFrame, limits: planning.Until,
    profile: Profile, settings: IntervalSettings,
) -> Timeline:  # fmt: skip
    """Intervals of a task's connectors: what uptime.report makes of facts, of those of the archive."""
    mine = names.loc[np.unique(task.places["connector_no"].to_numpy())]
    ids = zip(mine["operator_id"], mine["connector_id"], strict=True)
    number = dict(zip(ids, (int(one) for one in mine.index), strict=True))
    facts = reading.facts(archive, files, number, task.reporting, limits.facts_us)
    first = first_items(facts, task.places, profile.zone)
    life = service_life(task.places, *first, profile.zone, settings.returns_within_days)
    return Part(facts, life, len(number), task.lifted).timeline(settings)


def _named(names: pd.DataFrame, task: Task) -> pd.DataFrame:
    return names.loc[np.unique(task.places["connector_no"].to_numpy())]


def _table(frame: pd.DataFrame, names: pd.DataFrame) -> pa.Table:
    told = names.loc[frame["connector"]]
    columns = {
        "operator_id": pa.array(told["operator_id"].tolist(), pa.string()),
        "connector_id": pa.array(told["connector_id"].tolist(), pa.string()),
        "from": pa.array(frame["from_us"].to_numpy(), pa.timestamp("us", tz="UTC")),
        "to": pa.array(frame["to_us"].to_numpy(), pa.timestamp("us", tz="UTC")),
    }
    for column, words in (("state", STATES), ("reason", REASONS)):
        if column in frame:
            columns[column] = pa.array(list(words)).take(pa.array(frame[column].to_numpy(), pa.int64()))
    return pa.table(columns)


@contextmanager
def cluster(scheduler: str | None, workers: int | None) -> Iterator[Any]:
    """A client of the cluster at that address, or of so many worker processes on this machine."""
    try:
        from dask.distributed import Client, LocalCluster
    except ImportError:
        raise Refusal(
            "dask is not installed", "pip install 'chargewatch[cluster]'", "docs/operations/scale.md"
        ) from None
    if (scheduler is None) == (workers is None):
        raise Refusal("either --scheduler or --workers", "the address of a Dask scheduler, or a number of processes")
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
            ) as local,
            Client(local) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise Refusal(f"no Dask scheduler answers at {scheduler}: {error}", "tcp://HOST:8786, or tls://…") from None
    with client:
        yield client
