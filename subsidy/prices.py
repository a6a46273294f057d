"""What users were charged against what was published (137-八): the over-charge of each order, in exact decimals.

An order is held against the tariff published on the day it began, also where another one begins while it lasts: its
user agreed to that. Within it the time of day decides. Where a stated period meets several bands, or an order states no
periods, the dearest band counts, so that no honest bill is ever found too dear.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from subsidy.amounts import EXACT, ZERO
from subsidy.tariffs import Prices, Tariff, Tariffs


class Spell(msgspec.Struct, frozen=True, gc=False):
    """A stated part of an order: energy (kWh) and prices (yuan/kWh)."""

    start: datetime
    end: datetime
    energy_kwh: Decimal
    electricity_price: Decimal | None = None
    service_price: Decimal | None = None


class Bill(msgspec.Struct, frozen=True, gc=False):
    """What an order states of money, yuan; the fields of contract 1."""

    electricity_fee: Decimal | None = None
    service_fee: Decimal | None = None
    other_fee: Decimal | None = None
    discount: Decimal | None = None
    total_fee: Decimal | None = None
    periods: tuple[Spell, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """An order and its bill; `row` is whatever number its caller knows it by."""

    row: int
    operator_id: str
    station_id: str
    start: datetime
    end: datetime
    energy_kwh: Decimal
    bill: Bill


@dataclass(frozen=True, slots=True)
class OverCharge:
    """What was charged too much, yuan: for electricity, for service, above the cap; `yuan` in all, less the discount.

    `published` is what the energy came to at the published prices (None: none was published), `charged` what was asked.
    """

    row: int
    tariff_from: str | None
    charged: Decimal
    published: Decimal | None
    electricity: Decimal
    service: Decimal
    above_cap: Decimal
    yuan: Decimal


@dataclass(frozen=True, slots=True)
class Limits:
    """What a policy lets pass: rounding, for each price that was rounded; the highest service price, if any."""

    tolerance_yuan: Decimal
    cap_yuan_per_kwh: Decimal | None


def over_charges(orders: Iterable[Order], tariffs: Tariffs, limits: Limits, zone: ZoneInfo) -> Iterator[OverCharge]:
    """Every order that was charged more than was published, or than the cap, beyond rounding."""
    for order in orders:
        start, end = order.start.astimezone(zone), order.end.astimezone(zone)
        tariff = tariffs.on(start.date(), order.operator_id, order.station_id)
        found = _judged(order, tariff, start, end, limits, zone)
        if found is not None:
            yield found


def _judged(
    order: Order, tariff: Tariff | None, start: datetime, end: datetime, limits: Limits, zone: ZoneInfo
) -> OverCharge | None:
    bill = order.bill
    electricity, service = charged(bill)
    slack = limits.tolerance_yuan * max(1, len(bill.periods))
    cap = limits.cap_yuan_per_kwh
    above_cap = _beyond(service, None if cap is None else EXACT.multiply(order.energy_kwh, cap), slack)
    due = None if tariff is None else at_published(order, tariff, start, end, zone)
    over_electricity = over_service = ZERO
    if due is not None:
        over_electricity = _beyond(electricity, due.electricity, slack)
        over_service = _beyond(service, due.service, slack)
        if electricity is None and service is None and bill.total_fee is not None:
            whole = bill.total_fee + (bill.discount or ZERO) - (bill.other_fee or ZERO)
            over_electricity = _beyond(whole, due.electricity + due.service, slack)
    over = over_electricity + max(over_service, above_cap) - (bill.discount or ZERO)
    if over <= 0:
        return None
    asked = bill.total_fee if electricity is None and service is None else (electricity or ZERO) + (service or ZERO)
    return OverCharge(
        order.row,
        tariff.valid_from.isoformat() if tariff is not None and due is not None else None,
        asked or ZERO,
        None if due is None else due.electricity + due.service,
        over_electricity,
        over_service,
        above_cap,
        over,
    )


def charged(bill: Bill) -> tuple[Decimal | None, Decimal | None]:
    """Fees for electricity and for service: as stated, else from the periods' prices; None where there is neither."""
    electricity = bill.electricity_fee
    if electricity is None:
        electricity = _priced(bill.periods, [one.electricity_price for one in bill.periods])
    service = bill.service_fee
    if service is None:
        service = _priced(bill.periods, [one.service_price for one in bill.periods])
    return electricity, service


def at_published(order: Order, tariff: Tariff, start: datetime, end: datetime, zone: ZoneInfo) -> Prices | None:
    """What the order's energy comes to by a tariff, yuan for each kind; None where a part of its time has no price.

    Energy that no period states counts at the order's dearest band; periods that state more energy than the order do
    not make it dearer than all its energy in that band.
    """
    dearest = tariff.dearest(start, end)
    if dearest is None:
        return None
    rest = order.energy_kwh
    electricity = service = ZERO
    for one in order.bill.periods:
        prices = tariff.dearest(one.start.astimezone(zone), one.end.astimezone(zone)) or dearest
        rest -= one.energy_kwh
        electricity += EXACT.multiply(one.energy_kwh, prices.electricity)
        service += EXACT.multiply(one.energy_kwh, prices.service)
    rest = max(rest, ZERO)
    most = [EXACT.multiply(order.energy_kwh, price) for price in (dearest.electricity, dearest.service)]
    return Prices(
        min(electricity + EXACT.multiply(rest, dearest.electricity), most[0]),
        min(service + EXACT.multiply(rest, dearest.service), most[1]),
    )


def _priced(periods: Sequence[Spell], prices: Sequence[Decimal | None]) -> Decimal | None:
    if not periods or None in prices:
        return None
    return sum(
        (
            EXACT.multiply(one.energy_kwh, price)
            for one, price in zip(periods, prices, strict=True)
            if price is not None
        ),
        ZERO,
    )


def _beyond(fee: Decimal | None, due: Decimal | None, slack: Decimal) -> Decimal:
    if fee is None or due is None or fee - due <= slack:
        return ZERO
    return fee - due
