"""Figures of profile 137-七, instant by instant: semantics.md 3 and 4, said again slowly and plainly.

Written from the rules alone, without the engine in `uptime/`. A connector comes as its state function and
its service life (reference_availability.py); every share is a Fraction; nothing is rounded.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tests.generative.reference_availability import DAY, NO_DATA, SERVING, Interval

EFFECTS = {"routine_maintenance": "deduct", "platform_outage": "deduct"}
"""What 137-七 does with each cause, in its order; every other cause does nothing."""

EVERY_CAUSE = (
    "routine_maintenance", "grid_outage", "force_majeure", "vandalism", "vehicle_fault", "outside_hours",
    "platform_outage",
)  # fmt: skip
BAD = ("faulted", "out_of_service", "offline")


@dataclass(frozen=True)
class Declaration:
    """Declared time that concerns this connector."""

    cause: str
    from_us: int
    to_us: int
    filed_us: int
    approved: bool = True
    withdrawn: bool = False


@dataclass(frozen=True)
class Connector:
    """All that a figure needs of one connector: its maximal runs, its life, its proven time."""

    runs: Sequence[Interval]
    """Covers at least the service life up to the period's end."""
    life: tuple[int, int]
    proven: Sequence[tuple[int, int]] = ()
    declarations: Sequence[Declaration] = ()

    def state_at(self, t: int) -> str:
        """The state at that instant."""
        return next(run.state for run in self.runs if run.from_us <= t < run.to_us)


def outages(connector: Connector) -> list[tuple[int, int]]:
    """Maximal unbroken runs of not serving within the service life."""
    found: list[tuple[int, int]] = []
    for run in connector.runs:
        start, end = max(run.from_us, connector.life[0]), min(run.to_us, connector.life[1])
        if start < end and run.state != SERVING:
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
    return found


def is_valid(declaration: Declaration) -> bool:
    """Each by itself: not withdrawn; maintenance approved and filed no later than its start."""
    if declaration.withdrawn:
        return False
    if declaration.cause == "routine_maintenance":
        return declaration.approved and declaration.filed_us <= declaration.from_us
    return True


def covers(connector: Connector, declaration: Declaration, t: int) -> bool:
    """Whether one declaration, valid by itself, covers that instant of the connector."""
    if not is_valid(declaration) or not declaration.from_us <= t < declaration.to_us:
        return False
    if any(start <= t < end for start, end in connector.proven):
        return False
    if declaration.cause == "platform_outage":
        return connector.state_at(t) == NO_DATA
    if declaration.cause == "routine_maintenance":
        begun_before = [(a, b) for a, b in outages(connector) if a < declaration.filed_us]
        return not any(start <= t < end for start, end in begun_before)
    return True


def cause_at(connector: Connector, t: int, effects: dict[str, str]) -> str | None:
    """The first cause of the profile's order with a declaration that covers that instant."""
    for cause in effects:
        if any(d.cause == cause and covers(connector, d, t) for d in connector.declarations):
            return cause
    return None


@dataclass
class Amounts:
    """Microseconds of one connector, or of many together."""

    up: int = 0
    down: int = 0
    unknown: int = 0
    deducted: dict[str, int] = field(default_factory=dict)

    @property
    def required(self) -> int:
        """The period less what is deducted."""
        return self.up + self.down + self.unknown

    @property
    def ratio(self) -> Fraction | None:
        """Unknown counts as down."""
        return Fraction(self.up, self.required) if self.required else None

    @property
    def ratio_upper(self) -> Fraction | None:
        """Unknown counts as up."""
        return Fraction(self.up + self.unknown, self.required) if self.required else None

    def __add__(self, other: Amounts) -> Amounts:
        causes = sorted(set(self.deducted) | set(other.deducted))
        deducted = {cause: self.deducted.get(cause, 0) + other.deducted.get(cause, 0) for cause in causes}
        return Amounts(self.up + other.up, self.down + other.down, self.unknown + other.unknown, deducted)


def amounts(connector: Connector, from_us: int, to_us: int, effects: dict[str, str] | None = None) -> Amounts | None:
    """What the profile makes of [from, to); None without service life in it, which gives no row."""
    effects = EFFECTS if effects is None else effects
    start, end = max(from_us, connector.life[0]), min(to_us, connector.life[1])
    if start >= end:
        return None
    cuts = {start, end}
    for run in connector.runs:
        cuts |= {run.from_us, run.to_us}
    for declaration in connector.declarations:
        cuts |= {declaration.from_us, declaration.to_us}
    for session in connector.proven:
        cuts |= set(session)
    inside = sorted(cut for cut in cuts if start <= cut <= end)
    total = Amounts()
    for t, until in itertools.pairwise(inside):
        length, state, cause = until - t, connector.state_at(t), cause_at(connector, t, effects)
        if cause is not None and effects[cause] == "deduct":
            total.deducted[cause] = total.deducted.get(cause, 0) + length
        elif state == SERVING or (cause is not None and effects[cause] == "credit"):
            total.up += length
        elif state in BAD:
            total.down += length
        else:
            total.unknown += length
    return total


THRESHOLD = Fraction(90, 100)


def verdict(total: Amounts) -> str:
    """pass, fail, pending or not_measurable, compared exactly."""
    if total.ratio is None or total.ratio_upper is None:
        return "not_measurable"
    if total.ratio >= THRESHOLD:
        return "pass"
    if total.ratio_upper < THRESHOLD:
        return "fail"
    return "pending"


def is_breach(total: Amounts, period_end_us: int, as_of_us: int) -> bool:
    """A fail, or a pending that 30 days after the period's end is still one."""
    judged = verdict(total)
    return judged == "fail" or (judged == "pending" and as_of_us >= period_end_us + 30 * DAY)


def is_out_7d(connector: Connector, from_us: int, to_us: int) -> bool:
    """Not serving for more than 7 days on end, in an outage that reaches into the period, up to its end."""
    return any(
        start < to_us and end > from_us and min(end, to_us) - start > 7 * DAY for start, end in outages(connector)
    )


def together(rows: Iterable[Amounts]) -> Amounts:
    """A ratio of sums, never a mean of ratios."""
    total = Amounts()
    for row in rows:
        total = total + row
    return total


def truncated(ratio: Fraction | None) -> str | None:
    """Eight decimals, cut off."""
    if ratio is None:
        return None
    units = ratio.numerator * 10**8 // ratio.denominator
    return f"{units // 10**8}.{units % 10**8:08d}"


StateFunction = Callable[[int], str]
