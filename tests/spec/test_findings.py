"""Each rule that finds something, by a case that triggers it and one that just does not: engine and slow reference."""

import random
from functools import cache
from typing import Any

import pytest

from subsidy.findings import RULES
from subsidy.findings.identity import finding_id
from subsidy.findings.listing import row
from tests.finding_cases import cases, world
from tests.subsidy_world import POLICY, World

CASES = cases()
ELSEWHERE = {"duplicate_serial", "duplicate_meter", "duplicate_qr", "same_place", "grid_bill_mismatch"} | {
    "triangle_difference", "price_above_tariff", "service_fee_above_cap",
}  # fmt: skip
"""Rules about identities, bills and prices, which have their own cases."""
OURS = {code for codes in RULES.values() for code in codes} - ELSEWHERE | {"beyond_advance"}
SHUFFLED = {
    "repeat", "register_back", "beyond_meter", "beyond_advance", "flat_power", "one_vehicle", "micro_sessions",
    "in_maintenance", "qualification_lapsed",
}  # fmt: skip
"""One rule a family."""
HOLDING = [case for case in CASES if POLICY.findings.rule(case["rule"]).effect == "hold"]
NOTHING: tuple[dict[str, Any], ...] = ({"sessions": []}, {"subjects": []})
NAMES = {"sessions", "subjects", "count"}


@cache
def decided(number: int) -> tuple[World, Any, Any]:
    """A case's world, what is due there, and what its rule found."""
    told = world(CASES[number]["given"])
    return told, *of_rule(told, CASES[number]["rule"])


def of_rule(told: World, code: str) -> Any:
    due = told.decide(POLICY.operating.window.last_day)
    (settled,) = [one for one in due.settled if one.found.rule == code]
    return due, settled


def names(case: dict[str, Any]) -> str:
    return f"{case['rule']}: {case['name']}"


@pytest.mark.parametrize("case", CASES, ids=names)
def test_finding(case: dict[str, Any]) -> None:
    _, due, settled = decided(CASES.index(case))
    found = settled.found
    expected = case["found"]
    assert expected
    assert set(expected) <= NAMES
    if "sessions" in expected:
        assert sorted(due.sessions["session_id"][found.at]) == expected["sessions"]
    if "subjects" in expected:
        assert [group.subject for group in found.groups or ()] == expected["subjects"]
    if "count" in expected:
        assert int(found.at.sum()) == int(expected["count"])
    if found.effect == "hold":
        held = due.dispositions["reasons"].map(lambda reasons: case["rule"] in reasons).to_numpy()
        assert (held == found.at).all(), "what it touches is held, and nothing else is by it"


@pytest.mark.parametrize("case", HOLDING, ids=names)
def test_the_slow_reference_finds_the_same(case: dict[str, Any]) -> None:
    from tests.generative.reference_subsidy import dispositions

    told, due, settled = decided(CASES.index(case))
    expected = sorted(one.session_id for one, reasons in dispositions(told) if case["rule"] in reasons)
    assert sorted(due.sessions["session_id"][settled.found.at]) == expected


@pytest.mark.parametrize("case", [case for case in CASES if case["found"] not in NOTHING], ids=names)
def test_a_finding_reads_in_two_languages_and_keeps_its_number(case: dict[str, Any]) -> None:
    told, due, settled = decided(CASES.index(case))
    numbers = range(len(settled.found.groups)) if settled.found.groups is not None else settled.found.at.nonzero()[0]
    said = [row(settled, int(number), due.looked) for number in numbers]
    for one in said:
        assert one["zh"] != one["en"]
        assert "{" not in one["zh"] + one["en"]
        assert one["clause"]
    if case["rule"] not in SHUFFLED:
        return
    told = world(case["given"])
    random.Random(1).shuffle(told.sessions)
    random.Random(2).shuffle(told.samples)
    again, settled = of_rule(told, case["rule"])
    numbers = range(len(settled.found.groups)) if settled.found.groups is not None else settled.found.at.nonzero()[0]
    assert sorted(one["finding"] for one in said) == sorted(
        finding_id(settled.found, int(number), again.looked) for number in numbers
    )


def test_every_rule_has_a_case_on_each_side() -> None:
    for code in OURS:
        mine = [case["found"] for case in CASES if case["rule"] == code]
        nothing = [found for found in mine if found in NOTHING]
        assert nothing, f"{code}: no case that just does not trigger it"
        assert len(nothing) < len(mine), f"{code}: no case that triggers it"


def test_every_rule_of_the_policy_has_a_family() -> None:
    assert OURS <= set(POLICY.findings.__struct_fields__) <= OURS | ELSEWHERE


def test_the_page_says_what_the_policy_says() -> None:
    from tests.findings_page import PAGE, renewed

    text = PAGE.read_text(encoding="utf-8")
    assert "`beyond_meter` | 137-六 |" in text
    assert text == renewed(text, POLICY), "renew it: python -m tests.findings_page"
