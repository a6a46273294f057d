"""137-七 case by case: both readings of the rules, the engine and the slow reference, are held to each."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.generative import reference_availability as reference
from tests.generative.adapter import engine_intervals
from tests.generative.figures_adapter import FIRST, engine_rows, reference_connector
from tests.generative.reference_availability import DAY, MINUTE, Interval, Settings
from tests.generative.reference_figures import (
    EFFECTS,
    Amounts,
    amounts,
    is_breach,
    is_out_7d,
    together,
    truncated,
    verdict,
)
from tests.generative.strategies import START, Registered
from tests.spec.cases import Case, instant, read
from uptime import profile as profiles

FOLDER = Path(__file__).parent / "137-七"
CASES = read(FOLDER)
LONG_BEFORE = date(2023, 1, 1)
WENZHOU = profiles.load("cn-wenzhou-2022-137")


def test_the_cases_are_there() -> None:
    assert {case.file for case in CASES} >= {"worked_examples", "4_verdict", "2.2_silence"}
    assert len(CASES) > 80
    assert len({(case.file, case.said["name"]) for case in CASES}) == len(CASES)


def limits(case: Case) -> Settings:
    """The case's interval settings."""
    every = case.said.get("reporting_interval_min", 5) * MINUTE
    return Settings(reporting=((0, every),), **case.said.get("settings", {}))


def registered(case: Case) -> Registered:
    """The case's one connector."""
    commissioned = case.said.get("commissioned_on", LONG_BEFORE)
    retired = case.said.get("retired_on")
    return Registered(
        from_day=-3000,
        commissioned_day=None if commissioned is None else (commissioned - FIRST).days,
        retired_day=None if retired is None else (retired - FIRST).days,
    )


@dataclass(frozen=True)
class Figure:
    """What a reading answers, in the words of `expected`."""

    intervals: list[Interval]
    row: dict[str, Any] | None


def by_reference(case: Case) -> Figure:
    """The slow reading."""
    start, end = case.period
    runs = reference.intervals(case.items, limits(case), start, end)
    connector = reference_connector(1, case.items, [registered(case)], limits(case), _last_day(end))
    effects = case.said.get("effects", EFFECTS)
    shares = amounts(connector, case.declarations, start, end, effects)
    if not shares:
        return Figure(runs, None)
    total: Amounts = together(shares.values())
    as_of = instant(case.said["as_of"]) if "as_of" in case.said else end
    row = {
        "required_us": total.required,
        "up_us": total.up,
        "down_us": total.down,
        "unknown_us": total.unknown,
        "deducted_us": {cause: us for cause, us in total.deducted.items() if us},
        "ratio": truncated(total.ratio),
        "ratio_upper": truncated(total.ratio_upper),
        "verdict": verdict(total),
        "breach": is_breach(total, end, as_of),
        "out_7d": is_out_7d(connector, start, end),
    }
    return Figure(runs, row)


def by_engine(case: Case) -> Figure:
    """The engine."""
    start, end = case.period
    runs = engine_intervals(case.items, limits(case), start, end)
    profile = WENZHOU
    if "effects" in case.said:
        causes = [replace(one, effect=case.said["effects"].get(one.cause, one.effect)) for one in profile.causes]
        profile = replace(profile, causes=tuple(causes))
    as_of = instant(case.said["as_of"]) if "as_of" in case.said else end
    (rows,) = engine_rows(
        {1: case.items}, {1: [registered(case)]}, case.declarations, limits(case), profile, ["connector"],
        [start, end], as_of_us=as_of,
    )  # fmt: skip
    if not rows["connector"]:
        return Figure(runs, None)
    (row,) = rows["connector"]
    return Figure(
        runs,
        {
            **{f"{name}_us": _us(row[f"{name}_s"]) for name in ("required", "up", "down", "unknown")},
            "deducted_us": {cause: _us(text) for cause, text in row["deducted_s"].items() if _us(text)},
            **{name: row[name] for name in ("ratio", "ratio_upper", "verdict", "breach")},
            "out_7d": row["connectors_out_7d"] == 1,
        },
    )


def _us(seconds: str) -> int:
    whole, _, rest = seconds.partition(".")
    assert len(rest) == 6, seconds
    return int(whole + rest)


def _last_day(end: int) -> int:
    """The first whole day after the period, counted from START: nothing later is looked at."""
    return -((START - end) // DAY)


@pytest.mark.parametrize("reading", [by_reference, by_engine])
@pytest.mark.parametrize("case", CASES, ids=[f"{case.file}: {case.said['name']}" for case in CASES])
def test_case(case: Case, reading: Any) -> None:
    figure = reading(case)
    expected = dict(case.said["expected"])
    assert expected, "a case that expects nothing"
    if case.intervals is not None:
        assert figure.intervals == case.intervals
        del expected["intervals"]
    if expected.pop("row", "one") == "none":
        assert figure.row is None
        return
    assert figure.row is not None
    for name, value in expected.items():
        if name == "deducted_min":
            assert figure.row["deducted_us"] == {cause: minutes * MINUTE for cause, minutes in value.items()}
        elif name.endswith("_min"):
            assert figure.row[f"{name[:-4]}_us"] == value * MINUTE, name
        elif name.endswith("_s"):
            assert figure.row[f"{name[:-2]}_us"] == _us(value), name
        else:
            assert figure.row[name] == value, name
