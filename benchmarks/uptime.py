"""What availability costs: from the store to intervals, and from intervals to a month's report.

    python -m benchmarks.uptime [--quick] [--only kernel|day|report]

Every figure of one process on one core but the database's. Each step runs in a process of its own, so that its peak of
memory is its own. Exit status 1 if a gate is not met.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import psycopg

from benchmarks import archive_city, uptime_rivals
from benchmarks.processes import PROGRAM, Database, folder, memory_mb
from chargewatch import bulk, database
from chargewatch.instants import to_us
from registry import snapshot
from uptime import evidence, facts, intervals, keeping, kept, report, standing, streaming
from uptime import profile as profiles
from uptime import settings as interval_settings

DAY = date(2023, 6, 2)
START = datetime.combine(DAY, clock(), UTC)
END = START + timedelta(days=1)
SETTINGS = interval_settings.load()
PROFILE = msgspec.structs.replace(profiles.load(), time_zone="UTC")
LEVELS = ("city", "district", "operator", "station", "charger", "connector")


def main() -> int:
    """Measure all, print it, and say whether the gates are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--only", choices=["kernel", "day", "report"])
    parser.add_argument("--step", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        found = {"kernel": _kernel, "read": _read, "day": _day, "report": _report}[asked.step]()
        print(json.dumps({**found, "memory_mb": memory_mb(os.getpid(), "VmHWM")}))
        return 0
    scale = 10 if asked.quick else 1
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, numpy {np.__version__}; load average {load:.1f}")
    gates: list[tuple[str, float, str, float]] = []
    if asked.only != "report":
        memory = []
        for connectors in (3_000 // scale, 30_000 // scale):
            memory.append(_days_figures(connectors, gates, last=connectors == 30_000 // scale, only=asked.only))
        gates.append(("day: memory of 30,000 ÷ of 3,000 connectors", memory[1] / memory[0], "<=", 1.5))
    if asked.only in (None, "report"):
        _reports(scale, gates)
    print("\nGates")
    met = True
    for name, value, sign, limit in gates:
        holds = value >= limit if sign == ">=" else value <= limit
        met &= holds
        print(f"  {name:<58}{value:>12,.2f}   {sign} {limit:<12,g}{'pass' if holds else 'FAIL'}")
    return 0 if met else 1


def _step(name: str, home: Path, dsn: str) -> dict[str, Any]:
    """One step in a process of its own, on the database at `dsn`."""
    environment = {**os.environ, "CHARGEWATCH_HOME": str(home), "CHARGEWATCH_DSN": dsn}
    words = [sys.executable, "-m", "benchmarks.uptime", "--step", name]
    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _city(where: Path, connectors: int) -> tuple[Database, Path]:
    home = where / f"home-{connectors}"
    server = Database(home)
    archive_city.write_registry(where / f"registry-{connectors}", connectors)
    environment = {**os.environ, "CHARGEWATCH_HOME": str(home), "CHARGEWATCH_DSN": server.dsn}
    for words in (["migrate"], ["registry", "import", str(where / f"registry-{connectors}")]):
        subprocess.run([PROGRAM, *words], check=True, capture_output=True, env=environment)
    return server, home


def _days_figures(
    connectors: int, gates: list[tuple[str, float, str, float]], *, last: bool, only: str | None
) -> float:
    with folder() as where:
        server, home = _city(where, connectors)
        try:
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                archive_city.write_status(connection, DAY - timedelta(days=1))
                rows = archive_city.write_day(connection, DAY, 1)
                connection.execute("VACUUM ANALYZE")
            print(f"\nA day of {connectors:,} connectors: {rows:,} facts")
            if last and only != "day":
                kernel = _step("kernel", home, server.dsn)
                told = f"{kernel['engine']:,.0f} facts/s; numpy's bound for the same scan {kernel['bound']:,.0f}"
                print(f"  kernel, one core, in memory       {told}")
                gates.append(("kernel, million facts/s", kernel["engine"] / 1e6, ">=", 5))
                gates.append(("kernel ÷ numpy's bound", kernel["engine"] / kernel["bound"], ">=", 0.3))
            read = _step("read", home, server.dsn)
            print(f"  merely read, in the order needed  {read['s']:>7.1f} s  {rows / read['s']:>12,.0f} facts/s")
            day = _step("day", home, server.dsn)
            told = f"{day['s']:>7.1f} s  {rows / day['s']:>12,.0f} facts/s   peak {day['memory_mb']:,.0f} MB"
            print(f"  from the store to intervals       {told}")
            if last:
                gates.append(("day: facts/s ÷ merely read", read["s"] / day["s"], ">=", 0.3))
                gates.append(("day of 30,000 connectors, s", day["s"], "<=", 60))
                for name, seconds in uptime_rivals.measured(server.dsn, START, END):
                    print(f"  {name:<34}{seconds:>7.1f} s  {rows / seconds:>12,.0f} facts/s")
            return float(day["memory_mb"])
        finally:
            server.end()


def _reports(scale: int, gates: list[tuple[str, float, str, float]]) -> None:
    took: dict[int, float] = {}
    print("\nA month's report, all levels, from intervals")
    for connectors in (3_000 // scale, 30_000 // scale, 300_000 // scale):
        with folder() as where:
            server, home = _city(where, connectors)
            try:
                with psycopg.connect(server.dsn, autocommit=True) as connection:
                    changes = uptime_rivals.write_month(connection, DAY, SETTINGS.id)
                    connection.execute("VACUUM ANALYZE")
                found = _step("report", home, server.dsn)
                took[connectors] = found["s"]
                told = f"{changes:>10,} changes of state  {found['s']:>6.1f} s  {found['rows']:>9,} rows"
                print(f"  {connectors:>8,} connectors  {told}   peak {found['memory_mb']:,.0f} MB")
            finally:
                server.end()
    _, middle, large = took.values()
    gates.append(("month's report of 30,000 connectors, s", middle, "<=", 5))
    gates.append(("month's report of 300,000 connectors, s", large, "<=", 60))
    gates.append(("growth from 30,000 to 300,000: times ÷ 10", large / middle / 10, "<=", 1.2))


def _signs() -> list[str]:
    limits = f"WHERE at >= '{START.isoformat()}' AND at < '{END.isoformat()}' ORDER BY connector_no, at"
    selects = (facts.STATUS, facts.SIGN.format("meter_fact"), facts.SIGN.format("heartbeat_fact"))
    return [*(f"{select} {limits}" for select in selects), facts.order_stream(START, END, datetime.now(UTC))]


def _read() -> dict[str, float]:
    began, rows = time.perf_counter(), 0
    for query in _signs():
        for batch in bulk.stream(database.dsn(), query):
            rows += len(batch["connector"])
    return {"s": time.perf_counter() - began, "rows": rows}


def _day() -> dict[str, float]:
    with database.connect() as connection:
        registry = snapshot.load(connection, datetime.now(UTC))
        # The day before is kept as its last facts were known; then the day itself comes.
        for until in (START, END):
            began = time.perf_counter()
            as_of = until + timedelta(minutes=1)
            with connection.transaction():
                keeping.keep(connection, registry, PROFILE, SETTINGS, as_of, until)
        return {"s": time.perf_counter() - began}


def _kernel() -> dict[str, float]:
    with database.connect() as connection:
        registry = snapshot.load(connection, datetime.now(UTC))
        city = keeping.City.of(registry, PROFILE, SETTINGS, to_us(END))
        group = city.connectors[: keeping.BLOCK]
        groups = [group, city.connectors[keeping.BLOCK :]] if len(city.connectors) > keeping.BLOCK else [group]
        known = next(
            streaming.blocks(connection, database.dsn(), groups, city.reporting, START, END, datetime.now(UTC))
        )
        stood = evidence.Standing(
            to_us(START), known.statuses[:0],
            pd.concat([pd.DataFrame({"connector": group, "at_us": to_us(START) - 1, "late": late}) for late in (0, 1)]),
            pd.DataFrame({"connector": group[:0], "from_us": group[:0], "late": False}),
        )  # fmt: skip
    spans = pd.DataFrame({"connector": group, "from_us": to_us(START), "to_us": to_us(END)})
    count = len(known.statuses) + len(known.meters) + len(known.heartbeats) + 2 * len(known.sessions)
    ours, bound = [], []
    for _ in range(7):
        began = time.perf_counter()
        intervals.told(standing.resumed(stood, known), SETTINGS, spans, None, None, [to_us(END)])
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        uptime_rivals.scan(known, SETTINGS.silence_factor * SETTINGS.default_interval_us)
        bound.append(time.perf_counter() - began)
    return {"engine": count / float(np.median(ours)), "bound": count / float(np.median(bound))}


def _report() -> dict[str, float]:
    began = time.perf_counter()
    with database.connect() as connection:
        as_of = database.watermark(connection)
        rows = report.compute(
            connection, first_day=DAY, last_day=DAY + timedelta(days=30), by=LEVELS, profile=PROFILE,
            settings=SETTINGS, as_of=as_of,
        )  # fmt: skip
        assert kept.state(connection) is not None
    return {"s": time.perf_counter() - began, "rows": len(rows)}


if __name__ == "__main__":
    sys.exit(main())
