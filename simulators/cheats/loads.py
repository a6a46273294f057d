"""Energy that really flows through the meter, and into no vehicle."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from chargewatch.instants import US_PER_S
from simulators.calendar import HOUR_US, MINUTE_US
from simulators.charging import Charge
from simulators.city import Plug
from simulators.power import Curve
from simulators.truth import TrueInterval

LONG_ENOUGH_US = 35 * MINUTE_US
"""Shorter ones leave too few samples to tell a load from a vehicle, or a run from two sessions."""

_FULL_PCT = 98
_PIECE_MIN, _EVERY_MIN = 2, 4
_SLOT_US, _SLOT_MIN = 3 * HOUR_US, 45


def flat_power(charge: Charge) -> Charge:
    """The same energy at the same power all the time, up to a battery that is said to be full."""
    minutes = charge.curve.minutes
    first = charge.curve.soc_pct[0]
    percent = tuple(first + (_FULL_PCT - first) * minute // minutes for minute in range(minutes + 1))
    return replace(charge, curve=Curve(_flat(charge.curve), percent))


def idle_discharge(charge: Charge) -> Charge:
    """The same power all the time, and a state of charge that stays."""
    return replace(charge, curve=Curve(_flat(charge.curve), (charge.curve.soc_pct[0],) * (charge.curve.minutes + 1)))


def micro_sessions(charge: Charge) -> Iterator[Charge]:
    """The charge cut into sessions of two minutes, with two minutes between."""
    last = (charge.end_us - charge.start_us) // MINUTE_US
    for number, minute in enumerate(range(0, last - _PIECE_MIN, _EVERY_MIN), 1):
        cut = slice(minute, minute + _PIECE_MIN + 1)
        before = charge.curve.wh[minute]
        curve = Curve(tuple(wh - before for wh in charge.curve.wh[cut]), charge.curve.soc_pct[cut])
        start_us = charge.start_us + minute * MINUTE_US
        end_us = start_us + _PIECE_MIN * MINUTE_US
        yield replace(
            charge,
            session_id=f"{charge.session_id}-m{number}",
            start_us=start_us,
            end_us=end_us,
            curve=curve,
            stop_reason="driver",
            plugged_us=charge.plugged_us if number == 1 else start_us - 10 * US_PER_S,
            left_us=end_us + 20 * US_PER_S,
        )


def too_regular(plug: Plug, charges: Sequence[Charge], intervals: Sequence[TrueInterval], from_us: int) -> list[Charge]:
    """Instead of all its charges one every three hours, day and night, 45 minutes at half the rating."""
    wh = tuple(plug.rated_kw * 500 * minute // 60 for minute in range(_SLOT_MIN + 1))
    curve = Curve(wh, tuple(20 + minute for minute in range(_SLOT_MIN + 1)))
    made: list[Charge] = []
    for start_us in range(from_us + 2 * HOUR_US, intervals[-1].to_us, _SLOT_US):
        end_us = start_us + _SLOT_MIN * MINUTE_US
        serves = any(
            one.state == "serving" and one.from_us < start_us - MINUTE_US and end_us + MINUTE_US < one.to_us
            for one in intervals
        )
        if serves:
            name = f"{plug.connector_id}-{len(made) + 1:04d}"
            vehicle = charges[len(made) % len(charges)].vehicle
            plugged_us, left_us = start_us - 20 * US_PER_S, end_us + 20 * US_PER_S
            made.append(Charge(name, start_us, end_us, 0, curve, vehicle, "driver", plugged_us, left_us))
    return made


def _flat(curve: Curve) -> tuple[int, ...]:
    return tuple(curve.wh[-1] * minute // curve.minutes for minute in range(curve.minutes + 1))
