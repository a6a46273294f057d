"""`make bench-collector`: what the collector costs, beside a bare client, a bare COPY and the script most people write.

See benchmarks/README.md for how each figure is had.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Drive
from benchmarks.processes import folder

SIZES = (1, 10, 100, 1000)


@dataclass(frozen=True)
class Scale:
    """How much of everything: rounds, and messages by items a message."""

    rounds: int
    ours: dict[int, int]
    bare: int
    usual: dict[str, int]


FULL = Scale(5, {1: 30_000, 10: 8_000, 100: 1_500, 1000: 200}, 20_000, {"1": 2_000, "each": 60, "many": 200})
QUICK = Scale(2, {1: 6_000, 10: 1_500, 100: 300, 1000: 40}, 6_000, {"1": 500, "each": 15, "many": 40})


@dataclass
class Findings:
    """Figures by name, one value a round, and the gates that they pass or fail."""

    values: dict[str, list[float]] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)

    def note(self, name: str, value: float) -> None:
        """One round's value."""
        self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """The middle one."""
        return statistics.median(self.values[name])

    def ratio(self, upper: str, lower: str) -> float:
        """The middle one of the ratios within each round."""
        return statistics.median(a / b for a, b in zip(self.values[upper], self.values[lower], strict=True))

    def gate(self, what: str, value: float, *, most: float | None = None, least: float | None = None) -> None:
        """Whether it holds."""
        passed = (most is None or value <= most) and (least is None or value >= least)
        self.gates.append({"gate": what, "value": value, "most": most, "least": least, "passed": passed})


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
    bench.collect(load([("mix", 1, 300), ("mix", 100, 60)]))  # partitions, prepared statements, caches
    for number in range(scale.rounds):
        say(f"round {number + 1} of {scale.rounds} …")
        rates(found, "paho auto", bench.bare_paho(load([("mix", 1, scale.bare)]), "auto"))
        for items in SIZES:
            sent = load([("mix", items, scale.ours[items])])
            rates(found, f"collector {items}", bench.collect(sent))
            if items == 100:
                rates(found, "COPY", bench.copy(sent))
        rates(found, "paho manual", bench.bare_paho(load([("mix", 1, scale.bare)]), "manual"))
        rates(found, "usual 1", bench.usual(load([("mix", 1, scale.usual["1"])]), "each"))
        rates(found, "usual each 100", bench.usual(load([("mix", 100, scale.usual["each"])]), "each"))
        rates(found, "usual many 100", bench.usual(load([("mix", 100, scale.usual["many"])]), "many"))


def line(*cells: object) -> str:
    """A line of a table: a name, and numbers to the right."""
    return f"  {cells[0]!s:<44}" + "".join(f"{cell:>16}" for cell in cells[1:])


def spread(found: Findings, name: str) -> str:
    """The median, with the least and the greatest."""
    values = found.values[name]
    return f"{statistics.median(values):,.0f} [{min(values):,.0f}–{max(values):,.0f}]"


def print_rounds(found: Findings) -> None:
    """The tables of what was compared."""
    print("\nOne item a message: CPU a message, µs, median [least–most]")
    print(line("", "process", "database", "broker"))
    for name in ("paho auto", "paho manual", "collector 1"):
        cells = [spread(found, f"{name}: µs/message{of}") for of in ("", ", database", ", broker")]
        print(f"  {name:<20}" + "".join(f"{cell:>26}" for cell in cells))
    print("\nEnd to end: from the first publish until all rows can be queried")
    print(f"  {'':<20}{'rows/s':>32}{'rows/CPU s of it':>32}{'… and of the database':>32}")
    names = [f"collector {items}" for items in SIZES] + ["usual 1", "usual each 100", "usual many 100", "COPY"]
    for name in names:
        cells = [spread(found, f"{name}: {what}") for what in ("rows/s", "rows/CPU s", "rows/CPU s, server's counted")]
        print(f"  {name:<20}" + "".join(f"{cell:>32}" for cell in cells))


def judge_rounds(found: Findings) -> None:
    """The gates of what was compared."""
    gate, ratio = found.gate, found.ratio
    gate(
        "1 item: CPU of the collector ÷ bare paho", ratio("collector 1: µs/message", "paho auto: µs/message"), most=1.5
    )
    of_copy = ratio("collector 100: rows/CPU s", "COPY: rows/CPU s")
    gate("100 items: rows a CPU second ÷ bare COPY's", of_copy, least=0.4)
    for ours, theirs, least in (
        ("collector 1", "usual 1", 5), ("collector 100", "usual each 100", 20), ("collector 100", "usual many 100", 3),
    ):  # fmt: skip
        gate(f"rows/s: {ours} ÷ {theirs}", ratio(f"{ours}: rows/s", f"{theirs}: rows/s"), least=least)


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
        finally:
            bench.end()
    print_rounds(found)
    judge_rounds(found)
    print("\nGates")
    for one in found.gates:
        bound = f"≤ {one['most']}" if one["most"] is not None else f"≥ {one['least']}"
        print(line(one["gate"], f"{one['value']:.2f}", bound, "pass" if one["passed"] else "FAIL"))
    if chosen.json:
        chosen.json.write_text(json.dumps({"values": found.values, "gates": found.gates}, indent=1) + "\n")
    return 0 if all(one["passed"] for one in found.gates) else 1


if __name__ == "__main__":
    sys.exit(main())
