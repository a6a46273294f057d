"""Orders of charges that never were."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from simulators.calendar import DAY_US, HOUR_US, MINUTE_US
from simulators.charging import Charge
from simulators.city import Plug
from simulators.orders import Order
from simulators.plan import Trouble

_APART_US = 8 * MINUTE_US


def invented(session_id: str, plug: Plug, start_us: int, end_us: int, register_wh: int, rng: Random) -> Order:
    """An order of nothing, with energy that the rating allows and readings from `register_wh` on."""
    claimed = int(plug.rated_kw * 1000 * (end_us - start_us) / HOUR_US * rng.uniform(0.5, 0.85))
    return Order(
        session_id,
        start_us,
        end_us,
        0,
        claimed,
        (register_wh, register_wh + claimed),
        end_us + MINUTE_US,
        f"v{rng.randrange(16**8):08x}",
        "driver",
    )


def overlap(order: Order, rng: Random) -> Order:
    """The same again, begun a few minutes later, its energy not quite the same."""
    by_us = rng.randrange(2, 10) * MINUTE_US
    claimed = order.claimed_wh * rng.randrange(70, 100) // 100
    registers = order.meter_wh and (order.meter_wh[0], order.meter_wh[0] + claimed)
    again = replace(order, session_id=f"{order.session_id}-O", true_wh=0, claimed_wh=claimed, meter_wh=registers)
    return replace(
        again, start_us=order.start_us + by_us, end_us=order.end_us + by_us, ready_us=order.ready_us + HOUR_US
    )


def repeat(order: Order, rng: Random) -> Order:
    """The same start, end and energy, days later: when the true one has come, too, if its link was down."""
    later_us = rng.randrange(36, 96) * HOUR_US
    return replace(order, session_id=f"{order.session_id}-A", true_wh=0, ready_us=order.ready_us + later_us)


def impossible(charge: Charge, plug: Plug, rng: Random) -> Order:
    """Energy in no time, a minute after a true session."""
    at_us = charge.left_us + MINUTE_US
    register = charge.start_wh + charge.energy_wh
    made = invented(f"{charge.session_id}-Z", plug, at_us, at_us + HOUR_US, register, rng)
    return replace(made, end_us=at_us, ready_us=at_us + MINUTE_US)


def ghost(charge: Charge, until_us: int, plug: Plug, rng: Random) -> Order | None:
    """Half an hour while nobody is there, between a true session and `until_us`; None where there is no room."""
    start_us = charge.left_us + _APART_US
    end_us = start_us + rng.randrange(25, 41) * MINUTE_US
    if end_us + _APART_US > until_us:
        return None
    return invented(f"{charge.session_id}-G", plug, start_us, end_us, charge.start_wh + charge.energy_wh, rng)


def while_faulted(trouble: Trouble, charges: Sequence[Charge], plug: Plug, number: int, rng: Random) -> Order | None:
    """Half an hour within a fault; None where it is too short."""
    start_us = trouble.from_us + 10 * MINUTE_US
    end_us = start_us + rng.randrange(25, 41) * MINUTE_US
    if end_us + 10 * MINUTE_US > trouble.to_us:
        return None
    before = [one for one in charges if one.end_us <= trouble.from_us]
    register = before[-1].start_wh + before[-1].energy_wh if before else plug.base_wh
    return invented(f"{plug.connector_id}-F{number}", plug, start_us, end_us, register, rng)


def endless(first: Charge, plug: Plug, rng: Random) -> Order:
    """More than a week, up to shortly before the first true session."""
    end_us = first.plugged_us - _APART_US
    start_us = end_us - 8 * DAY_US - rng.randrange(DAY_US)
    claimed = rng.randrange(100, 400) * 1000
    made = invented(f"{plug.connector_id}-W", plug, start_us, end_us, plug.base_wh - claimed, rng)
    return replace(made, claimed_wh=claimed, meter_wh=(plug.base_wh - claimed, plug.base_wh))
