"""Figures of profile 137-七, instant by instant: semantics.md 3 and 4, said again slowly and plainly.

Written from the rules alone, without the engine in `uptime/`. A connector comes as its state function and
its service life (reference_availability.py); every share is a Fraction; nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

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
    """Declared time for whatever its scope names."""

    cause: str
    from_us: int
    to_us: int
    filed_us: int
    approved: bool = True
    withdrawn_us: int | None = None
    scope: str = "platform"
    scope_id: str = ""


@dataclass(frozen=True)
class Place:
    """Where the registry puts a connector for some days, and whether the regime binds it there."""

    from_us: int
    to_us: int
    charger: str = "c"
    station: str = "s"
    district: str = "lucheng"
    bound: bool = True


@dataclass(frozen=True)
class Connector:
    """All that a figure needs of one connector: its maximal runs, its service life by place, its proven time."""

    connector_id: str
    runs: Sequence[Interval]
    """Cover at least the service life up to the period's end."""
    life: Sequence[Place]
    proven: Sequence[tuple[int, int]] = ()

    def state_at(self, t: int) -> str:
        """The state at that instant."""
        return next(run.state for run in self.runs if run.from_us <= t < run.to_us)

    def place_at(self, t: int) -> Place | None:
        """Its place at that instant of its service life, or None outside of it."""
        return next((place for place in self.life if place.from_us <= t < place.to_us), None)

    def instants(self) -> set[int]:
        """Where its state, its place or its proof may change."""
        edges = [(run.from_us, run.to_us) for run in self.runs]
        edges += [(place.from_us, place.to_us) for place in self.life]
        return {edge for both in (*edges, *self.proven) for edge in both}


def outages(connector: Connector) -> list[tuple[int, int]]:
    """Maximal unbroken runs of not serving within the service life."""
    found: list[tuple[int, int]] = []
    for start, end in pairwise(sorted(connector.instants())):
        if connector.place_at(start) and connector.state_at(start) != SERVING:
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
    return found


def is_valid(declaration: Declaration) -> bool:
    """Each by itself: not withdrawn; maintenance approved and filed no later than its start."""
    if declaration.withdrawn_us is not None:
        return False
    if declaration.cause == "routine_maintenance":
        return declaration.approved and declaration.filed_us <= declaration.from_us
    return True


def concerns(declaration: Declaration, connector: Connector, place: Place) -> bool:
    """Whether the declaration's scope holds the connector where it stands."""
    ids = {"station": place.station, "charger": place.charger, "connector": connector.connector_id}
    return declaration.scope in ("platform", "operator") or ids[declaration.scope] == declaration.scope_id


def covers(connector: Connector, declaration: Declaration, t: int) -> bool:
    """Whether one declaration, valid by itself, covers that instant of the connector."""
    place = connector.place_at(t)
    if place is None or not concerns(declaration, connector, place):
        return False
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


def cause_at(connector: Connector, declared: Iterable[Declaration], t: int, effects: dict[str, str]) -> str | None:
    """The first cause of the profile's order with a declaration that covers that instant."""
    covering = {declaration.cause for declaration in declared if covers(connector, declaration, t)}
    return next((cause for cause in effects if cause in covering), None)


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


def amounts(
    connector: Connector,
    declared: Sequence[Declaration],
    from_us: int,
    to_us: int,
    effects: dict[str, str] = EFFECTS,
) -> dict[Place, Amounts]:
    """What the profile makes of [from, to), by place; nothing without service life in it, which gives no row."""
    cuts = connector.instants() | {from_us, to_us}
    for declaration in declared:
        cuts |= {declaration.from_us, declaration.to_us}
    totals: dict[Place, Amounts] = {}
    for t, until in pairwise(sorted(cut for cut in cuts if from_us <= cut <= to_us)):
        place = connector.place_at(t)
        if place is None:
            continue
        total = totals.setdefault(place, Amounts())
        length, state, cause = until - t, connector.state_at(t), cause_at(connector, declared, t, effects)
        if cause is not None and effects[cause] == "deduct":
            total.deducted[cause] = total.deducted.get(cause, 0) + length
        elif state == SERVING or (cause is not None and effects[cause] == "credit"):
            total.up += length
        elif state in BAD:
            total.down += length
        else:
            total.unknown += length
    return totals


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
    """Not serving for more than 7 days on end, where it is bound in the period; as far as its end tells."""
    bound = [(max(p.from_us, from_us), min(p.to_us, to_us)) for p in connector.life if p.bound]
    return any(
        min(end, to_us) - start > 7 * DAY and any(start < to and end > since and since < to for since, to in bound)
        for start, end in outages(connector)
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
