"""Real sessions as the messages their operators would have sent, in order of receipt."""

from collections import defaultdict
from collections.abc import Iterator
from math import gcd

from chargewatch.instants import US_PER_S, iso
from simulators.calendar import DAY_US, MINUTE_US, day_of, start_of
from simulators.feed import Message, Sender
from simulators.real_sessions import RealSessions
from simulators.visits import Timed, visits

SENT_EVERY_MIN = 60
TRAVEL_US = 2 * US_PER_S
_KINDS = ("status", "meter", "session")


def window(real: RealSessions) -> tuple[int, int]:
    """From the start of the first session's day to the end of the last one's (µs since 1970)."""
    last = max(session.end_us for session in real.sessions)
    return start_of(day_of(real.sessions[0].start_us)), start_of(day_of(last - 1)) + DAY_US


def messages(real: RealSessions, heartbeat_min: int) -> Iterator[Message]:
    """Every message of the window, in order of receipt.

    Each operator sends what has happened every hour, and a list of all its commissioned connectors as
    heartbeats every `heartbeat_min`.
    """
    from_us, to_us = window(real)
    boot_id = f"replay-{day_of(from_us)}"
    senders = {one.operator_id: Sender(one.operator_id, boot_id) for one in real.connectors}
    alive = _Alive(real, from_us)
    outbox = _Outbox(real, from_us)
    step_us = gcd(SENT_EVERY_MIN, heartbeat_min) * MINUTE_US
    now_us = from_us
    while now_us < to_us or outbox.waiting:
        elapsed_min = (now_us - from_us) // MINUTE_US
        if elapsed_min % SENT_EVERY_MIN == 0:
            for (operator_id, kind), items in outbox.until(now_us):
                ordered = [item for _, item in sorted(items, key=_by_time_and_place)]
                yield from senders[operator_id].messages(kind, ordered, now_us, now_us + TRAVEL_US)
        if elapsed_min % heartbeat_min == 0:
            for operator_id, connector_ids in alive.at(now_us):
                yield from senders[operator_id].heartbeats(now_us, connector_ids, now_us, now_us + TRAVEL_US)
        now_us += step_us


def _by_time_and_place(timed: Timed) -> tuple[int, str]:
    return timed[0], timed[1]["connector_id"]


class _Outbox:
    """Items that wait for their operator's next message; filled only as far ahead as needed."""

    def __init__(self, real: RealSessions, from_us: int) -> None:
        self._from_us = from_us
        self._visits = visits(real.sessions)
        self._next = 0
        self._due: dict[int, defaultdict[tuple[str, str], list[Timed]]] = {}
        commissioned = real.commissioning()
        self._first_us = {key: max(from_us, start_of(day)) for key, day in commissioned.items()}
        for one in real.connectors:
            at_us = self._first_us[one.key]
            self._put(
                (one.operator_id, "status"),
                (at_us, {"connector_id": one.connector_id, "at": iso(at_us), "status": "available"}),
            )

    @property
    def waiting(self) -> bool:
        return bool(self._due) or self._next < len(self._visits)

    def until(self, now_us: int) -> Iterator[tuple[tuple[str, str], list[Timed]]]:
        """What each operator has to send at this instant, by operator and kind."""
        while self._next < len(self._visits) and self._visits[self._next].from_us <= now_us + MINUTE_US:
            self._unfold(self._next)
            self._next += 1
        due = self._due.pop(now_us, defaultdict(list))
        yield from sorted(due.items(), key=lambda entry: (entry[0][0], _KINDS.index(entry[0][1])))

    def _unfold(self, index: int) -> None:
        visit = self._visits[index]
        operator_id = visit.key[0]
        for timed in visit.statuses():
            if timed[0] >= self._first_us[visit.key]:
                self._put((operator_id, "status"), timed)
        for timed in visit.samples():
            self._put((operator_id, "meter"), timed)
        for order in visit.orders:
            self._put((operator_id, "session"), (order.session.end_us, order.item()))

    def _put(self, where: tuple[str, str], timed: Timed) -> None:
        every = SENT_EVERY_MIN * MINUTE_US
        send_us = self._from_us - (self._from_us - timed[0]) // every * every
        self._due.setdefault(send_us, defaultdict(list))[where].append(timed)


class _Alive:
    """Connectors of each operator that are in service at an instant."""

    def __init__(self, real: RealSessions, from_us: int) -> None:
        commissioned = real.commissioning()
        self._coming = sorted(
            ((max(from_us, start_of(commissioned[one.key])), *one.key) for one in real.connectors), reverse=True
        )
        self._alive: dict[str, list[str]] = {}

    def at(self, now_us: int) -> list[tuple[str, list[str]]]:
        changed = set()
        while self._coming and self._coming[-1][0] <= now_us:
            _, operator_id, connector_id = self._coming.pop()
            self._alive.setdefault(operator_id, []).append(connector_id)
            changed.add(operator_id)
        for operator_id in changed:
            self._alive[operator_id].sort()
        return sorted(self._alive.items())
