"""What users were charged against what was published (137-八): each boundary once on either side."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from subsidy.prices import Bill, Limits, Order, OverCharge, Spell, over_charges
from subsidy.tariffs import Tariffs
from tests.subsidy_world import ZONE, local

BANDS = [("22:00", "08:00", "0.4", "0.6"), ("08:00", "20:00", "1.0", "0.6"), ("20:00", "22:00", "1.2", "0.8")]


def published(since: date = date(2022, 1, 1), bands: Any = BANDS, dearer: str = "0") -> list[dict[str, Any]]:
    return [
        {
            "operator_id": "A", "station_id": "S1", "valid_from": since, "start_time": start, "end_time": end,
            "electricity_price": Decimal(electricity) + Decimal(dearer), "service_price": Decimal(service),
        }
        for start, end, electricity, service in bands
    ]  # fmt: skip


def D(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def judge(
    start: str, end: str, kwh: Any, *, rows: Any = None, cap: Any = None, periods: Any = (), **fees: Any
) -> OverCharge | None:
    spells = tuple(Spell(local(a), local(b), Decimal(str(k)), D(e), D(s)) for a, b, k, e, s in periods)
    bill = Bill(**{name: D(fee) for name, fee in fees.items()}, periods=spells)
    order = Order(7, "A", "S1", local(start), local(end), Decimal(str(kwh)), bill)
    tariffs = Tariffs(published() if rows is None else rows)
    found = list(over_charges([order], tariffs, Limits(Decimal("0.01"), D(cap)), ZONE))
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("start", "end", "electricity", "service", "over"),
    [
        ("2023-06-01 09:00", "2023-06-01 10:00", "10.01", "6", None),  # a fen of rounding
        ("2023-06-01 09:00", "2023-06-01 10:00", "10.02", "6", "0.02"),
        ("2023-06-01 09:00", "2023-06-01 10:00", "9", "7", "1"),  # cheap electricity does not pay for dear service
        ("2023-06-01 07:00", "2023-06-01 08:00", "4", "6", None),  # ends as the next band begins
        ("2023-06-01 07:00", "2023-06-01 08:00", "10", "6", "6"),
        (
            "2023-06-01 07:00",
            "2023-06-01 08:01",
            "10",
            "6",
            None,
        ),  # reaches into it: no period says when the energy flowed
        ("2023-06-01 23:00", "2023-06-02 01:00", "4", "6", None),  # one band past midnight
        ("2023-06-01 23:00", "2023-06-02 01:00", "10", "6", "6"),
        ("2023-06-01 23:00", "2023-06-02 08:30", "10", "6", None),
        ("2023-06-01 21:00", "2023-06-02 21:00", "12", "8", None),  # a whole day: the dearest band of all
    ],
)
def test_fees_against_the_published_prices(
    start: str, end: str, electricity: str, service: str, over: str | None
) -> None:
    found = judge(start, end, 10, electricity_fee=electricity, service_fee=service)
    assert (found and found.yuan) == (over and Decimal(over))


def test_periods_tell_when_the_energy_flowed() -> None:
    halves = [
        ("2023-06-01 07:00", "2023-06-01 08:00", 5, "0.4", "0.6"),
        ("2023-06-01 08:00", "2023-06-01 09:00", 5, "1.0", "0.6"),
    ]
    assert judge("2023-06-01 07:00", "2023-06-01 09:00", 10, periods=halves) is None
    dear = [(*halves[0][:3], "1.0", "0.6"), halves[1]]
    found = judge("2023-06-01 07:00", "2023-06-01 09:00", 10, periods=dear)
    assert found is not None
    assert (found.electricity, found.service, found.charged, found.published) == (3, 0, 16, 13)
    # more energy in the dear period than the order has makes nothing dearer
    more = [halves[0], (*halves[1][:2], 50, "1.0", "0.6")]
    found = judge("2023-06-01 07:00", "2023-06-01 09:00", 10, periods=more)
    assert found is not None
    assert (found.electricity, found.service) == (52 - 10, 33 - 6)


def test_the_tariff_of_the_day_it_began_holds_to_its_end() -> None:
    rows = [*published(), *published(date(2023, 6, 2), dearer="1")]
    night = ("2023-06-01 23:00", "2023-06-02 01:00", 10)
    assert judge(*night, rows=rows, electricity_fee=4, service_fee=6) is None
    found = judge(*night, rows=rows, electricity_fee=14, service_fee=6)
    assert found is not None
    assert (found.yuan, found.tariff_from) == (10, "2022-01-01")
    assert judge("2023-06-02 00:00", "2023-06-02 01:00", 10, rows=rows, electricity_fee=14, service_fee=6) is None


def test_cap_discount_total_and_what_was_never_published() -> None:
    day = ("2023-06-01 09:00", "2023-06-01 10:00", 10)
    assert judge(*day, cap="0.6", electricity_fee=10, service_fee="6.01") is None
    capped = judge(*day, cap="0.5", electricity_fee=10, service_fee=6)
    assert capped is not None
    assert (capped.above_cap, capped.service, capped.yuan) == (1, 0, 1)
    assert judge(*day, electricity_fee=11, service_fee=6, discount=1) is None
    assert judge(*day, total_fee=16, other_fee=0) is None
    whole = judge(*day, total_fee=20, other_fee=2)
    assert whole is not None
    assert whole.yuan == 2
    gap = published(bands=[("08:00", "20:00", "1.0", "0.6")])
    assert judge(*day, rows=gap, electricity_fee=99) is not None
    assert judge("2023-06-01 19:59", "2023-06-01 20:01", 10, rows=gap, electricity_fee=99) is None
    assert judge(*day, rows=published(date(2023, 6, 2)), electricity_fee=99) is None
    assert judge(*day) is None


def test_every_minute_of_two_days_finds_the_dearest_band() -> None:
    tariffs = Tariffs(published())
    tariff = tariffs.on(date(2023, 6, 1), "A", "S1")
    assert tariff is not None

    def price(minute: int) -> Decimal:
        hour = minute // 60 % 24
        return Decimal("1.2") if 20 <= hour < 22 else Decimal("1.0") if 8 <= hour < 20 else Decimal("0.4")

    start = datetime(2023, 6, 1, tzinfo=ZONE).timestamp()
    moment = [datetime.fromtimestamp(start + 60 * nth, ZONE) for nth in range(2 * 1440 + 1)]
    for first in range(0, 1440, 97):
        for last in range(first + 1, first + 1440, 61):
            found = tariff.dearest(moment[first], moment[last])
            assert found is not None
            assert found.electricity == max(price(minute) for minute in range(first, last))
