"""Random facts and declarations in which ties, exact limits and contradictions are common, not rare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from tests.generative.reference_account import EVERY_CAUSE, Declaration
from tests.generative.reference_availability import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    STATE_OF,
    Heartbeat,
    Item,
    Meter,
    Receipt,
    Session,
    Settings,
    Status,
)

START = 1_685_548_800 * SECOND
"""2023-06-01T00:00:00+08:00, the start of a policy day."""

LIMIT = 10 * MINUTE
GAPS = (
    0, 0, 1, 5 * MINUTE, LIMIT - 1, LIMIT, LIMIT, LIMIT + 1, HOUR, HOUR + 1, 6 * HOUR, DAY - LIMIT, DAY - 1, DAY, DAY,
    DAY + 1, 3 * DAY,
)  # fmt: skip
"""From one instant to the next: ties, and each limit with its neighbours."""
DELAYS = (0, 0, 0, -5 * MINUTE, 1, SECOND, HOUR, HOUR + 1, DAY - 1, DAY, DAY + 1, 10 * DAY)
STATUSES = (
    "available",
    "available",
    "available",
    "charging",
    "faulted",
    "unavailable",
    "offline",
    "unknown",
    *STATE_OF,
)

# energy, register at the start, register at the end: on each side of every condition of a proven session
REGISTERS = tuple(
    (Fraction(energy), start if start is None else Fraction(start), end if end is None else Fraction(end))
    for energy, start, end in (
        *(("20", "100", "120"),) * 8, ("20", "100", "120.2"), ("20", "100", "120.201"), ("20", "100", "119.8"),
        ("20", "100", "119.799"), ("1", "100", "101.05"), ("1", "100", "101.051"), ("1", "100", "100.95"),
        ("1", "100", "100.949"), ("0", "100", "100"), ("0", "100", "100.05"), ("0.001", "100", "100.001"),
        ("20", None, "120"), ("20", "100", None), ("20", None, None), ("20", "120", "100"),
    )
)  # fmt: skip


def receipts(at_us: int) -> st.SearchStrategy[Receipt]:
    """Receipts of something that happened then, in time and late, at the limit and a microsecond beside it."""
    return st.builds(
        Receipt,
        received_us=st.sampled_from(DELAYS).map(lambda delay: at_us + delay),
        boot_id=st.sampled_from("ab"),
        seq=st.integers(0, 2),
        place=st.integers(0, 2),
    )


KINDS = ("status", "status", "heartbeat", "heartbeat", "meter", "session", "session")


@st.composite
def items(
    draw: st.DrawFn, at: int, connectors: Sequence[tuple[int, ...]] = ((1,),), kinds: Sequence[str] = KINDS
) -> Item:
    """One item at that instant, a session from it on."""
    kind = draw(st.sampled_from(kinds))
    if kind == "status":
        return Status(at, draw(st.sampled_from(STATUSES)), draw(receipts(at)))
    if kind == "heartbeat":
        return Heartbeat(at, draw(receipts(at)))
    if kind == "meter":
        return Meter(at, draw(receipts(at)))
    end = at + draw(st.sampled_from(GAPS))
    energy, register_start, register_end = draw(st.sampled_from(REGISTERS))
    return Session(
        draw(st.sampled_from(("s1", "s2"))),
        at,
        end,
        energy,
        register_start,
        register_end,
        draw(receipts(end)),
        revision=draw(st.integers(0, 2)),
        void=draw(st.sampled_from((*(False,) * 7, True))),
        connectors=draw(st.sampled_from(connectors)),
    )


@st.composite
def timelines(
    draw: st.DrawFn, most: int, connectors: Sequence[tuple[int, ...]] = ((1,),), kinds: Sequence[str] = KINDS
) -> list[Item]:
    """Items one after the other, or at one instant."""
    at = START + draw(st.sampled_from((0, 1, 12 * HOUR, DAY - 1, DAY)))
    history = []
    for gap in draw(st.lists(st.sampled_from(GAPS), max_size=most)):
        at += gap
        history.append(draw(items(at, connectors, kinds)))
    return history


@st.composite
def histories(draw: st.DrawFn, most: int = 14) -> list[Item]:
    """Everything that was received about one connector, repeats and contradictions included."""
    return draw(timelines(most))


@st.composite
def neighbours(draw: st.DrawFn, most: int = 10) -> dict[int, list[Item]]:
    """Some connectors of one operator with what was received about each; a few orders name several of them."""
    histories = {}
    for connector in draw(st.sampled_from(((2,), (2, 3), (2, 3, 7)))):
        histories[connector] = draw(timelines(most, connectors=((connector,),)))
    together = tuple(histories)
    if len(together) > 1 and draw(st.booleans()):
        shared = timelines(3, connectors=(together, together[:2], together[-1:]), kinds=("session",))
        for order in draw(shared):
            for connector in order.connectors if isinstance(order, Session) else ():
                histories[connector].append(order)
    return histories


def settings(from_last_sign: st.SearchStrategy[bool] = st.booleans()) -> st.SearchStrategy[Settings]:
    """The interval settings: mostly the default ones, and their neighbours."""
    return st.one_of(
        st.just(Settings()),
        st.builds(
            Settings,
            reporting=st.sampled_from((
                ((0, 5 * MINUTE),),
                ((0, 60 * MINUTE),),
                ((0, 5 * MINUTE), (START + DAY, 60 * MINUTE)),
                ((0, 12 * HOUR), (START + DAY, 5 * MINUTE)),
            )),
            silence_factor=st.sampled_from((1, 2, 3)),
            stale_limit_us=st.sampled_from((HOUR, DAY, 3 * DAY)),
            late_limit_us=st.sampled_from((0, HOUR, DAY)),
            silence_from_last_sign=from_last_sign,
        ),
    )  # fmt: skip


@st.composite
def declarations(draw: st.DrawFn, instants: Sequence[int]) -> Declaration:
    """Declared time from and to such instants, filed before, at or after the ones that matter."""
    filed = draw(st.sampled_from(instants)) + draw(st.sampled_from((-HOUR, -1, 0, 0, 0, 1)))
    later = [instant for instant in instants if instant >= filed]
    start = draw(st.sampled_from(later if later and draw(st.integers(0, 3)) else instants))
    end = draw(st.sampled_from([instant for instant in instants if instant > start] or [start + HOUR]))
    scope, scope_id = draw(
        st.sampled_from(
            (*(("platform", ""),) * 4, ("operator", ""), ("station", "s1"), ("charger", "c1"), ("connector", "g2"))
        )
    )
    cause = draw(st.sampled_from((*("routine_maintenance",) * 8, "platform_outage", *EVERY_CAUSE)))
    return Declaration(
        cause,
        start,
        end,
        draw(st.sampled_from((start - DAY, start, filed, filed, filed))),
        # Whether a platform's outage needs an approval is not settled by semantics.md: here it always has one.
        approved=cause == "platform_outage" or draw(st.sampled_from((True, True, True, False))),
        withdrawn_us=draw(st.sampled_from((*(None,) * 8, start, end + DAY))),
        scope=scope,
        scope_id=scope_id,
    )


@dataclass(frozen=True)
class Registered:
    """What the registry says about a connector from some day on, until the next."""

    from_day: int
    charger: str = "c1"
    station: str = "s1"
    district: str = "lucheng"
    category: str = "public"
    open_to_public: bool = False
    kind: str = "dc"
    rated_kw: Decimal = Decimal(60)
    simultaneous: bool | None = None
    commissioned_day: int | None = 0
    retired_day: int | None = None
    """Days are counted from START."""


@st.composite
def registrations(draw: st.DrawFn) -> list[Registered]:
    """One connector's rows in the registry: mostly one, sometimes it moves, is bound or not, comes late or retires."""
    days = sorted(draw(st.sets(st.integers(1, 6), max_size=2)))
    row = st.builds(
        Registered,
        from_day=st.just(0),
        charger=st.sampled_from(("c1", "c2")),
        station=st.sampled_from(("s1", "s2")),
        district=st.sampled_from(("lucheng", "ouhai")),
        category=st.sampled_from(("public", "public", "dedicated")),
        open_to_public=st.sampled_from((False, False, False, True)),
        kind=st.sampled_from(("dc", "dc", "dc", "ac")),
        rated_kw=st.sampled_from(tuple(map(Decimal, ("60", "60", "50", "49.9")))),
        simultaneous=st.sampled_from((None, False, False, True)),
        commissioned_day=st.sampled_from((-10, -10, 0, 1, 2, None)),
        retired_day=st.sampled_from((None, None, None, 1, 4, 6)),
    )
    first = replace(draw(row), from_day=-30)
    return [first, *(replace(draw(row), from_day=day) for day in days)]


def clock(t: int) -> str:
    """An instant as day.hour:minute after the start, the rest in microseconds."""
    day, rest = divmod(t - START, DAY)
    minutes, odd = divmod(rest, MINUTE)
    nearest = f"d{day} {minutes // 60:02d}:{minutes % 60:02d}"
    if odd == 0:
        return nearest
    return f"{nearest}+{odd}µs" if odd <= MINUTE // 2 else f"{clock(t - odd + MINUTE)}-{MINUTE - odd}µs"


def told(history: Iterable[Item]) -> str:
    """A history as lines that a person reads."""
    lines = []
    for item in history:
        receipt = item.receipt
        came = f"received {clock(receipt.received_us)} by {receipt.boot_id}/{receipt.seq}/{receipt.place}"
        match item:
            case Status():
                lines.append(f"{clock(item.at_us)} status {item.status}; {came}")
            case Session():
                void = " void" if item.void else ""
                lines.append(
                    f"{clock(item.start_us)} to {clock(item.end_us)} session {item.session_id} revision"
                    f" {item.revision}{void} on {item.connectors}: {float(item.energy_kwh)} kWh, registers"
                    f" {item.meter_start_kwh and float(item.meter_start_kwh)} to"
                    f" {item.meter_end_kwh and float(item.meter_end_kwh)}; {came}"
                )
            case _:
                lines.append(f"{clock(item.at_us)} {type(item).__name__.lower()}; {came}")
    return "\n".join(lines)
