"""Figures round by round, the gates they pass or fail, and how both are printed."""

import statistics
from dataclasses import dataclass, field
from typing import Any

from benchmarks.lasting import Away, Lag, Memory


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
        """Whether it holds; without a bound it is only told."""
        passed = (most is None or value <= most) and (least is None or value >= least)
        self.gates.append({"gate": what, "value": value, "most": most, "least": least, "passed": passed})


def line(*cells: object) -> str:
    """A line of a table: a name, and numbers to the right."""
    return f"  {cells[0]!s:<48}" + "".join(f"{cell:>15}" for cell in cells[1:])


def spread(found: Findings, name: str) -> str:
    """The median, with the least and the greatest."""
    values = found.values[name]
    return f"{statistics.median(values):,.0f} [{min(values):,.0f}–{max(values):,.0f}]"


def print_rounds(found: Findings) -> None:
    """The tables of what was compared."""
    print("\nOne item a message: CPU a message, µs, median [least–most]")
    print(f"  {'':<28}{'process':>26}{'database':>26}{'broker':>26}")
    for name in ("paho auto", "paho manual", "collector 1"):
        cells = [spread(found, f"{name}: µs/message{of}") for of in ("", ", database", ", broker")]
        print(f"  {name:<28}" + "".join(f"{cell:>26}" for cell in cells))
    print("\nEnd to end: from the first publish until all rows can be queried")
    print(f"  {'':<28}{'rows/s':>28}{'rows/CPU s of it':>28}{'… and of the database':>28}")
    names = [name.partition(":")[0] for name in found.values if name.endswith(": rows/s")]
    for name in sorted((name for name in names if not name.startswith("paho")), key="COPY".__eq__):
        cells = [spread(found, f"{name}: {what}") for what in ("rows/s", "rows/CPU s", "rows/CPU s, server's counted")]
        print(f"  {name:<28}" + "".join(f"{cell:>28}" for cell in cells))


def print_lags(lags: list[Lag]) -> None:
    """From publish to queryable."""
    print("\nLag from publish to queryable, ms, at half the peak just measured")
    print(line("", "messages/s", "rows/s", *(lags[0].percentiles), "CPU µs/message"))
    for place, one in enumerate(lags):
        times = [f"{seconds * 1000:,.0f}" for seconds in one.percentiles.values()]
        name = f"{one.items} items a message, the {('middle', 'worst')[place % 2]} run ({one.messages:,} messages)"
        print(line(name, f"{one.rate:,.0f}", f"{one.rate * one.items:,.0f}", *times, f"{one.cpu_us_a_message:,.0f}"))


def print_memory(hour: Memory, aways: list[Away]) -> None:
    """Of the collector."""
    print(f"\nResident memory of the collector, MB (the most it ever had: {hour.high_water:.0f})")
    print(line("", "messages", "rows", "seconds", "least", "median", "most", "swing"))
    counts = (f"{hour.messages:,}", f"{hour.rows:,}", f"{hour.wall_s:.0f}")
    sizes = (f"{hour.least:.1f}", f"{hour.middle:.1f}", f"{hour.most:.1f}", f"±{hour.swing:.1%}")
    print(line("an hour's load, after its first 15 %", *counts, *sizes))
    print(line("", "messages", "seconds away", "before", "most", "after", "window"))
    for one in aways:
        megabytes = [f"{size:.1f}" for size in (one.before, one.most, one.after, one.window)]
        print(line(f"database away, {one.what}", f"{one.messages:,}", f"{one.seconds:.0f}", *megabytes))


def print_gates(found: Findings) -> None:
    """Pass or fail."""
    print("\nGates")
    for one in found.gates:
        if one["most"] is None and one["least"] is None:
            print(line(one["gate"], f"{one['value']:.2f}", "", "told only"))
            continue
        bound = f"≤ {one['most']:g}" if one["most"] is not None else f"≥ {one['least']:g}"
        print(line(one["gate"], f"{one['value']:.2f}", bound, "pass" if one["passed"] else "FAIL"))
