"""Cheats in the simulated city: each asked for is there and told in the truth, and the honest stay as they were."""

from collections import Counter
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise
from random import Random

import msgspec
import pytest

from chargewatch.errors import Refusal
from chargewatch.instants import from_us
from collector import contract
from simulators import city as cities
from simulators import city_registry, scenario
from simulators.calendar import HOUR_US, MINUTE_US, day_of, start_of
from simulators.charging import Charge
from simulators.cheats import claims, fabricated, loads, oddities, registers
from simulators.cheats.dealing import Deal
from simulators.cheats.patterns import ODDITIES, PATTERNS, rates
from simulators.city import Plug
from simulators.month import Month, _Simulation, simulate
from simulators.orders import honest
from simulators.power import dc
from simulators.truth import Truth

SEED, FIRST, LAST, STATIONS = 9, date(2023, 6, 1), date(2023, 6, 11), 14
PLUG = Plug("C1-1", "dc", 60, 5_000_000)
_RATES = {"connector": 0.09, "charger": 0.2, "station": 0.25, "station-day": 0.1, "outage": 0.4, "order": 0.02}
ALL = {one.code: _RATES.get(one.unit, 0.1) for one in PATTERNS.values()}


@cache
def ordinary() -> Month:
    return simulate(SEED, FIRST, LAST, STATIONS)


@cache
def everything() -> Month:
    return simulate(SEED, FIRST, LAST, STATIONS, ALL, oddities=True)


@cache
def cheated(seed: int = SEED) -> Month:
    return simulate(seed, FIRST, LAST, STATIONS, ALL)


def charge(minutes: int = 60, seed: int = 1) -> Charge:
    start = start_of(FIRST) + 10 * HOUR_US
    curve = next(one for one in (dc(Random(f"{seed}/{n}"), 60) for n in range(99)) if one.minutes >= minutes)
    end = start + minutes * MINUTE_US
    return Charge("C1-1-0001", start, end, 5_000_000, curve, "v1", "ev", start - MINUTE_US, end + MINUTE_US)


def test_nothing_asked_for_is_the_ordinary_city_and_its_truth_has_no_word_of_it() -> None:
    told = msgspec.json.encode(ordinary().truth)
    assert told == msgspec.json.encode(simulate(SEED, FIRST, LAST, STATIONS, {"ghost": 0.0}).truth)
    assert not any(word in told for word in (b'"cheat', b'"oddity"', b'"beside"', b'"due_kwh"'))
    assert "longitude" not in ordinary().registry["stations"][0]


def test_every_pattern_that_is_asked_for_is_there_and_told() -> None:
    told: set[str] = set()
    for seed in (SEED, 23):  # one city alone has not a station for each
        truth = cheated(seed).truth
        told |= {one.cheat for one in truth.sessions} | {one.pattern for one in truth.cheats}
    assert told == {"", *PATTERNS}
    assert all(bool(one.due_kwh) == bool(one.cheat) for one in truth.sessions)
    assert all(one.due_kwh == "0.000" for one in truth.sessions if one.cheat and not PATTERNS[one.cheat].owed)
    assert not any(one.oddity for one in truth.sessions)


def test_honest_orders_are_those_of_the_ordinary_city() -> None:
    def honest_ones(truth: Truth) -> set[tuple[str, str, str, int]]:
        return {
            (one.operator_id, one.session_id, one.true_kwh, one.end_us)
            for one in truth.sessions
            if not one.cheat and one.fate == "sent" and one.end_us < truth.to_us
        }

    before, after = honest_ones(ordinary().truth), honest_ones(cheated().truth)
    tricked = {one.session_id for one in ordinary().truth.sessions if one.fate != "sent"}
    assert {one for one in after - before if one[1] not in tricked} == set()
    assert len(after) > 0.6 * len(before)


def test_everything_at_once_is_still_what_the_contract_accepts() -> None:
    both = everything()
    connectors: dict[str, dict[str, int]] = {str(row["operator_id"]): {} for row in both.registry["operators"]}
    for number, row in enumerate(both.registry["connectors"]):
        connectors[str(row["operator_id"])][str(row["connector_id"])] = number
    directory = contract.Directory(connectors)
    refused: Counter[str] = Counter()
    for one in both.messages():
        if not one.topic.endswith("/heartbeat"):
            decoded = contract.decode(one.topic, one.payload, from_us(one.received_us), directory)
            refused.update(reject.reason for reject in decoded.rejected)
    spoilt = Counter({one.expected: 0 for one in both.truth.nuisances})
    for one in both.truth.nuisances:
        spoilt[one.expected] += one.items
    spoilt["personal_data"] += sum(one.fate == "quarantined: personal_data" for one in both.truth.sessions)
    # What is sent twice is refused twice, and a clock that is an hour ahead adds to those in the future.
    assert set(refused) <= set(spoilt) | {"clock_future"}
    assert all(refused[reason] <= 2 * count for reason, count in spoilt.items() if reason != "clock_future")
    names = Counter((one.operator_id, one.session_id, one.fate) for one in both.truth.sessions)
    assert set(names.values()) == {1}
    assert {one.oddity for one in both.truth.sessions} - {""} >= {"taxi", "full_car", "cold_battery", "night_tariff"}


def test_a_city_in_another_order_has_the_same_cheats() -> None:
    city = cities.build(SEED, STATIONS, FIRST, LAST)
    plan = scenario.deal(SEED, city, start_of(FIRST), start_of(LAST))
    seen, tables, tricked = [], [], set()
    for sites in (city.sites, city.sites[::-1]):
        simulation = _Simulation(SEED, replace(city, sites=sites), plan, Deal(SEED, ALL, oddities=True))
        made = simulation.month(city_registry.tables(city, plan, LAST))
        tricked |= set(simulation.tricks)  # the ordinary city's, dealt out in the order of its stations
        seen.append({(one.operator_id, one.session_id): one for one in made.truth.sessions})
        papers = {name: made.registry[name] for name in ("stations", "connectors", "meters", "tariffs", "declarations")}
        tables.append({name: sorted(map(str, rows)) for name, rows in papers.items()})
    plain = [{key: one for key, one in orders.items() if key[1][:14] not in tricked} for orders in seen]
    assert plain[0] == plain[1]
    assert tables[0] == tables[1]
    assert {one.cheat for one in plain[0].values()} > {"ghost", "repeat_elsewhere", "one_vehicle", ""}


@pytest.mark.parametrize("name", sorted(claims.CLAIMS))
def test_a_claim_differs_from_the_truth_in_what_it_is_named_after(name: str) -> None:
    one = charge()
    true = honest(one, PLUG)
    claim = claims.CLAIMS[name](true, PLUG, Random(1))
    assert claim is not None
    rated_wh = PLUG.rated_kw * 1000 * (true.end_us - true.start_us) // HOUR_US
    read = claim.meter_wh and claim.meter_wh[1] - claim.meter_wh[0]
    assert (claim.claimed_wh >= rated_wh * 11 // 10) == (name == "beyond_rating")
    assert (claim.meter_wh is None) == (name == "no_registers")
    assert (read not in (None, claim.claimed_wh)) == (name == "register_mismatch")
    assert (claim.ready_us > true.ready_us) == (name == "late_order")
    assert (claim.fees()[1] > honest(one, PLUG).fees()[1] * claim.claimed_wh / true.claimed_wh) == (
        name == "above_tariff"
    )
    assert (claim.claimed_wh > true.true_wh) == (name not in ("late_order", "above_tariff"))


def test_what_is_invented_lies_where_nobody_was() -> None:
    one = charge()
    assert fabricated.ghost(one, one.left_us + 30 * MINUTE_US, PLUG, Random(1)) is None
    order = fabricated.ghost(one, one.left_us + 2 * HOUR_US, PLUG, Random(1))
    assert order is not None
    assert one.left_us < order.start_us < order.end_us < one.left_us + 2 * HOUR_US
    assert order.true_wh == 0 < order.claimed_wh
    assert fabricated.endless(one, PLUG, Random(1)).end_us < one.plugged_us
    zero = fabricated.impossible(one, PLUG, Random(1))
    assert zero.start_us == zero.end_us
    assert zero.claimed_wh > 0


def test_a_load_bank_is_flat_and_a_run_of_sessions_is_one_charge_cut_up() -> None:
    one = charge()
    for load in (loads.flat_power(one), loads.idle_discharge(one)):
        watts = {load.curve.watt_at(minute * MINUTE_US) for minute in range(load.curve.minutes)}
        assert max(watts) - min(watts) <= 60
        assert load.curve.wh[-1] == one.curve.wh[-1]
    assert loads.flat_power(one).curve.soc_pct[-1] == 98
    assert set(loads.idle_discharge(one).curve.soc_pct) == {one.curve.soc_pct[0]}
    run = list(loads.micro_sessions(one))
    assert len(run) >= 10
    assert all(before.left_us < after.plugged_us for before, after in pairwise(run))
    assert sum(piece.energy_wh for piece in run) < one.energy_wh


def test_a_register_is_set_once_and_goes_on_from_there() -> None:
    laid = registers.laid([charge(seed=number) for number in range(12)], 5_000_000)
    for scheme, sign in (("register_back", -1), ("register_jump", 1)):
        moved = registers.tampered(laid, scheme, Random(2))
        steps = [after.start_wh - before.start_wh - before.energy_wh for before, after in pairwise(moved)]
        (step,) = [one for one in steps if one]
        assert step * sign > 0
        assert [one.cheat for one in moved].count(scheme) == 1
        assert moved[steps.index(step) + 1].cheat == scheme


def test_a_meter_is_exchanged_between_two_sessions_of_different_days() -> None:
    made = [charge(30)]
    for _ in range(19):
        later = 7 * HOUR_US
        last = made[-1]
        moved = {name: getattr(last, name) + later for name in ("start_us", "end_us", "plugged_us", "left_us")}
        made.append(replace(last, **moved))
    index = registers.exchange(made, Random(3))
    assert index is not None
    assert day_of(made[index - 1].left_us) < day_of(made[index].plugged_us)
    assert registers.exchange(made[:2], Random(3)) is None


def test_an_honest_oddity_tells_no_lie() -> None:
    one = charge()
    for odd in (oddities.full_car(one, Random(1)), oddities.cold_battery(one, PLUG, Random(1))):
        assert odd.oddity
        assert odd.curve.soc_pct == tuple(sorted(odd.curve.soc_pct))
    slow = oddities.power_limited(one, PLUG)
    assert max(slow.curve.watt_at(minute * MINUTE_US) for minute in range(slow.curve.minutes)) <= 27_000
    day = start_of(FIRST)
    assert [oddities.is_night(day + hour * HOUR_US) for hour in (0, 7, 8, 21, 22)] == [True, True, False, False, True]
    assert oddities.next_change(day + 22 * HOUR_US) == day + 32 * HOUR_US
    assert set(ODDITIES).isdisjoint(PATTERNS)


def test_an_order_over_the_change_of_tariff_has_a_period_on_each_side_and_fees_that_follow() -> None:
    items = [
        item
        for message in everything().messages()
        if message.topic.endswith("/session")
        for item in msgspec.json.decode(message.payload)["items"]
        if len(item.get("periods", ())) > 1
    ]
    assert items
    for item in items:
        periods = item["periods"]
        assert sum(one["energy_kwh"] for one in periods) == pytest.approx(item["energy_kwh"])
        assert periods[0]["end"] == periods[1]["start"]
        fee = sum(one["energy_kwh"] * one["service_price"] for one in periods)
        assert item["service_fee"] == pytest.approx(fee, abs=0.0051)


@pytest.mark.parametrize("text", ["ghost", "ghost=", "ghost=2", "ghost=-1", "ghost=nan", "nobody=0.1"])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        rates([text])


def test_rates_are_read_one_by_one_and_all_at_once() -> None:
    assert rates(["ghost=0.01"]) == {"ghost": 0.01}
    assert rates(["all=0.5", "ghost=0"]) == dict.fromkeys(PATTERNS, 0.5) | {"ghost": 0.0}
