"""`make bench-findings`: cheats injected into seeded cities, and how many the rules of semantics 8 find.

Each city goes the whole way: `chargewatch simulate` → capture file → `ingest` → the statement's engine over the
embedded database. Exit status 1 if a target is missed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import psycopg

from benchmarks.cheat_tally import Tally, print_honest, print_patterns, print_rules
from benchmarks.findings import Findings, print_gates
from benchmarks.judging import RULES, measure
from benchmarks.processes import PROGRAM
from chargewatch import embedded
from simulators import truth
from simulators.cheats.patterns import PATTERNS

FIRST = date(2023, 6, 1)
LEAST_RECALL, MOST_HONEST_PCT = 0.95, 0.5
_BY_UNIT = {
    "order": 0.005, "connector": 0.03, "charger": 0.03, "station": 0.08, "station-day": 0.04, "outage": 0.08,
    "connector-night": 0.08,
}  # fmt: skip
RATES = {one.code: _BY_UNIT[one.unit] for one in PATTERNS.values()} | {
    "micro_sessions": 0.002,  # each is a dozen orders
    "flat_power": 0.01,  # only long DC ones can be
    "idle_discharge": 0.01,
}


@dataclass(frozen=True)
class Scale:
    """Which cities, of what size, and how many times the usual rates of cheating."""

    seeds: tuple[int, ...]
    stations: int
    days: int
    rates: float


FULL, QUICK = Scale(tuple(range(1, 11)), 24, 30, 1), Scale((4,), 12, 14, 2.5)


def city(folder: Path, seed: int, scale: Scale, dsn: str) -> truth.Truth:
    """A month of a seed in the database of this DSN, through the commands as typed; what is true of it."""
    files = {name: folder / f"{seed}.{name}" for name in ("registry", "capture.ndjson.gz", "truth.json.gz")}
    registry, capture, known = files.values()
    cheats = [word for pattern, rate in RATES.items() for word in ("--cheat", f"{pattern}={rate * scale.rates:g}")]
    last = FIRST + timedelta(days=scale.days)
    span = ("--seed", seed, "--from", FIRST, "--to", last, "--stations", scale.stations)
    out = ("--registry", registry, "--capture", capture, "--truth", known)
    _run(dsn, "simulate", *span, *out, "--honest-oddities", *cheats)
    _run(dsn, "registry", "import", registry)
    _run(dsn, "ingest", capture)
    capture.unlink()
    return truth.read(known)


def _run(dsn: str, *words: object) -> None:
    environment = {**os.environ, "CHARGEWATCH_DSN": dsn}
    done = subprocess.run([PROGRAM, *map(str, words)], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"chargewatch {words[0]} ended with {done.returncode}: {done.stderr[-2000:]}")


def tally(scale: Scale) -> Tally:
    """All seeds, each in a database of its own on a server of its own."""
    home = Path(tempfile.mkdtemp(prefix="chargewatch-cheats-"))
    home.chmod(0o755)  # the server runs as another user where we are root
    summed = Tally()
    try:
        server = embedded.ensure(home)
        for seed in scale.seeds:
            began = time.monotonic()
            name = f"seed_{seed}"
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            dsn = os.environ["CHARGEWATCH_DSN"] = server.replace("/postgres?", f"/{name}?")
            _run(dsn, "migrate", "--rehearsal")
            known = city(home, seed, scale, dsn)
            made = time.monotonic()
            with psycopg.connect(dsn, autocommit=True) as connection:
                summed.add(known, measure(connection), RULES)
            done = time.monotonic()
            said = f"seed {seed}: {len(known.sessions):,} orders in {made - began:.0f} s, judged in {done - made:.0f} s"
            print(said, file=sys.stderr)
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name}".encode())
    finally:
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)
    return summed


def judged(summed: Tally) -> Findings:
    """The targets, met or missed."""
    found = Findings()
    for pattern, codes in RULES.items():
        if codes and summed.injected[pattern]:
            found.gate(f"recall of {pattern}", summed.recall(pattern), least=LEAST_RECALL)
    found.gate("honest orders held, %", summed.honest_share() * 100, most=MOST_HONEST_PCT)
    return found


def main() -> None:
    """Read the options, run, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed of a small city")
    parser.add_argument("--seeds", type=int, default=len(FULL.seeds))
    parser.add_argument("--json", type=Path, help="also write the counts here")
    chosen = parser.parse_args()
    scale = QUICK if chosen.quick else replace(FULL, seeds=FULL.seeds[: chosen.seeds])
    summed = tally(scale)
    print(f"{len(scale.seeds)} seeds, {scale.stations} stations, {scale.days} days from {FIRST} on")
    print_patterns(summed, RULES)
    print_rules(summed)
    print_honest(summed)
    found = judged(summed)
    print_gates(found)
    if chosen.json:
        counts = {"injected": summed.injected, "found": summed.found, "gates": found.gates}
        chosen.json.write_text(json.dumps(counts, indent=1) + "\n")
    sys.exit(0 if all(one["passed"] for one in found.gates) else 1)


if __name__ == "__main__":
    main()
