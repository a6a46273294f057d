"""Orders that claim more than was, each in place of an honest one."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random

from simulators.calendar import DAY_US, HOUR_US
from simulators.city import Plug
from simulators.orders import Order

_LEAST_WH = 2_000
Claim = Callable[[Order, Plug, Random], Order | None]


def beyond_rating(order: Order, plug: Plug, rng: Random) -> Order:
    """A seventh to a half more than the rated power could deliver."""
    return _raised(order, int(_rated_wh(order, plug) * rng.uniform(1.15, 1.5)))


def inflated_readings(order: Order, plug: Plug, rng: Random) -> Order | None:
    """Up to 40 % more, within the rating; the end reading with it. None where the rating leaves no room."""
    claimed = int(min(order.true_wh * rng.uniform(1.1, 1.4), _rated_wh(order, plug) * 1.05))
    return _raised(order, claimed) if claimed > order.true_wh * 1.05 and order.true_wh > _LEAST_WH else None


def register_mismatch(order: Order, plug: Plug, rng: Random) -> Order | None:
    """Three to thirty percent above its own true readings."""
    claimed = int(min(order.true_wh * rng.uniform(1.03, 1.3), _rated_wh(order, plug) * 1.05))
    return replace(order, claimed_wh=claimed) if claimed > order.true_wh * 1.02 + 100 else None


def no_registers(order: Order, plug: Plug, rng: Random) -> Order:
    """A fifth more, and no readings."""
    return replace(order, claimed_wh=order.true_wh * 6 // 5, meter_wh=None)


def late_order(order: Order, plug: Plug, rng: Random) -> Order:
    """Handed in 16 to 20 days after its end."""
    return replace(order, ready_us=order.end_us + 16 * DAY_US + rng.randrange(4 * DAY_US))


def above_tariff(order: Order, plug: Plug, rng: Random) -> Order:
    """A fifth to a half more for the service than was published."""
    return replace(order, service_factor=Decimal(rng.randrange(120, 151)).scaleb(-2))


def raised(order: Order, per_mille: int) -> Order:
    """So much above its own readings, and less than one order's tolerance."""
    return replace(order, claimed_wh=order.true_wh + order.true_wh * per_mille // 1000)


CLAIMS: dict[str, Claim] = {
    "beyond_rating": beyond_rating,
    "inflated_readings": inflated_readings,
    "register_mismatch": register_mismatch,
    "no_registers": no_registers,
    "late_order": late_order,
    "above_tariff": above_tariff,
}


def _raised(order: Order, claimed_wh: int) -> Order:
    registers = order.meter_wh and (order.meter_wh[0], order.meter_wh[0] + claimed_wh)
    return replace(order, claimed_wh=claimed_wh, meter_wh=registers)


def _rated_wh(order: Order, plug: Plug) -> int:
    return plug.rated_kw * 1000 * (order.end_us - order.start_us) // HOUR_US
