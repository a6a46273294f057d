"""Availability of one connector, instant by instant: semantics.md 2, said again as slowly and plainly as it can be.

Written from the rules alone, without the engine in `uptime/`. Each function is one rule and answers for
one instant; time is integer microseconds. Nothing here is fast, and nothing here may be made fast.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SERVING, FAULTED, OUT_OF_SERVICE, OFFLINE, NO_DATA = "serving", "faulted", "out_of_service", "offline", "no_data"
WORST_FIRST = (FAULTED, OUT_OF_SERVICE, OFFLINE, NO_DATA, SERVING)
NEVER_MENDED_LATE = (FAULTED, OUT_OF_SERVICE, OFFLINE)
SAID_WHILE_ANOTHER_IS_IN_USE = ("unavailable",)
SAID_IN_USE = ("preparing", "occupied", "charging", "suspended_ev", "suspended_evse", "finishing")

STATE_OF = {
    "available": SERVING, "preparing": SERVING, "occupied": SERVING, "charging": SERVING,
    "suspended_ev": SERVING, "suspended_evse": SERVING, "finishing": SERVING, "reserved": SERVING,
    "faulted": FAULTED, "unavailable": OUT_OF_SERVICE, "offline": OFFLINE, "unknown": NO_DATA,
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Receipt:
    """When and in which message an item came; the least of these came first."""

    received_us: int
    boot_id: str = "a"
    seq: int = 0
    place: int = 0


@dataclass(frozen=True)
class Status:
    """A connector said what it was doing."""

    at_us: int
    status: str
    receipt: Receipt


@dataclass(frozen=True)
class Meter:
    """A register reading; here only that it came matters."""

    at_us: int
    receipt: Receipt


@dataclass(frozen=True)
class Heartbeat:
    """A bare sign of life."""

    at_us: int
    receipt: Receipt


@dataclass(frozen=True)
class Session:
    """One revision of one order, for this connector."""

    session_id: str
    start_us: int
    end_us: int
    energy_kwh: Fraction
    meter_start_kwh: Fraction | None
    meter_end_kwh: Fraction | None
    receipt: Receipt
    revision: int = 0
    void: bool = False
    connectors: tuple[int, ...] = (1,)

    @property
    def content(self) -> str:
        """The hash of what the revision says: equal content, equal hash."""
        said = (self.start_us, self.end_us, self.energy_kwh, self.meter_start_kwh, self.meter_end_kwh)
        return sha256(repr((said, self.void, self.connectors)).encode()).hexdigest()


Item = Status | Meter | Heartbeat | Session


@dataclass(frozen=True)
class Settings:
    """The limits of rules 2, 3 and 4. `reporting` holds (from, interval) of the connector's operator."""

    reporting: tuple[tuple[int, int], ...] = ((0, 5 * MINUTE),)
    silence_factor: int = 2
    stale_limit_us: int = 24 * HOUR
    late_limit_us: int = 24 * HOUR
    silence_from_last_sign: bool = False
    sharing: bool = True
    """Whether a connector that cannot serve because another one of its charger is in use is serving."""
    ahead_us: int = MINUTE

    def silence_limit_us(self, sign_us: int) -> int:
        """How long a sign of life at that instant carries."""
        return self.silence_factor * [every for since, every in self.reporting if since <= sign_us][-1]


# ---- rule 5: of equal items the first received counts


def identity(item: Item) -> tuple[object, ...]:
    """What makes two items the same one (contract.md 1)."""
    match item:
        case Status():
            return ("status", item.at_us, item.status)
        case Session():
            return ("session", item.session_id, item.revision, item.content)
        case _:
            return (type(item).__name__, item.at_us)


def first_received(items: Iterable[Item]) -> list[Item]:
    """Each item once: its first receipt."""
    kept: dict[tuple[object, ...], Item] = {}
    for item in sorted(items, key=lambda one: one.receipt):
        kept.setdefault(identity(item), item)
    return list(kept.values())


# ---- revisions: of one order one revision counts, and a void one takes it back


def orders(items: Iterable[Item]) -> list[list[Session]]:
    """The revisions of each order: one id, the same connectors, starting no more than 24 h after its first."""
    found: list[list[Session]] = []
    sessions = [item for item in items if isinstance(item, Session)]
    for session in sorted(sessions, key=lambda one: one.start_us):
        for order in found:
            same = (order[0].session_id, order[0].connectors) == (session.session_id, session.connectors)
            if same and session.start_us - order[0].start_us <= 24 * HOUR:
                order.append(session)
                break
        else:
            found.append([session])
    return found


def every_session(items: Iterable[Item]) -> list[Session]:
    """Every accepted revision, superseded and void ones too: "every accepted item … is a sign of life"."""
    return [item for item in items if isinstance(item, Session)]


def counting_sessions(items: Iterable[Item]) -> list[Session]:
    """Of each order the highest revision, then latest receipt, then content; none where that one is void."""
    counting = [
        max(order, key=lambda one: (one.revision, one.receipt.received_us, one.content)) for order in orders(items)
    ]
    return [session for session in counting if not session.void]


# ---- rule 1: the last status, by `at`


def spoken_at(statuses: Sequence[Status], t: int) -> str | None:
    """The status that speaks, none before the first."""
    past = [item for item in statuses if item.at_us <= t]
    if not past:
        return None
    last = max(item.at_us for item in past)
    together = [item for item in past if item.at_us == last]
    speakers = []
    for boot_id in {item.receipt.boot_id for item in together}:
        of_boot = [item for item in together if item.receipt.boot_id == boot_id]
        highest = max((item.receipt.seq, item.receipt.place) for item in of_boot)
        # A sender that gives one number to two messages has two speakers: the rules are silent, the worst counts.
        speakers += [item for item in of_boot if (item.receipt.seq, item.receipt.place) == highest]
    names = list(STATE_OF)
    # Of several that name the same state the rules need not tell; where it matters what was said, the last boot's.
    return min(
        speakers,
        key=lambda one: (
            WORST_FIRST.index(STATE_OF[one.status]),
            _later(one.receipt.boot_id),
            -names.index(one.status),
        ),
    ).status


def _later(name: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in name)


def status_at(statuses: Sequence[Status], t: int) -> str:
    """The state that the last status names, whether or not anything proves it."""
    spoken = spoken_at(statuses, t)
    return NO_DATA if spoken is None else STATE_OF[spoken]


# ---- rule 2: silence


def signs_of_life(items: Sequence[Item], settings: Settings) -> list[int]:
    """The instants that prove life; after more than the stale limit heartbeats count for nothing."""
    weak = {item.at_us for item in items if isinstance(item, Heartbeat)}
    strong = {item.at_us for item in items if isinstance(item, Status | Meter)}
    for session in every_session(items):
        strong |= {session.start_us, session.end_us}
    counted: list[int] = []
    for at in sorted(weak | strong):
        stale = not counted or at - counted[-1] > settings.stale_limit_us
        if at in strong or not stale:
            counted.append(at)
    return counted


def alive_at(signs: Sequence[int], settings: Settings, t: int) -> bool:
    """Whether a serving connector still has its proof at that instant."""
    before = bisect_right(signs, t)
    if before == 0:
        return False
    last = signs[before - 1]
    limit = settings.silence_limit_us(last)
    if settings.silence_from_last_sign:
        return before < len(signs) and signs[before] - last <= limit
    return t < last + limit


# ---- rule 3: proven sessions


def is_proven(session: Session) -> bool:
    """At most 24 h, positive energy, and registers that differ by it within 1 % or 0.05 kWh."""
    if session.meter_start_kwh is None or session.meter_end_kwh is None:
        return False
    off = abs(session.meter_end_kwh - session.meter_start_kwh - session.energy_kwh)
    return (
        session.end_us - session.start_us <= 24 * HOUR
        and session.energy_kwh > 0
        and off <= max(session.energy_kwh / 100, Fraction(5, 100))
    )


def proven_sessions(items: Iterable[Item]) -> list[tuple[int, int]]:
    """From when to when a proven session ran."""
    return [(one.start_us, one.end_us) for one in counting_sessions(items) if is_proven(one)]


# ---- rule 4: late good news


def in_time(item: Item, settings: Settings) -> bool:
    """Received within the late limit of its `at`, a session of its end."""
    at = item.end_us if isinstance(item, Session) else item.at_us
    return item.receipt.received_us - at <= settings.late_limit_us


@dataclass(frozen=True)
class Company:
    """Another connector of the same charger, of which one serves at a time, while both stood there."""

    items: Sequence[Item]
    from_us: int
    to_us: int


def alone(items: Sequence[Item], settings: Settings) -> Callable[[int], str]:
    """Rules 1 to 3 on these items."""
    statuses = [item for item in items if isinstance(item, Status)]
    signs = signs_of_life(items, settings)
    proven = proven_sessions(items)

    def state_at(t: int) -> str:
        state = status_at(statuses, t)
        if state == SERVING and not alive_at(signs, settings, t):
            state = NO_DATA
        if state in (NO_DATA, OFFLINE) and any(start <= t < end for start, end in proven):
            state = SERVING
        return state

    return state_at


def in_use(items: Sequence[Item], settings: Settings) -> Callable[[int], bool]:
    """Whether a connector serves somebody: it says so, or a proven session does."""
    statuses = [item for item in items if isinstance(item, Status)]
    state_at, proven = alone(items, settings), proven_sessions(items)

    def used_at(t: int) -> bool:
        said = spoken_at(statuses, t) in SAID_IN_USE or any(start <= t < end for start, end in proven)
        return said and state_at(t) == SERVING

    return used_at


def said_since(statuses: Sequence[Status], t: int) -> int | None:
    """Since when, without another status between, it has been saying at that instant that it cannot serve."""
    since = None
    for at in sorted({item.at_us for item in statuses if item.at_us <= t}, reverse=True):
        if spoken_at(statuses, at) not in SAID_WHILE_ANOTHER_IS_IN_USE:
            break
        since = at
    return since


def one_pass(items: Sequence[Item], settings: Settings, company: Sequence[Company]) -> Callable[[int], str]:
    """Rules 1 to 3, and serving where it cannot serve because its charger serves another connector."""
    state_at = alone(items, settings)
    if not settings.sharing or not company:
        return state_at
    statuses = [item for item in items if isinstance(item, Status)]
    used = [(in_use(one.items, settings), one) for one in company]
    cuts = {at for one in company for at in (one.from_us, one.to_us)}
    for one in company:
        cuts |= relevant_instants(one.items, settings)
    others_at = {cut: any(used_at(cut) for used_at, one in used if one.from_us <= cut < one.to_us) for cut in cuts}

    def with_company(t: int) -> str:
        since = said_since(statuses, t)
        use_since = None
        for cut in sorted(cut for cut in cuts if cut <= t):
            use_since = (cut if use_since is None else use_since) if others_at[cut] else None
        if since is not None and use_since is not None and since >= use_since - settings.ahead_us:
            return SERVING
        return state_at(t)

    return with_company


def state_function(
    items: Iterable[Item],
    settings: Settings,
    company: Sequence[Company] = (),
    lifted: Sequence[tuple[int, int]] = (),
) -> Callable[[int], str]:
    """The state at any instant: rules 1 to 5 together; `lifted` is what granted contests name."""
    everything = first_received(items)
    others = [replace(one, items=first_received(one.items)) for one in company]
    in_time_others = [replace(one, items=[item for item in one.items if in_time(item, settings)]) for one in others]
    first = one_pass([item for item in everything if in_time(item, settings)], settings, in_time_others)
    second = one_pass(everything, settings, others)

    def state_at(t: int) -> str:
        if any(start <= t < end for start, end in lifted):
            return second(t)
        if second(t) == SERVING and first(t) in NEVER_MENDED_LATE:
            return first(t)
        return second(t)

    return state_at


# ---- the partition


@dataclass(frozen=True)
class Interval:
    """A run of one state."""

    from_us: int
    to_us: int
    state: str


def relevant_instants(items: Iterable[Item], settings: Settings) -> set[int]:
    """Every instant at which the state may change."""
    instants: set[int] = set()
    for item in items:
        for at in (item.start_us, item.end_us) if isinstance(item, Session) else (item.at_us,):
            instants |= {at, at + settings.silence_limit_us(at)}
    return instants


def intervals(
    items: Sequence[Item],
    settings: Settings,
    from_us: int,
    to_us: int,
    company: Sequence[Company] = (),
    lifted: Sequence[tuple[int, int]] = (),
) -> list[Interval]:
    """The maximal runs of one state in [from, to)."""
    state_at = state_function(items, settings, company, lifted)
    instants = relevant_instants(items, settings) | {at for span in lifted for at in span}
    for one in company:
        instants |= relevant_instants(one.items, settings) | {one.from_us, one.to_us}
    cuts = sorted({from_us, to_us} | {t for t in instants if from_us < t < to_us})
    runs: list[Interval] = []
    for start, end in itertools.pairwise(cuts):
        state = state_at(start)
        if runs and runs[-1].state == state:
            runs[-1] = Interval(runs[-1].from_us, end, state)
        else:
            runs.append(Interval(start, end, state))
    return runs
