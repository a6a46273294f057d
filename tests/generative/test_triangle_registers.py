"""Whatever a meter really delivered, its steps give it back: through exchanges, rollovers and months cut anywhere.

The truth is laid first, hour by hour, and the readings are made of it; nothing here knows how the steps are judged.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chargewatch.instants import US_PER_H, US_PER_MIN, day_start_us
from subsidy.periods import parse
from subsidy.triangle.advances import advances
from subsidy.triangle.registers import Meters, exchange_days, of_connectors
from subsidy.triangle.windows import windows

QUICK = settings(max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
ZONE = ZoneInfo("Asia/Shanghai")
FIRST = date(2023, 5, 30)
START = day_start_us(FIRST, ZONE)
KEY = ("A", "C1-1")
TOP = Decimal(1000)
A_DAY, STEP_US = 6, 4 * US_PER_H
FIRST_STEP, LAST_STEP = st.integers(2, 2 * A_DAY - 1), st.integers(3 * A_DAY, 5 * A_DAY - 2)
"""Windows with the whole day of the exchange in them: where on it the meter was changed, readings alone do not tell."""


@dataclass
class Truth:
    """By step since START the energy delivered and the register read at its end; the meters that were there."""

    delivered: list[Decimal] = field(default_factory=list)
    readings: list[tuple[int, Decimal]] = field(default_factory=list)
    rows: list[dict[str, object]] = field(default_factory=list)


@st.composite
def truths(draw: st.DrawFn) -> Truth:
    """Five days; on the third day, perhaps, another meter, put in between two of its steps."""
    exchanged = draw(st.none() | st.integers(A_DAY * 2, A_DAY * 3 - 1))
    all_kwh = draw(st.lists(st.sampled_from([0, 0, 1, 2, 7]), min_size=5 * A_DAY, max_size=5 * A_DAY))
    register = Decimal(draw(st.sampled_from([0, 10, 985, 999])))
    truth = Truth()
    old: dict[str, object] = {
        "operator_id": "A", "connector_id": "C1-1", "meter_no": "M1", "installed_on": None, "removed_on": None,
        "first_kwh": None, "last_kwh": None, "rollover_at_kwh": TOP,
    }  # fmt: skip
    truth.rows.append(old)
    for number, kwh in enumerate(map(Decimal, all_kwh)):
        if number == exchanged:
            day = FIRST + timedelta(days=number // A_DAY)
            first = Decimal(draw(st.sampled_from([0, 3, 400])))
            truth.rows.append({**old, "meter_no": "M2", "installed_on": day, "first_kwh": first})
            old |= {"removed_on": day, "last_kwh": register}
            register = first
        register = (register + kwh) % TOP
        truth.delivered.append(kwh)
        truth.readings.append((START + (number + 1) * STEP_US, register))
    return truth


def summed(truth: Truth, since: int, until: int, changed: tuple[int, int]) -> dict[str, object]:
    """What the database says of a window, told reading by reading."""
    pairs = [(a, b) for a, b in zip(truth.readings, truth.readings[1:], strict=False) if b[0] > since and a[0] < until]
    inside, steps = Decimal(0), []
    for (before_us, before), (at_us, kwh) in pairs:
        exchanging = before_us < changed[1] and at_us >= changed[0]
        if kwh >= before and before_us >= since and at_us <= until and not exchanging:
            inside += kwh - before
        else:
            steps.append(f"{before_us} {before} {at_us} {kwh}")
    return {
        "samples": sum(since < at <= until for at, _ in truth.readings), "first_us": pairs[0][0][0],
        "last_us": pairs[-1][1][0], "inside_kwh": inside, "steps": ";".join(steps) or None,
    }  # fmt: skip


@QUICK
@given(truths(), FIRST_STEP, LAST_STEP)
def test_a_window_sees_what_was_delivered(truth: Truth, first: int, last: int) -> None:
    meters = of_connectors(truth.rows, ZONE)  # type: ignore[arg-type]
    since, until = START + first * STEP_US, START + last * STEP_US
    changed = exchange_days(meters, KEY, since, until)
    row = {"operator_id": "A", "connector_id": "C1-1", "since_us": since, "until_us": until}
    found = advances(pd.DataFrame([{**row, **summed(truth, since, until, changed)}]), meters).iloc[0]
    assert found["advance_kwh"] == sum(truth.delivered[first:last])
    assert (found["entering_kwh"], found["leaving_kwh"], found["back"]) == (0, 0, 0), "cut at readings"


@QUICK
@given(truths(), FIRST_STEP, LAST_STEP, st.integers(1, 239))
def test_cut_between_readings_what_may_belong_is_told_apart(truth: Truth, first: int, last: int, minutes: int) -> None:
    meters = of_connectors(truth.rows, ZONE)  # type: ignore[arg-type]
    since, until = (START + step * STEP_US + minutes * US_PER_MIN for step in (first, last))
    row = {"operator_id": "A", "connector_id": "C1-1", "since_us": since, "until_us": until}
    told = summed(truth, since, until, exchange_days(meters, KEY, since, until))
    found = advances(pd.DataFrame([{**row, **told}]), meters).iloc[0]
    assert found["entering_kwh"] == truth.delivered[first]
    assert found["leaving_kwh"] == truth.delivered[last]
    assert found["advance_kwh"] == sum(truth.delivered[first + 1 : last])


def test_a_register_set_back_adds_nothing_and_is_counted() -> None:
    row = {"operator_id": "A", "connector_id": "C1-1", "since_us": 0, "until_us": 10, "samples": 2}
    told = {**row, "first_us": 0, "last_us": 3, "inside_kwh": Decimal(5), "steps": "1 500 2 300;2 300 3 302"}
    found = advances(pd.DataFrame([told]), {KEY: Meters((), ((0, 10, TOP),))}).iloc[0]
    assert (found["advance_kwh"], found["back"]) == (7, 1), "700 kWh over the top are farther than 200 back"


@QUICK
@given(st.lists(st.tuples(st.integers(0, 1300), st.integers(1, 30)), max_size=12), st.integers(400, 900))
def test_every_order_lies_in_the_window_of_its_month(told: list[tuple[int, int]], moved: int) -> None:
    """Orders of one connector that follow each other, over two months and a move to another station in between."""
    starts, orders = 0, []
    for gap, length in told:
        starts += gap
        orders.append((1, START + starts * US_PER_H, START + (starts + length) * US_PER_H))
        starts += length
    cut = START + moved * US_PER_H
    months = [parse("2023-05"), parse("2023-06"), parse("2023-07")]
    place = {"connector_no": 1, "operator_id": "A", "connector_id": "C1-1", "charger_id": "C1", "kind": "dc"}
    end = day_start_us(date(2023, 8, 1), ZONE)
    runs = pd.DataFrame(
        [
            {**place, "station_id": "S1", "from_us": START, "to_us": cut},
            {**place, "station_id": "S2", "from_us": cut, "to_us": end},
        ]
    )
    frame = pd.DataFrame(orders, columns=["connector_no", "started_us", "ended_us"], dtype=np.int64)
    found = windows(runs, frame, months, ZONE, 24)
    assert found["orders"].sum() == sum(ended <= end for _, _, ended in orders)
    assert (found["until_us"].to_numpy()[:-1] <= found["since_us"].to_numpy()[1:]).all(), "no reading counts twice"
    for _, started, ended in orders:
        mine = found[(found["from_us"] < ended) & (ended <= found["to_us"])]
        for one in mine.itertuples():
            assert one.since_us <= started or one.since_us == one.from_us - 24 * US_PER_H
            assert ended <= one.until_us
