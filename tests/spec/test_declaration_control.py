"""Declarations under control, case by case: each finding, and what just is none."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.spec.test_truth import END, NUMBERS, START, T, Told, at
from uptime import declaration_control as control
from uptime import profile as profiles
from uptime import settings
from uptime.intervals import service_intervals
from uptime.life import NEVER
from uptime.observed import orders

CASES = yaml.safe_load((Path(__file__).parent / "declarations" / "control.yaml").read_text(encoding="utf-8"))


def declaration(line: str) -> tuple[dict[str, Any], bool]:
    """A declaration's row, and whether it was changed; filed the day before and approved unless said otherwise."""
    what, *words = line.split(", ")
    one = re.fullmatch(rf"(\w+) (station|connector) (\w) ({T}) to ({T}) (\w+)", what)
    assert one, line
    start = at(one[4])
    row = {
        "operator_id": "op", "declaration_id": one[1], "scope": one[2], "scope_id": one[3], "cause": one[6],
        "approved": "not approved" not in words, "start_us": start, "end_us": at(one[5]),
        "filed_us": start - 24 * 3600 * 10**6, "withdrawn_us": NEVER,
    }  # fmt: skip
    for word in words:
        if timed := re.fullmatch(rf"(filed|withdrawn) ({T})", word):
            row[f"{timed[1]}_us"] = at(timed[2])
    return row, "changed" in words


def said(declaration_id: str, finding: dict[str, Any]) -> str:
    """A finding in the words of `expected`."""
    text = f"{declaration_id} {finding['finding']}"
    if "after_s" in finding:
        text += f" {finding['after_s']} s"
    if "seconds" in finding:
        text += f" {float(finding['seconds']) / 60:g} min at {finding['connectors']}"
    return text + (f" with {' '.join(finding['with'])}" if "with" in finding else "")


def test_every_finding_has_a_case() -> None:
    found = {line.split()[1] for case in CASES for line in case["expected"]}
    assert found == set(control.FINDINGS)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    told, rows, changes = Told(), [], {}
    for line in case["given"]:
        if line[0].isupper():
            row, changed = declaration(line)
            rows.append(row)
            changes |= {("op", row["declaration_id"]): ["start: …"]} if changed else {}
        else:
            told.read(line)
    declared = pd.DataFrame(rows)
    facts, life = told.facts(), told.life()
    spans = life.rename(columns={"connector_no": "connector"})[["connector", "from_us", "to_us"]]
    timeline, profile = service_intervals(facts, settings.load(), spans), profiles.load()
    used = orders(facts, settings.load(), np.array(sorted(NUMBERS.values())), START, END)
    found = control.seen(declared, life, timeline, used, profile, START, END)
    listed = control.listed(declared, found, changes, profile, START, END)
    lines = [said(row["declaration_id"], one) for row in listed for one in row["findings"]]
    assert sorted(lines) == sorted(case["expected"])
    if "listed" in case:
        assert [row["declaration_id"] for row in listed] == case["listed"]
    faults = control.fault_time(declared, life, timeline, profile, START, END)
    (operator,) = control.by_operator(listed, faults)
    minutes = [float(operator[name]) / 60 for name in ("faulted_s", "later_called_maintenance_s")]
    if "faults" in case:
        assert minutes == case["faults"]
        assert operator["share"] == control.truncated(*(case["faults"][::-1]))
    # Whatever way a city is cut into parts, the commission sees the same.
    parts = []
    for number in NUMBERS.values():
        mine = life[life["connector_no"] == number]
        parts.append(control.seen(declared, mine, _of(timeline, number), used, profile, START, END))
    again = pd.concat([part for part in parts if len(part)]) if any(map(len, parts)) else parts[0]
    assert control.listed(declared, again, changes, profile, START, END) == listed


def _of(timeline: Any, number: int) -> Any:
    from dataclasses import replace

    whole, proven = timeline.intervals, timeline.proven
    return replace(
        timeline, intervals=whole[whole["connector"] == number], proven=proven[proven["connector"] == number]
    )
