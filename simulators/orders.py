"""What operators make of their sessions: honest orders, corrections, and the kinds that findings are for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from chargewatch.instants import iso
from simulators.calendar import DAY_US, HOUR_US, MINUTE_US
from simulators.charging import Charge
from simulators.city import Plug

ELECTRICITY_PRICE = Decimal("0.65")
SERVICE_PRICE = Decimal("0.45")
NIGHT_ELECTRICITY_PRICE, NIGHT_SERVICE_PRICE = Decimal("0.32"), Decimal("0.40")
_FEN = Decimal("0.01")
TRICKS = (
    *("overlapping", "repeated", "beyond rating", "no registers", "register mismatch"),
    *("revised", "void", "plate first", "lost", "late"),
)


@dataclass(frozen=True, slots=True)
class Period:
    """A part of an order with its energy and prices (yuan/kWh)."""

    start_us: int
    end_us: int
    wh: int
    electricity_price: Decimal
    service_price: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """One session item to be sent: its claims, when it is ready (true time, µs), and whether it never arrives.

    `periods` where the tariff changes with the time of day; `service_factor` is what the service fee is raised by.
    `cheat`, `oddity`: simulators.cheats; `beside`: a cheat that this honest order contradicts.
    """

    session_id: str
    start_us: int
    end_us: int
    true_wh: int
    claimed_wh: int
    meter_wh: tuple[int, int] | None
    ready_us: int
    vehicle: str
    stop_reason: str
    fate: str = "sent"
    revision: int = 0
    void: bool = False
    lost: bool = False
    periods: tuple[Period, ...] = ()
    service_factor: Decimal = Decimal(1)
    cheat: str = ""
    oddity: str = ""
    beside: str = ""

    def item(self, connector_id: str, shift_us: int) -> dict[str, Any]:
        """The item of contract 1, times as the charger's clock shows them."""
        electricity, service = self.fees()
        fields: dict[str, Any] = {
            "session_id": self.session_id,
            "connector_id": connector_id,
            "start": iso(self.start_us + shift_us),
            "end": iso(self.end_us + shift_us),
            "energy_kwh": kwh(self.claimed_wh),
            "electricity_fee": electricity,
            "service_fee": service,
            "total_fee": electricity + service,
            "stop_reason": self.stop_reason,
            "vehicle": self.vehicle,
        }
        if self.meter_wh is not None:
            fields["meter_start_kwh"], fields["meter_end_kwh"] = (kwh(wh) for wh in self.meter_wh)
        if self.periods:
            fields["periods"] = [self._period(one, shift_us) for one in self.periods]
        if self.revision:
            fields["revision"] = self.revision
        if self.void:
            fields["void"] = True
        return fields

    def fees(self) -> tuple[Decimal, Decimal]:
        """For electricity and for the service, yuan."""
        if not self.periods:
            return fee(self.claimed_wh, ELECTRICITY_PRICE), fee(self.claimed_wh, SERVICE_PRICE * self.service_factor)
        electricity = sum((kwh(one.wh) * one.electricity_price for one in self.periods), Decimal())
        service = sum((kwh(one.wh) * one.service_price * self.service_factor for one in self.periods), Decimal())
        return electricity.quantize(_FEN, ROUND_HALF_UP), service.quantize(_FEN, ROUND_HALF_UP)

    def _period(self, one: Period, shift_us: int) -> dict[str, Any]:
        return {
            "start": iso(one.start_us + shift_us),
            "end": iso(one.end_us + shift_us),
            "energy_kwh": kwh(one.wh),
            "electricity_price": one.electricity_price,
            "service_price": one.service_price * self.service_factor,
        }


def kwh(wh: int) -> Decimal:
    """Kilowatt-hours with three decimals."""
    return Decimal(wh).scaleb(-3)


def fee(wh: int, price: Decimal) -> Decimal:
    """Yuan with two decimals."""
    return (kwh(wh) * price).quantize(_FEN, ROUND_HALF_UP)


def night_periods(
    spans: Sequence[tuple[int, int]], reached_wh: Sequence[int], is_night: Callable[[int], bool]
) -> tuple[Period, ...]:
    """An order's parts, given the energy that it claims by the end of each."""
    made, before = [], 0
    for (start_us, end_us), wh in zip(spans, reached_wh, strict=True):
        night = is_night(start_us)
        electricity = NIGHT_ELECTRICITY_PRICE if night else ELECTRICITY_PRICE
        made.append(Period(start_us, end_us, wh - before, electricity, NIGHT_SERVICE_PRICE if night else SERVICE_PRICE))
        before = wh
    return tuple(made)


def honest(charge: Charge, plug: Plug) -> Order:
    """The order as it should be: ready shortly after the session's end."""
    wh = charge.energy_wh
    registers = (charge.start_wh, charge.start_wh + wh)
    ready = charge.end_us + MINUTE_US
    return Order(
        charge.session_id,
        charge.start_us,
        charge.end_us,
        wh,
        wh,
        registers,
        ready,
        charge.vehicle,
        charge.stop_reason,
        cheat=charge.cheat,
        oddity=charge.oddity,
    )


def tricked(order: Order, trick: str, plug: Plug, to_us: int, rng: Random) -> Iterator[Order]:
    """The orders that come instead of (or besides) the honest one."""
    name = order.session_id
    ready = order.ready_us
    if trick == "overlapping":
        yield order
        by_us = 2 * MINUTE_US
        moved = replace(order, session_id=f"{name}-X", start_us=order.start_us + by_us, end_us=order.end_us + by_us)
        yield replace(moved, true_wh=0, ready_us=ready + HOUR_US, fate="fabricated: overlapping")
    elif trick == "repeated":
        yield order
        again = replace(order, session_id=f"{name}-R", true_wh=0, ready_us=ready + 2 * HOUR_US)
        yield replace(again, fate="fabricated: repeated")
    elif trick == "beyond rating":
        most = plug.rated_kw * 1000 * (order.end_us - order.start_us) // HOUR_US
        claimed = most * 13 // 10
        registers = (order.meter_wh[0], order.meter_wh[0] + claimed) if order.meter_wh else None
        yield replace(order, claimed_wh=claimed, meter_wh=registers, fate="claims more than the rating allows")
    elif trick == "no registers":
        yield replace(order, meter_wh=None, fate="without registers")
    elif trick == "register mismatch":
        yield replace(order, claimed_wh=order.true_wh * 28 // 25 + 200, fate="claims more than its registers show")
    elif trick == "revised":
        yield replace(order, claimed_wh=order.claimed_wh + 1500, fate="revised later")
        yield replace(order, revision=1, ready_us=ready + 3 * HOUR_US, fate="revision")
    elif trick == "void":
        yield replace(order, fate="taken back later")
        yield replace(order, revision=1, void=True, ready_us=ready + 5 * HOUR_US, fate="void")
    elif trick == "plate first":
        yield replace(order, vehicle=f"浙C{rng.randrange(10**5):05d}", fate="quarantined: personal_data")
        yield replace(order, ready_us=ready + HOUR_US, fate="sent again without the plate")
    elif trick == "lost":
        yield replace(order, lost=True, fate="lost")
    else:
        assert trick == "late"
        yield replace(order, ready_us=max(to_us + 17 * DAY_US + 9 * HOUR_US, order.end_us + 16 * DAY_US), fate="late")
