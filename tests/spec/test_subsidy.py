"""Clause six of 137号, case by case, by the engine and by the slow reference."""

from typing import Any

import pytest

from subsidy import periods
from tests.subsidy_cases import cases, world

CASES = cases()


def outcome(told: Any, when: str, expected: dict[str, Any], decide: str) -> dict[str, Any]:
    """What came out, in the shape of `expected` and for what it names."""
    from tests.generative import reference_subsidy

    period = periods.parse(when)
    if decide == "reference":
        return reference_subsidy.outcome(told, period)
    statement, due = told.statement(when), told.decide(period.last_day)
    build = {
        row["charger_id"]: row["amount"] if row["eligible"] else [reason["code"] for reason in row["reasons"]]
        for row in statement["build"]
    }
    sessions = {
        row.session_id: [row.disposition, *row.reasons]
        for row in due.dispositions.itertuples()
        if row.operator_id == "A"
    }
    findings = {row["rule"]: str(row["count"]) for row in statement["findings"]}
    return {**statement, "build": build, "sessions": sessions, "findings": findings}


@pytest.mark.parametrize("decide", ["engine", "reference"])
@pytest.mark.parametrize("case", CASES, ids=[f"{case['file']}: {case['name']}" for case in CASES])
def test_137_6(case: dict[str, Any], decide: str) -> None:
    came_out = outcome(world(case["given"]), case["when"], case["expected"], decide)
    assert case["expected"], "a case that expects nothing says nothing"
    for name, expected in case["expected"].items():
        if isinstance(expected, dict):
            seen = {key: came_out[name].get(key) for key in expected}
            assert seen == {key: None if value == "none" else value for key, value in expected.items()}
        else:
            assert came_out[name] == expected


def test_every_reason_and_finding_has_a_case() -> None:
    from tests.subsidy_world import POLICY

    text = " ".join(str(case["expected"]) for case in CASES)
    missing = [code for code in set(POLICY.reasons) - set(POLICY.findings.__struct_fields__) if code not in text]
    assert not missing, f"no case shows {missing}"
