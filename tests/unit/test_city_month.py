"""The simulated city: its truth has no gaps, its registers rise, its messages are what they claim to be."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargewatch.instants import from_us, parse, to_us
from collector import contract
from simulators.calendar import DAY_US, HOUR_US, MINUTE_US, start_of
from simulators.city import CABINET_KW, build
from simulators.feed import Message
from simulators.month import Month, simulate
from simulators.nuisances import PRANKS
from simulators.orders import TRICKS
from simulators.truth import CAUSES, TrueConnector, read

FIRST, LAST = date(2023, 6, 1), date(2023, 6, 13)


@cache
def messages(month: Month) -> list[Message]:
    return list(month.messages())


@pytest.fixture(scope="module")
def month() -> Iterator[Month]:
    yield simulate(11, FIRST, LAST, 8)
    messages.cache_clear()


def decoded(month: Month) -> list[contract.Decoded]:
    connectors: dict[str, dict[str, int]] = {str(row["operator_id"]): {} for row in month.registry["operators"]}
    for number, row in enumerate(month.registry["connectors"]):
        connectors[str(row["operator_id"])][str(row["connector_id"])] = number
    directory = contract.Directory(connectors)
    return [contract.decode(one.topic, one.payload, from_us(one.received_us), directory) for one in messages(month)]


def bodies(month: Month, kind: str) -> list[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
    made = []
    for message in messages(month):
        if message.topic.endswith(f"/{kind}") and message.is_json:
            made += [item | {"operator_id": message.operator_id} for item in decoder.decode(message.payload)["items"]]
    return made


def test_the_true_states_of_a_connector_have_no_gap_and_no_overlap(month: Month) -> None:
    assert len(month.truth.connectors) == len(month.registry["connectors"]) > 30
    whole = 0
    for connector in month.truth.connectors:
        for before, after in pairwise(connector.intervals):
            assert before.to_us == after.from_us
            assert before.state != after.state
        assert all(one.from_us < one.to_us for one in connector.intervals)
        assert month.truth.from_us <= connector.intervals[0].from_us
        assert connector.intervals[-1].to_us <= month.truth.to_us
        length = connector.intervals[-1].to_us - connector.intervals[0].from_us
        whole += length == month.truth.to_us - month.truth.from_us
    # One charger opens within the window and one is retired in it.
    assert whole == len(month.truth.connectors) - 2 - 1


def test_the_whole_month_has_every_cause_and_every_state(month: Month) -> None:
    june = simulate(137, FIRST, date(2023, 7, 1), 24)
    causes = {one.cause for connector in june.truth.connectors for one in connector.disturbances}
    assert causes == set(CAUSES)
    states = {one.state for connector in june.truth.connectors for one in connector.intervals}
    assert states == {"serving", "faulted", "out_of_service"}
    longest = max(
        one.to_us - one.from_us
        for connector in june.truth.connectors
        for one in connector.intervals
        if one.state != "serving"
    )
    assert longest > 7 * DAY_US
    undisturbed = [one for one in june.truth.connectors if not one.disturbances]
    assert len(undisturbed) > len(june.truth.connectors) // 2
    assert any(len(one.intervals) > 1 for one in undisturbed)


def test_what_is_meant_to_be_valid_is_accepted_and_what_is_spoilt_is_refused_for_its_reason(month: Month) -> None:
    found: Counter[str] = Counter(reject.reason for one in decoded(month) for reject in one.rejected)
    expected: Counter[str] = Counter()
    for nuisance in month.truth.nuisances:
        expected[nuisance.expected] += nuisance.items
    expected["personal_data"] += sum(one.fate == "quarantined: personal_data" for one in month.truth.sessions)
    # A charger whose clock is an hour ahead adds to these for as long as that lasts.
    assert found.pop("clock_future") > expected.pop("clock_future")
    # A message that is sent twice is refused twice.
    assert all(found[reason] >= count for reason, count in expected.items())
    assert set(found) == set(expected)
    assert {one.what for one in month.truth.nuisances} == {prank.name for prank in PRANKS}
    assert set(expected) | {"clock_future"} == set(contract.REASONS)


def test_messages_come_in_order_of_receipt_and_numbered(month: Month) -> None:
    received = [one.received_us for one in messages(month)]
    assert received == sorted(received)
    numbers: defaultdict[tuple[str | None, str | None], set[int]] = defaultdict(set)
    for one in decoded(month):
        if one.seq is not None:
            numbers[one.operator_id, one.boot_id].add(one.seq)
    assert {operator for operator, _ in numbers} >= {"OUJIANG", "NANTANG", "YANDANG", "XIANYAN"}
    gaps = sum(max(seqs) + 1 - len(seqs) for seqs in numbers.values())
    # The lost status message, and what could not be read or came under another operator's name.
    unreadable = sum(
        one.expected in ("unreadable", "unknown_schema", "wrong_operator") for one in month.truth.nuisances
    )
    assert 1 <= gaps <= 1 + unreadable
    # A link that broke is a new start of the sender.
    assert {boot for _, boot in numbers} >= {"b0", "b1"}


def test_registers_rise_and_samples_belong_to_their_session(month: Month) -> None:
    wrong_clocks = {
        (one.operator_id, one.connector_id)
        for one in month.truth.connectors
        if any(event.cause == "clock" for event in one.disturbances)
    }
    readings: defaultdict[tuple[str, str], dict[int, Decimal]] = defaultdict(dict)
    for item in bodies(month, "meter"):
        key = (item["operator_id"], item["connector_id"])
        if key not in wrong_clocks and item.get("soc_pct", 0) <= 100:
            assert readings[key].setdefault(to_us(parse(item["at"])), item["energy_kwh"]) == item["energy_kwh"]
    assert len(readings) > 30
    for own in readings.values():
        in_time = [own[at] for at in sorted(own)]
        assert in_time == sorted(in_time)


def test_orders_of_sessions_that_were_sent_as_they_were_add_up_to_the_true_energy(month: Month) -> None:
    claimed = {
        (item["operator_id"], item["session_id"]): Decimal(item["energy_kwh"]) for item in bodies(month, "session")
    }
    true = [one for one in month.truth.sessions if one.fate == "sent"]
    assert len(true) > 500
    assert sum(claimed[one.operator_id, one.session_id] for one in true) == sum(Decimal(one.true_kwh) for one in true)
    for item in bodies(month, "session"):
        if "meter_end_kwh" in item and not item["session_id"].endswith(("-X", "-R")) and "-P" not in item["session_id"]:
            assert item["meter_end_kwh"] > item["meter_start_kwh"]


def test_every_trick_is_played(month: Month) -> None:
    fates = Counter(one.fate for one in month.truth.sessions)
    assert len([fate for fate in fates if fate != "sent" and not fate.endswith("clock_future")]) == len(TRICKS) + 3
    late = [one for one in month.truth.sessions if one.fate == "late"]
    sent = {item["session_id"]: message.sent_us for message in messages(month) for item in _sessions(message)}
    assert late
    assert all(sent[one.session_id] - one.end_us > 15 * DAY_US for one in late)


def _sessions(message: Message) -> list[dict[str, Any]]:
    return msgspec.json.decode(message.payload)["items"] if message.topic.endswith("/session") else []


def test_sessions_stay_within_true_serving_time_and_one_is_over_the_last_midnight(month: Month) -> None:
    serving: dict[str, TrueConnector] = {one.connector_id: one for one in month.truth.connectors}
    over = 0
    for session in month.truth.sessions:
        if session.fate.startswith("fabricated"):
            continue
        over += session.start_us < month.truth.to_us < session.end_us
        end_us = min(session.end_us, month.truth.to_us)
        assert any(
            one.state == "serving" and one.from_us <= session.start_us and end_us <= one.to_us
            for one in serving[session.connector_id].intervals
        ), session
    assert over >= 1


def test_dc_power_is_constant_and_then_tapers(month: Month) -> None:
    powers: defaultdict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for item in bodies(month, "meter"):
        if "soc_pct" in item and "session_id" in item:
            powers[item["session_id"]].append((item["at"], Decimal(item["power_kw"])))
    tapering = 0
    for samples in powers.values():
        drawn = [kw for _, kw in sorted(samples)][:-1]
        # Whole watt-hours a minute: the same power differs by up to 60 W.
        assert all(after <= before + Decimal("0.061") for before, after in pairwise(drawn))
        tapering += len(drawn) > 1 and drawn[-1] < drawn[0] * Decimal("0.8")
    assert tapering > 20


def test_maintenance_is_deducted_only_where_it_was_filed_in_time_and_approved(month: Month) -> None:
    valid = {
        str(row["scope_id"])
        for row in month.registry["declarations"]
        if row["cause"] == "routine_maintenance"
        and row["approved"] == "yes"
        and str(row["filed_at"]) <= str(row["start"])
    }
    deducted = {one.connector_id.rpartition("-")[0] for one in month.truth.connectors if one.deducted}
    assert deducted == valid
    assert len(month.registry["declarations"]) > len(valid) >= 2


def test_the_last_message_lets_the_clock_pass_the_issue_of_the_statement(month: Month) -> None:
    sent = [one.sent_us for one in messages(month)]
    assert max(sent) > start_of(LAST) + 16 * DAY_US
    assert any(start_of(LAST) + 5 * DAY_US <= one < start_of(LAST) + 6 * DAY_US for one in sent)
    assert max(sent) == month.dispatch.end_us()


def test_a_heartbeat_names_what_is_heard_and_nothing_else(month: Month) -> None:
    silent = {
        (one.connector_id, event.from_us, event.to_us)
        for one in month.truth.connectors
        for event in one.disturbances
        if event.cause == "silence"
    }
    assert silent
    beats = [
        (to_us(parse(item["at"])), set(item["connector_ids"]))
        for item in bodies(month, "heartbeat")
        if len(item["connector_ids"]) < 1000
    ]
    for connector_id, from_us_, to_us_ in silent:
        within = [ids for at, ids in beats if from_us_ <= at < to_us_ and at < month.truth.to_us]
        assert within
        assert not any(connector_id in ids for ids in within)


def test_the_city_has_what_a_statement_must_tell_apart() -> None:
    city = build(137, 24, FIRST, LAST)
    posts = list(city.posts())
    assert 130 <= sum(len(post.plugs) for post in posts) <= 170
    assert {site.category for site in city.sites} == {"public", "dedicated", "self_use"}
    assert any(site.category == "self_use" and site.open_to_public for site in city.sites)
    assert any(site.district == "yueqing" for site in city.sites)
    assert {post.kind for post in posts} == {"dc", "ac", "hybrid"}
    assert {post.simultaneous for post in posts if post.kind == "hybrid"} == {True, False}
    cabinets = [site for site in city.sites if site.cabinet_kw]
    assert cabinets
    assert all(sum(p.rated_kw_dc for p in site.posts if p.power_unit_id) > CABINET_KW for site in cabinets)
    serials = Counter(post.serial_no.replace("-", "").upper() for post in posts)
    assert sorted(serials.values())[-2:] == [1, 2]


@pytest.mark.parametrize(("seed", "stations", "days"), [(1, 4, 1), (2, 4, 3), (3, 5, 12), (4, 13, 5)])
def test_small_cities_and_short_windows_work_too(seed: int, stations: int, days: int) -> None:
    month = simulate(seed, FIRST, date(2023, 6, 1 + days), stations)
    assert sum(1 for _ in month.messages()) > 288 * days
    assert all(one.expected in contract.REASONS for one in month.truth.nuisances)
    for connector in month.truth.connectors:
        assert all(before.to_us == after.from_us for before, after in pairwise(connector.intervals))


def test_messages_can_be_asked_for_twice_and_the_truth_read_back(month: Month, tmp_path: Path) -> None:
    assert list(month.messages()) == messages(month)
    for name in ("truth.json", "truth.json.gz"):
        month.truth.write(tmp_path / name)
        assert read(tmp_path / name) == month.truth


def test_heartbeats_keep_the_interval_agreed_in_the_registry(month: Month) -> None:
    agreed = {str(row["operator_id"]): int(str(row["reporting_interval_min"])) for row in month.registry["operators"]}
    quiet = [
        one
        for one in month.truth.connectors
        if not one.disturbances and one.intervals[0].from_us == month.truth.from_us
    ]
    heard: defaultdict[str, list[int]] = defaultdict(list)
    for item in bodies(month, "heartbeat"):
        if len(item["connector_ids"]) < 1000:
            for connector_id in item["connector_ids"]:
                heard[connector_id].append(to_us(parse(item["at"])))
    assert len(quiet) > 10
    for connector in quiet:
        last = min(connector.intervals[-1].to_us, month.truth.to_us)
        instants = [at for at in sorted(heard[connector.connector_id]) if at < last]
        assert {after - before for before, after in pairwise(instants)} == {agreed[connector.operator_id] * MINUTE_US}
        assert last - instants[-1] <= HOUR_US
