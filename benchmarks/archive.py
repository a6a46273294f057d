"""What the archive costs: writing, checking, reading, rebuilding, and the bytes of a million facts.

    python -m benchmarks.archive [--connectors 2000] [--days 4] [--workers 2]

All figures of one core but where a cluster is named. CPU is user and system time, the database's that of its server.
"""

import argparse
import os
import subprocess
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import archive_city
from benchmarks.processes import PROGRAM, Database, cpu_s, folder, memory_mb
from chargewatch import database
from uptime import profile as profiles
from uptime import settings
from uptime.archive import digests, layout, parquet, planning, reading, rebuilding, verifying, writing
from uptime.archive.opening import Archive
from uptime.archive.storage import Storage

FIRST = date(2023, 6, 1)
PER_DAY = archive_city.PER_DAY


def main() -> None:
    """Build a store, archive it, and print what each step took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connectors", type=int, default=2000)
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with folder() as where:
        server = Database(where / "home")
        try:
            _measure(where, server, asked)
        finally:
            server.end()


def _measure(where: Path, server: Database, asked: Any) -> None:
    os.environ |= {"CHARGEWATCH_HOME": str(where / "home"), "CHARGEWATCH_DSN": server.dsn}
    archive_city.write_registry(where / "registry", asked.connectors)
    for words in (["migrate"], ["registry", "import", str(where / "registry")]):
        subprocess.run([PROGRAM, *words], check=True, capture_output=True, cwd=where)
    print(f"{os.cpu_count()} cores; {asked.connectors:,} connectors, {asked.days} days of {PER_DAY} facts")
    with database.connect() as connection:
        facts = sum(archive_city.write_day(connection, FIRST + timedelta(days=n), n) for n in range(asked.days))
        connection.execute("VACUUM ANALYZE")
        print(f"{facts:,} facts in the store, {_store_bytes(connection) / facts:.0f} MB a million with its indexes")
        print(f"\n{'':<46}{'facts/s':>12}{'of CPU':>12}{'database':>12}")
        last, buckets = FIRST + timedelta(days=asked.days), max(2, asked.connectors // 1000)
        archive = _step(
            "write: store to Parquet with digests", facts, server,
            lambda: writing.write(connection, str(where / "archive"), first=FIRST, last=last, buckets=buckets),
        )  # fmt: skip
        _pieces(connection, archive, server)
        seen = _step("verify: hashes, counts, content", facts, server, lambda: verifying.verify(archive))
        assert not seen.problems
        assert seen.rows == facts
        assert not _step(
            "verify --store: the database's own digests",
            facts,
            server,
            lambda: list(verifying.complete(archive, connection)),
        )
    known, until, tasks = _planned(archive)
    _step("read: facts of all buckets", facts, server, lambda: [_read(archive, task, until, known) for task in tasks])
    job = rebuilding.Job(archive.storage, Storage.at(str(where / "alone")), until, profiles.load(), settings.load())
    files = _files(archive)
    names = known.buckets[["operator_id", "connector_id"]]
    _step(
        "rebuild: archive to intervals, in this process", facts, server,
        lambda: [rebuilding.compute(job, task, tuple(f for f in files if task.reads(f)), names) for task in tasks],
    )  # fmt: skip
    for count in sorted({1, asked.workers}):
        with rebuilding.cluster(None, count) as client:
            began = time.monotonic()
            rebuilt, sha256 = rebuilding.rebuild(
                archive,
                Storage.at(str(where / f"by-{count}")),
                client,
                profile=profiles.load(),
                settings=settings.load(),
            )
            took = time.monotonic() - began
        print(f"{f'rebuild on a cluster, worker processes: {count}':<46}{facts / took:>12,.0f}   {sha256[:16]}")
    print("\nBytes of a million facts in the archive, MB")
    for series in layout.SERIES:
        mine = [one.file for one in files if one.series == series.name]
        rows, size = sum(one.rows for one in mine), sum(one.bytes for one in mine)
        print(f"  {series.name:<10}{size / rows:>8.2f}   {rows:>12,} rows")
    size = sum(one.file.bytes for one in files)
    out = sum(one.bytes for one in rebuilt.files)
    print(f"  {'together':<10}{size / facts:>8.2f}   {size / facts * PER_DAY / 1000:.2f} KB a connector and day")
    print(f"  intervals {out / facts:>8.2f}   of the same facts; peak memory {memory_mb(os.getpid(), 'VmHWM'):,.0f} MB")


def _step(what: str, facts: int, server: Database, do: Callable[[], Any]) -> Any:
    began, mine, theirs = time.monotonic(), cpu_s(os.getpid()), server.cpu_s()
    done = do()
    took = [time.monotonic() - began, cpu_s(os.getpid()) - mine, server.cpu_s() - theirs]
    print(f"{what:<46}" + "".join(f"{facts / one:>12,.0f}" if one > 0.05 else f"{'–':>12}" for one in took), flush=True)
    return done


def _pieces(connection: psycopg.Connection, archive: Archive, server: Database) -> None:
    """What writing is made of, on one file of heartbeats."""
    file = max((one for one in _files(archive) if one.series == "heartbeat"), key=lambda one: one.file.rows)
    table = archive.table(file.file)
    series = layout.BY_NAME[file.series]
    times = max(1, 2_000_000 // len(table))
    for what, do in (
        ("  of it: content digest", lambda: digests.of_rows(table, series)),
        ("  of it: Parquet", lambda: parquet.parquet(table, series)),
    ):
        _step(what, len(table) * times, server, lambda do=do: [do() for _ in range(times)])  # type: ignore[misc]


def _planned(archive: Archive) -> tuple[Any, planning.Until, list[planning.Task]]:
    known, regime, limits = archive.known(), profiles.load(), settings.load()
    agreed = planning.reporting(known, regime, limits)
    until = planning.until(archive.head, None, regime, limits, 0)
    return known, until, planning.tasks(known, agreed, regime, limits, until)


def _read(archive: Archive, task: planning.Task, until: planning.Until, known: Any) -> int:
    mine = known.buckets.loc[sorted(set(task.places["connector_no"]))]
    number = {(one.operator_id, one.connector_id): int(one.Index) for one in mine.itertuples()}
    files = [one for one in _files(archive) if task.reads(one)]
    return len(reading.facts(archive.storage, files, number, task.reporting, until.facts_us).heartbeats)


def _files(archive: Archive) -> list[Any]:
    return [rows for day in archive.head.days for rows in archive.files(day)]


def _store_bytes(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname ~ '_fact_20'"
    ).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    main()
