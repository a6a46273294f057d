"""Cases of findings as they stand in tests/spec/findings/*.yaml, told as small worlds: one file a rule.

Beside what tests.subsidy_cases reads: `runs` of equal orders, `samples` and `statuses` in a line each, `vehicles` by
order, `meters` and `declarations` as registry rows.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from tests import subsidy_cases
from tests.subsidy_world import World, local

FOLDER = Path(__file__).parent / "spec" / "findings"
_MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"
_SAMPLE = re.compile(rf"({_MOMENT}) (\S+) ([\d.]+)(?: soc ([\d.]+))?")
_SAMPLES = re.compile(
    rf"({_MOMENT}) to ({_MOMENT}) (\S+) every (\d+) min ([\d.]+) to ([\d.]+)(?: soc ([\d.]+) to ([\d.]+))?"
)
_STATUS = re.compile(rf"({_MOMENT}) (\S+) ([a-z_]+)")
_DECLARED = {"operator_id": "A", "cause": "routine_maintenance", "approved": True}


def cases() -> list[dict[str, Any]]:
    """Every case, with the rule that its file is named after."""
    found = [
        {**case, "rule": path.stem}
        for path in sorted(FOLDER.glob("*.yaml"))
        for case in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    ]
    assert found, f"no cases in {FOLDER}"
    return found


def world(given: Mapping[str, Any]) -> World:
    """The world that a case gives."""
    told = subsidy_cases.world(given)
    for row in given.get("runs", []):
        _run(told, row)
    for line in given.get("samples", []):
        _samples(told, line)
    for line in given.get("statuses", []):
        one = _STATUS.fullmatch(line)
        assert one, line
        told.state(one[2], one[1], one[3])
    for row in given.get("meters", []):
        told.add("meters", {"operator_id": "A"}, **subsidy_cases.typed(row))
    for row in given.get("declarations", []):
        times = {name: local(row[name]) for name in ("start", "end", "filed_at")}
        told.add("declarations", _DECLARED, **{**row, **times})
    told.vehicles |= given.get("vehicles", {})
    return told


def _run(told: World, row: Mapping[str, str]) -> None:
    """Orders alike, one every so many minutes; with a register that rises, and samples at start and end."""
    register = Decimal(row.get("register", "1000"))
    energy = Decimal(row["kwh"])
    for number in range(int(row["times"])):
        name = row["id"].replace("#", f"{number:02d}")
        start = local(row["from"]) + number * timedelta(minutes=int(row["every"]))
        end = start + timedelta(minutes=int(row["minutes"]))
        told.session(name, row["at"], start, end, energy, registers=(register, register + energy))
        if row.get("sampled") == "yes":
            told.sample(row["at"], start, register)
            told.sample(row["at"], end, register + energy)
        if "vehicle" in row:
            told.vehicles[name] = row["vehicle"]
        register += energy


def _samples(told: World, line: str) -> None:
    if many := _SAMPLES.fullmatch(line):
        start, end, every = local(many[1]), local(many[2]), timedelta(minutes=int(many[4]))
        steps = (end - start) // every
        for step in range(steps + 1):
            reading = _between(many[5], many[6], step, steps)
            soc = _between(many[7], many[8], step, steps) if many[7] else None
            told.sample(many[3], start + step * every, reading, soc=soc)
        return
    one = _SAMPLE.fullmatch(line)
    assert one, line
    told.sample(one[2], one[1], one[3], soc=one[4])


def _between(first: str, last: str, step: int, steps: int) -> Decimal:
    return Decimal(first) + (Decimal(last) - Decimal(first)) * step / steps
