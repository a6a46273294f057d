"""Availability case by case: both readings of the rules, the engine and the slow reference, are held to each.

A folder of cases bears the name of the clause that a profile states.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.generative import reference_availability as reference
from tests.generative.adapter import engine_intervals
from tests.generative.figures_adapter import Days, engine_rows, reference_units
from tests.generative.reference_account import Regime
from tests.generative.reference_availability import MINUTE, Company, Interval, Settings
from tests.generative.reference_figures import (
    Amounts,
    amounts,
    figure,
    is_breach,
    is_out_7d,
    together,
    truncated,
    verdict,
)
from tests.spec.cases import PROFILES, Case, instant, read
from uptime import profile as profiles

FOLDER = Path(__file__).parent
LAWS = {profiles.load(name).source.clause: profiles.load(name) for name in PROFILES}
CASES = [case for law in LAWS for case in read(FOLDER / law)]


def law(case: Case) -> str:
    """The folder of a case."""
    return str(case.rules["source"]["clause"])


def test_every_law_has_its_cases() -> None:
    assert {law(case) for case in CASES} == set(LAWS)
    assert {case.file for case in CASES if law(case) == "137-七"} >= {"worked_examples", "4_verdict", "2.2_silence"}
    assert len({(law(case), case.file, case.said["name"]) for case in CASES}) == len(CASES) > 150


def limits(case: Case) -> Settings:
    """The case's interval settings."""
    every = case.said.get("reporting_interval_min", 5) * MINUTE
    return Settings(reporting=((0, every),), **case.said.get("settings", {}))


def others(case: Case) -> list[int]:
    """The connectors that stand with the first one on a charger that serves one at a time."""
    mine = case.registered(1)
    if mine.simultaneous is not False:
        return []
    rows = {number: case.registered(number) for number in case.histories if number != 1}
    return [number for number, row in rows.items() if row.simultaneous is False and row.charger == mine.charger]


def read_otherwise(case: Case) -> Regime:
    """The case's profile as YAML, with the effects or the reading that it asks for."""
    causes = {one["cause"]: one for one in case.rules["causes"]}
    changes: Mapping[str, Any] = {
        "causes": {cause: {"effect": how} for cause, how in case.said.get("effects", {}).items()}
    }
    if "reading" in case.said:
        (changes,) = [one["profile"] for one in case.rules["readings"] if one["id"] == case.said["reading"]]
    changed = {
        key: {**case.rules[key], **value} if isinstance(value, dict) else value
        for key, value in changes.items()
        if key != "causes"
    }
    for cause, change in changes.get("causes", {}).items():
        causes[cause] = {**causes[cause], **change}
    return {**case.rules, **changed, "causes": list(causes.values())}


@dataclass(frozen=True)
class Figure:
    """What a reading answers, in the words of `expected`."""

    intervals: list[Interval]
    row: dict[str, Any] | None


def by_reference(case: Case) -> Figure:
    """The slow reading."""
    start, end = case.period
    rules, days = read_otherwise(case), Days(case.first_day, case.zone)
    company = [Company(case.histories[one], 0, end) for one in others(case)]
    runs = reference.intervals(case.items, limits(case), start, end, company, case.granted)
    registered = {number: [case.registered(number)] for number in case.histories}
    ahead = 3 if "long_unknown" in rules else 0
    units = reference_units(case.histories, registered, limits(case), days.after(end) + ahead, rules, days)
    shares: list[Amounts] = []
    out = False
    for unit in units if case.said.get("by") == "operator" else units[:1]:
        bound = [sums for place, sums in amounts(unit, case.declarations, start, end, rules).items() if place.bound]
        shares += [together(bound)] if bound else []
        out |= bool(bound) and is_out_7d(unit, start, end, rules)
    if not shares:
        return Figure(runs, None)
    total, judged = together(shares), figure(shares, rules)
    as_of = instant(case.said["as_of"], case.zone) if "as_of" in case.said else end
    row = {
        "required_us": total.required,
        "up_us": total.up,
        "down_us": total.down,
        "unknown_us": total.unknown,
        "deducted_us": {cause: us for cause, us in total.deducted.items() if us},
        "ratio": truncated(judged.ratio),
        "ratio_upper": truncated(judged.ratio_upper),
        "verdict": verdict(judged, rules),
        "breach": is_breach(judged, end, as_of, rules),
        "out_7d": out,
    }
    return Figure(runs, row)


def by_engine(case: Case) -> Figure:
    """The engine."""
    start, end = case.period
    histories = case.histories if others(case) else {1: case.items}
    runs = engine_intervals(histories, limits(case), start, end, one_at_a_time=bool(others(case)), lifted=case.granted)
    profile = profiles.load(case.rules["id"])
    if "effects" in case.said:
        causes = [replace(one, effect=case.said["effects"].get(one.cause, one.effect)) for one in profile.causes]
        profile = replace(profile, causes=tuple(causes))
    if "reading" in case.said:
        (reading,) = [one for one in profile.readings if one.id == case.said["reading"]]
        profile = profile.under(reading)
    as_of = instant(case.said["as_of"], case.zone) if "as_of" in case.said else end
    registered = {number: [case.registered(number)] for number in case.histories}
    level = case.said.get("by", "connector")
    (rows,) = engine_rows(
        case.histories, registered, case.declarations, limits(case), profile, [level], [start, end],
        as_of_us=as_of, days=Days(case.first_day, case.zone),
    )  # fmt: skip
    if not rows[level]:
        return Figure(runs, None)
    row = rows[level][0]
    return Figure(
        runs,
        {
            **{f"{name}_us": _us(row[f"{name}_s"]) for name in ("required", "up", "down", "unknown")},
            "deducted_us": {cause: _us(text) for cause, text in row["deducted_s"].items() if _us(text)},
            **{name: row[name] for name in ("ratio", "ratio_upper", "verdict", "breach")},
            "out_7d": row["connectors_out_7d"] >= 1,
        },
    )


def _us(seconds: str) -> int:
    whole, _, rest = seconds.partition(".")
    assert len(rest) == 6, seconds
    return int(whole + rest)


@pytest.mark.parametrize("reading", [by_reference, by_engine])
@pytest.mark.parametrize("case", CASES, ids=[f"{law(case)} {case.file}: {case.said['name']}" for case in CASES])
def test_case(case: Case, reading: Any) -> None:
    figure_ = reading(case)
    expected = dict(case.said["expected"])
    assert expected, "a case that expects nothing"
    if case.intervals is not None:
        assert figure_.intervals == case.intervals
        del expected["intervals"]
    if expected.pop("row", "one") == "none":
        assert figure_.row is None
        return
    assert figure_.row is not None
    for name, value in expected.items():
        if name == "deducted_min":
            assert figure_.row["deducted_us"] == {cause: minutes * MINUTE for cause, minutes in value.items()}
        elif name.endswith("_min"):
            assert figure_.row[f"{name[:-4]}_us"] == value * MINUTE, name
        elif name.endswith("_s"):
            assert figure_.row[f"{name[:-2]}_us"] == _us(value), name
        else:
            assert figure_.row[name] == value, name
