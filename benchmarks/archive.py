"""What the archive costs: writing, checking, reading, rebuilding, and the bytes of a million facts.

    python -m benchmarks.archive [--connectors 2000] [--days 2] [--workers 2]

All figures of one core but where a cluster is named. CPU is user and system time, the database's that of its server.
"""

import argparse
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from benchmarks import archive_city, archive_needs
from benchmarks.processes import PROGRAM, Database, cpu_s, folder, memory_mb
from chargewatch import database
from registry.contents import Registry
from uptime import profile as profiles
from uptime import settings
from uptime.archive import (
    digests,
    layout,
    manifests,
    parquet,
    planning,
    reading,
    rebuilding,
    registering,
    verifying,
    writing,
)
from uptime.archive.opening import Archive
from uptime.archive.storage import Storage

FIRST = date(2023, 6, 1)
COLLECT = 109_000
"""Facts a second of CPU that the collector and the database take in: benchmarks/README.md, 100 items a message."""
PER_DAY = archive_city.PER_DAY


def main() -> None:
    """Build a store, archive it, and print what each step took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connectors", type=int, default=2000)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--plan", type=int, default=300_000, help="connectors of which only the planning is measured")
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
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load average {load:.1f}; {asked.connectors:,} connectors, {asked.days} days")
    with database.connect() as connection:
        facts = sum(archive_city.write_day(connection, FIRST + timedelta(days=n), n) for n in range(asked.days))
        connection.execute("VACUUM ANALYZE")
        stored = _store_bytes(connection) / facts
        print(f"{facts:,} facts in the store, {PER_DAY} a connector and day, {stored:.0f} MB a million with indexes")
        print(f"\n{'':<46}{'facts/s':>12}{'of CPU':>12}{'database':>12}")
        step = _Steps(server, facts)
        last, buckets = FIRST + timedelta(days=asked.days), max(2, asked.connectors // 1000)
        archive = step(
            "write: store to Parquet with digests",
            lambda: writing.write(connection, str(where / "archive"), first=FIRST, last=last, buckets=buckets),
        )
        _pieces(archive, server)
        seen = step("verify: hashes, counts, content", lambda: verifying.verify(archive))
        assert (seen.problems, seen.rows) == ([], facts)
        wrong = step(
            "verify --store: the database's own digests", lambda: list(verifying.complete(archive, connection))
        )
        assert not wrong
    files, known, (until, tasks) = _files(archive), archive.known(), _planned(archive.known(), archive.head)
    step("read: facts of all buckets", lambda: [_read(archive, task, until, known) for task in tasks])
    job = rebuilding.Job(archive.storage, Storage.at(str(where / "alone")), until, profiles.load(), settings.load())
    names = known.buckets[["operator_id", "connector_id"]]
    step(
        "rebuild: archive to intervals, in this process",
        lambda: [rebuilding.compute(job, task, tuple(f for f in files if task.reads(f)), names) for task in tasks],
    )
    for count in sorted({1, asked.workers}):
        rebuilt = _on_a_cluster(archive, where / f"by-{count}", count, facts)
    size = _sizes(files, rebuilt, facts)
    _plan_much(archive, asked.plan)
    write, verify, compare, _, rebuild = step.of_cpu
    found = archive_needs.Measured(COLLECT, write, verify, compare, rebuild, stored, size, PER_DAY)
    print("\nWhat it takes, by these figures and the assumptions in benchmarks/archive_needs.py")
    print("\n".join(archive_needs.lines(found)))


class _Steps:
    """Does one step after another, says how fast it went, and keeps the facts a second of CPU, the database's in it."""

    def __init__(self, server: Database, facts: int) -> None:
        self.server, self.facts = server, facts
        self.of_cpu: list[float] = []

    def __call__(self, what: str, do: Callable[[], Any]) -> Any:
        began, mine, theirs = time.monotonic(), cpu_s(os.getpid()), self.server.cpu_s()
        done = do()
        took = [time.monotonic() - began, cpu_s(os.getpid()) - mine, self.server.cpu_s() - theirs]
        self.of_cpu.append(self.facts / (took[1] + took[2]))
        told = (f"{self.facts / one:>12,.0f}" if one > 0.05 else f"{'–':>12}" for one in took)
        print(f"{what:<46}" + "".join(told), flush=True)
        return done


def _on_a_cluster(archive: Archive, into: Path, count: int, facts: int) -> rebuilding.Rebuilt:
    regime, limits = profiles.load(), settings.load()
    with rebuilding.cluster(None, count) as client:
        idle = max(client.run(_peak_mb).values())
        began = time.monotonic()
        found, sha256 = rebuilding.rebuild(archive, Storage.at(str(into)), client, profile=regime, settings=limits)
        took = time.monotonic() - began
        grown = max(client.run(_peak_mb).values()) - idle
    of_task = max(_rows(archive).values())
    told = f"{grown * 1e6 / of_task:,.0f} bytes of memory a fact of a task"
    print(f"{f'rebuild on a cluster, worker processes: {count}':<46}{facts / took:>12,.0f}   {sha256[:16]}, {told}")
    return found


def _peak_mb() -> float:
    return memory_mb(os.getpid(), "VmHWM")


def _rows(archive: Archive) -> Counter[int]:
    """Facts of each bucket."""
    found: Counter[int] = Counter()
    for one in _files(archive):
        found[one.bucket] += one.file.rows
    return found


def _sizes(files: list[Any], rebuilt: rebuilding.Rebuilt, facts: int) -> float:
    print("\nBytes of a million facts in the archive, MB")
    for series in layout.SERIES:
        mine = [one.file for one in files if one.series == series.name]
        rows, size = sum(one.rows for one in mine), sum(one.bytes for one in mine)
        print(f"  {series.name:<10}{size / rows:>8.2f}   {rows:>12,} rows")
    size = sum(one.file.bytes for one in files)
    out = sum(one.bytes for one in rebuilt.files)
    print(f"  {'together':<10}{size / facts:>8.2f}   {size / facts * PER_DAY / 1000:.2f} KB a connector and day")
    print(f"  intervals {out / facts:>8.2f}   of the same facts; peak memory {memory_mb(os.getpid(), 'VmHWM'):,.0f} MB")
    return size / facts


def _plan_much(archive: Archive, connectors: int) -> None:
    """The one part of rebuilding that a single process does: which connector is computed with which."""
    stations, chargers = connectors // 50, connectors // 2
    told: dict[str, list[dict[str, Any]]] = {
        "operators": [{"operator_id": "OP"}],
        "stations": [{"operator_id": "OP", "station_id": f"S{n}", "category": "public"} for n in range(stations)],
        "chargers": [
            {"operator_id": "OP", "charger_id": f"C{n}", "station_id": f"S{n // 25}", "simultaneous": bool(n % 5)}
            for n in range(chargers)
        ],
        "connectors": [
            {"operator_id": "OP", "connector_id": f"C{n // 2}-{n % 2}", "charger_id": f"C{n // 2}", "kind": "dc"}
            for n in range(connectors)
        ],
    }
    homes = [(n, "OP", f"C{n // 2}-{n % 2}", f"S{n // 50}") for n in range(connectors)]
    nothing = pd.DataFrame({name: [] for name in ("connector", "from_us", "to_us", "contest_no")}, dtype=np.int64)
    kept = registering.homes(homes, max(1, connectors // 2000))
    known = registering.read(registering.written(Registry.of(told), nothing, kept))
    began = time.monotonic()
    _, tasks = _planned(known, archive.head)
    took = time.monotonic() - began
    print(f"\nplanning of {connectors:,} connectors in {len(tasks)} buckets, in one process: {took:.1f} s")


def _pieces(archive: Archive, server: Database) -> None:
    """What writing is made of, on one file of heartbeats."""
    file = max((one for one in _files(archive) if one.series == "heartbeat"), key=lambda one: one.file.rows)
    table, series = archive.table(file.file), layout.BY_NAME[file.series]
    times = max(1, 2_000_000 // len(table))
    step = _Steps(server, len(table) * times)
    step("  of it: content digest", lambda: [digests.of_rows(table, series) for _ in range(times)])
    step("  of it: Parquet", lambda: [parquet.parquet(table, series) for _ in range(times)])


def _planned(known: registering.Known, head: manifests.Head) -> tuple[planning.Until, list[planning.Task]]:
    regime, limits = profiles.load(), settings.load()
    agreed = planning.reporting(known, regime, limits)
    until = planning.until(head, None, regime, limits, 0)
    return until, planning.tasks(known, agreed, regime, limits, until)


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
