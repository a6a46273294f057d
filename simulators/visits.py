"""What a connector does around a real session: statuses, and a register that rises by the session's energy."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from chargewatch.instants import US_PER_S, iso
from simulators.calendar import MINUTE_US
from simulators.real_sessions import Key, Session

PLUGGED_BEFORE_US = 20 * US_PER_S
UNPLUGGED_AFTER_US = 30 * US_PER_S
SAMPLE_EVERY_US = 15 * MINUTE_US
_WH = Decimal("0.001")

Timed = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Order:
    """A session and its own stretch of the register."""

    session: Session
    meter_start_kwh: Decimal

    def item(self) -> dict[str, Any]:
        """The item of contract 1; meter_end − meter_start is the energy, exactly."""
        one = self.session
        return {
            "session_id": one.session_id,
            "connector_id": one.connector_id,
            "start": iso(one.start_us),
            "end": iso(one.end_us),
            "energy_kwh": one.energy_kwh,
            "meter_start_kwh": self.meter_start_kwh,
            "meter_end_kwh": self.meter_start_kwh + one.energy_kwh,
        }


@dataclass(frozen=True, slots=True)
class Visit:
    """Sessions at one connector that overlap (nearly always one), and how far away its neighbours are.

    Orders stand in the order of their starts, and their stretches of the register follow each other in that order.
    """

    orders: tuple[Order, ...]
    from_us: int
    to_us: int
    quiet_before_us: int
    quiet_after_us: int

    @property
    def key(self) -> Key:
        """Operator and connector."""
        return self.orders[0].session.key

    def statuses(self) -> Iterator[Timed]:
        """Status items: plugged shortly before, charging, finishing, free shortly after where there is time."""
        connector_id = self.key[1]

        def item(at_us: int, status: str) -> Timed:
            return at_us, {"connector_id": connector_id, "at": iso(at_us), "status": status}

        if self.quiet_before_us >= MINUTE_US:
            yield item(self.from_us - PLUGGED_BEFORE_US, "preparing")
        yield item(self.from_us, "charging")
        yield item(self.to_us, "finishing")
        if self.quiet_after_us >= MINUTE_US:
            yield item(self.to_us + UNPLUGGED_AFTER_US, "available")

    def samples(self) -> Iterator[Timed]:
        """Meter items at each session's start and end and every 15 minutes between, one an instant."""
        instants: set[int] = set()
        for order in self.orders:
            instants.update(range(order.session.start_us, order.session.end_us, SAMPLE_EVERY_US))
            instants.add(order.session.end_us)
        for at_us in sorted(instants):
            running = next(o for o in self.orders if o.session.start_us <= at_us <= o.session.end_us)
            yield (
                at_us,
                {
                    "connector_id": self.key[1],
                    "at": iso(at_us),
                    "energy_kwh": self.register_kwh(at_us),
                    "session_id": running.session.session_id,
                },
            )

    def register_kwh(self, at_us: int) -> Decimal:
        """Register at an instant: what all its sessions have delivered by then, each evenly over its time."""
        return self.orders[0].meter_start_kwh + sum((_delivered(o.session, at_us) for o in self.orders), Decimal())


def visits(sessions: Iterable[Session]) -> list[Visit]:
    """All visits, by start (then operator, connector); each connector's register rises from 0."""
    by_connector: dict[Key, list[Session]] = {}
    for session in sorted(sessions, key=lambda one: (one.start_us, one.end_us, one.session_id)):
        by_connector.setdefault(session.key, []).append(session)
    made = [visit for own in by_connector.values() for visit in _visits_of_one(own)]
    made.sort(key=lambda visit: (visit.from_us, visit.key))
    return made


def _visits_of_one(sessions: Sequence[Session]) -> Iterator[Visit]:
    groups: list[tuple[list[Session], int]] = []
    for session in sessions:
        if groups and session.start_us < groups[-1][1]:
            group, to_us = groups[-1]
            group.append(session)
            groups[-1] = (group, max(to_us, session.end_us))
        else:
            groups.append(([session], session.end_us))
    register = Decimal()
    for index, (group, to_us) in enumerate(groups):
        orders = []
        for session in group:
            orders.append(Order(session, register))
            register += session.energy_kwh
        from_us = group[0].start_us
        before = from_us - groups[index - 1][1] if index else MINUTE_US
        after = groups[index + 1][0][0].start_us - to_us if index + 1 < len(groups) else MINUTE_US
        yield Visit(tuple(orders), from_us, to_us, before, after)


def _delivered(session: Session, at_us: int) -> Decimal:
    if at_us >= session.end_us:
        return session.energy_kwh
    if at_us <= session.start_us:
        return Decimal()
    part = session.energy_kwh * (at_us - session.start_us) / (session.end_us - session.start_us)
    return part.quantize(_WH, ROUND_DOWN)
