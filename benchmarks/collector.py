"""`make bench-collector`: what the collector costs, beside a bare client, a bare COPY and the script most people write.

See benchmarks/README.md for how each figure is had.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Drive
from benchmarks.city import Run
from benchmarks.findings import Findings, print_gates, print_lags, print_memory, print_rounds
from benchmarks.lasting import away, hour, lag
from benchmarks.processes import folder

SIZES = (1, 10, 100, 1000)
LAG_RUNS = 3
"""The middle one is judged, and the worst one printed, too: a disk may take two seconds for one fsync."""

SLACK_MB = 32.0
"""What the collector may need beside the unacknowledged messages themselves: a batch on its way, their records."""


@dataclass(frozen=True)
class Scale:
    """How much of everything: rounds, and messages by items a message."""

    rounds: int
    ours: dict[int, int]
    bare: int
    usual: dict[str, int]
    paced_s: float
    hour: float
    away: int
    away_s: float


FULL = Scale(
    5, {1: 30_000, 10: 8_000, 100: 1_500, 1000: 200}, 20_000, {"1": 2_000, "each": 60, "many": 200},
    paced_s=15, hour=1, away=50_000, away_s=10,
)  # fmt: skip
QUICK = Scale(
    2, {1: 6_000, 10: 1_500, 100: 300, 1000: 40}, 6_000, {"1": 500, "each": 15, "many": 40},
    paced_s=2, hour=1 / 30, away=5_000, away_s=2,
)  # fmt: skip


def rates(found: Findings, name: str, done: Drive) -> None:
    """What a load says of who took it."""
    found.note(f"{name}: rows/s", done.rows / done.wall_s)
    found.note(f"{name}: rows/CPU s", done.rows / max(done.cpu_s, 0.001))
    found.note(f"{name}: rows/CPU s, server's counted", done.rows / max(done.cpu_s + done.database_cpu_s, 0.001))
    found.note(f"{name}: µs/message", done.cpu_s / done.messages * 1e6)
    found.note(f"{name}: µs/message, database", done.database_cpu_s / done.messages * 1e6)
    found.note(f"{name}: µs/message, broker", done.broker_cpu_s / done.messages * 1e6)


def rounds(bench: Bench, scale: Scale, found: Findings, say: Callable[[str], None]) -> None:
    """All that is compared, turn by turn, so that a slow minute of the machine hits all alike."""
    load = bench.city.load
    bench.collect(load(Run("mix", 1, 300), Run("mix", 100, 60)))  # partitions, prepared statements, caches
    for number in range(scale.rounds):
        say(f"round {number + 1} of {scale.rounds} …")
        rates(found, "paho auto", bench.bare_paho(load(Run("mix", 1, scale.bare)), "auto"))
        for items in SIZES:
            sent = load(Run("mix", items, scale.ours[items]))
            rates(found, f"collector {items}", bench.collect(sent))
            if items == 100:
                rates(found, "COPY", bench.copy(sent))
            if items in (1, 100):
                waiting = load(Run("mix", items, scale.ours[items]))
                rates(found, f"collector {items}, from a queue", bench.drain(waiting))
        rates(found, "paho manual", bench.bare_paho(load(Run("mix", 1, scale.bare)), "manual"))
        rates(found, "usual 1", bench.usual(load(Run("mix", 1, scale.usual["1"])), "each"))
        rates(found, "usual each 100", bench.usual(load(Run("mix", 100, scale.usual["each"])), "each"))
        rates(found, "usual many 100", bench.usual(load(Run("mix", 100, scale.usual["many"])), "many"))


def judge_rounds(found: Findings) -> None:
    """The gates of what was compared."""
    gate, ratio = found.gate, found.ratio
    gate(
        "1 item: CPU of the collector ÷ bare paho", ratio("collector 1: µs/message", "paho auto: µs/message"), most=1.5
    )
    of_copy = ratio("collector 100: rows/CPU s", "COPY: rows/CPU s")
    gate("100 items: rows a CPU second ÷ bare COPY's", of_copy, least=0.4)
    counted = "rows/CPU s, server's counted"
    gate("the same, the server's CPU counted in both", ratio(f"collector 100: {counted}", f"COPY: {counted}"))
    for ours, theirs, least in (
        ("collector 1", "usual 1", 5), ("collector 100", "usual each 100", 20), ("collector 100", "usual many 100", 3),
    ):  # fmt: skip
        gate(f"rows/s: {ours} ÷ {theirs}", ratio(f"{ours}: rows/s", f"{theirs}: rows/s"), least=least)


def lasting(bench: Bench, scale: Scale, found: Findings, say: Callable[[str], None]) -> dict[str, Any]:
    """Lag, and memory; printed and judged."""
    lags = []
    for items in (1, 100):
        rate = found.median(f"collector {items}: rows/s") / items / 2
        say(f"lag at {rate:,.0f} messages/s of {items} …")
        runs = [lag(bench, items, rate, scale.paced_s) for _ in range(LAG_RUNS)]
        runs.sort(key=lambda run: run.percentiles["p99"])
        lags += [runs[LAG_RUNS // 2], runs[-1]]
    say("memory over an hour's load …")
    over = hour(bench, scale.hour)
    aways = []
    for what, run in (
        ("small messages", Run("mix", 1, scale.away)),
        ("large messages", Run("status", 1, 2200, 90_000)),
    ):
        say(f"the database away, {what} …")
        aways.append(away(bench, what, run, scale.away_s))
    print_lags(lags)
    print_memory(over, aways)
    for one in lags[::2]:
        found.gate(f"p99 at half the peak, {one.items} a message, s", one.percentiles["p99"], most=1.0)
    found.gate("memory over an hour's load, ± %", over.swing * 100, most=10)
    for two in aways:
        found.gate(f"database away, {two.what}: MB above window", two.grown - two.window, most=SLACK_MB)
    return {"lags": [asdict(one) for one in lags], "memory": asdict(over), "away": [asdict(one) for one in aways]}


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collector", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, to try it; the gates need the whole")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    chosen = parser.parse_args()
    scale = QUICK if chosen.quick else FULL
    found = Findings()

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with folder() as where:
        say("starting PostgreSQL, two brokers and a collector …")
        bench = Bench(where)
        try:
            server = ", ".join(f"{name} {value}" for name, value in bench.database.settings.items())
            print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; {server};")
            settings = bench.settings
            print(
                f"QoS 1, receive maximum {settings.receive_maximum}, batches of {settings.batch_items} items or"
                f" {settings.batch_ms} ms; load average {os.getloadavg()[0]:.1f}"
            )
            rounds(bench, scale, found, say)
            print_rounds(found)
            judge_rounds(found)
            more = lasting(bench, scale, found, say)
        finally:
            bench.end()
    print_gates(found)
    if chosen.json:
        chosen.json.write_text(json.dumps({"values": found.values, "gates": found.gates, **more}, indent=1) + "\n")
    return 0 if all(one["passed"] for one in found.gates) else 1


if __name__ == "__main__":
    sys.exit(main())
