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
from pathlib import Path

import psycopg

from benchmarks.cheat_tally import Tally, print_honest, print_patterns, print_rules
from benchmarks.findings import Findings, print_gates
from benchmarks.judging import RULES, measure
from benchmarks.processes import PROGRAM
from chargewatch import embedded
from simulators import truth

LEAST_RECALL, MOST_HONEST_PCT = 0.95, 0.5
RATES = {
    **dict.fromkeys(
        ("beyond_rating", "register_mismatch", "inflated_readings", "no_registers", "late_order", "above_tariff"), 0.005
    ),
    **dict.fromkeys(("impossible", "overlap", "repeat", "repeat_elsewhere", "ghost", "in_maintenance"), 0.005),
    **dict.fromkeys(("flat_power", "idle_discharge"), 0.01),
    **dict.fromkeys(
        ("endless", "over_advance", "register_back", "register_jump", "too_regular", "meter_expired"), 0.03
    ),
    **dict.fromkeys(("duplicate_meter", "duplicate_serial", "never_near_rating"), 0.03),
    **dict.fromkeys(
        ("fleet_as_public", "duplicate_location", "while_faulted", "late_maintenance", "outside_hours"), 0.08
    ),
    "micro_sessions": 0.002,
    "one_vehicle": 0.02,
}


def city(folder: Path, seed: int, stations: int, days: int, dsn: str) -> truth.Truth:
    """A month of a seed in the database of this DSN, through the commands as typed; what is true of it."""
    files = {name: folder / f"{seed}.{name}" for name in ("registry", "capture.ndjson.gz", "truth.json.gz")}
    registry, capture, known = files.values()
    last = f"2023-06-{days:02d}" if days < 31 else "2023-07-01"
    cheats = [word for pattern, rate in RATES.items() for word in ("--cheat", f"{pattern}={rate}")]
    span = ("--seed", str(seed), "--from", "2023-06-01", "--to", last, "--stations", str(stations))
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


def tally(seeds: int, stations: int, days: int) -> Tally:
    """All seeds, each in a database of its own on a server of its own."""
    home = Path(tempfile.mkdtemp(prefix="chargewatch-cheats-"))
    home.chmod(0o755)  # the server runs as another user where we are root
    summed = Tally()
    try:
        server = embedded.ensure(home)
        for seed in range(1, seeds + 1):
            began = time.monotonic()
            name = f"seed_{seed}"
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            dsn = server.replace("/postgres?", f"/{name}?")
            _run(dsn, "migrate", "--rehearsal")
            known = city(home, seed, stations, days, dsn)
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
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--json", type=Path, help="also write the counts here")
    chosen = parser.parse_args()
    seeds, stations, days = (1, 12, 15) if chosen.quick else (chosen.seeds, 24, 31)
    summed = tally(seeds, stations, days)
    print(f"{seeds} seeds, {stations} stations, June 2023")
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
