"""The truth of status case by case: for each rule one that is found, and one that just is not."""

import re
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import yaml

from chargewatch.instants import US_PER_H, US_PER_MIN, day_start_us, to_us
from uptime import settings, truth, truth_limits
from uptime.evidence import Facts
from uptime.intervals import service_intervals
from uptime.observed import Observed, observe
from uptime.states import STATUSES

CASES = yaml.safe_load((Path(__file__).parent / "truth" / "status.yaml").read_text(encoding="utf-8"))
ZONE = ZoneInfo("Asia/Shanghai")
START, END = (day_start_us(date(2023, month, 1), ZONE) for month in (6, 7))
NUMBERS = {"a": 1, "b": 2, "c": 3}
T = r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"


def at(text: str) -> int:
    """Beijing time as µs."""
    return to_us(datetime.fromisoformat(text).replace(tzinfo=ZONE))


class Told:
    """The lines of a case as tables."""

    def __init__(self) -> None:
        self.statuses = [(number, START, "available") for number in NUMBERS.values()]
        self.orders: list[tuple[int, int, int, str]] = []
        self.meters: list[tuple[int, int, int, int]] = []
        self.silences: list[tuple[int, int, int]] = []

    def order(self, connector: int, start: int, end: int, energy: str, announced: bool = True) -> None:
        """An order, with the statuses around it."""
        self.orders.append((connector, start, end, energy))
        if announced:
            self.statuses += [(connector, start, "charging"), (connector, end, "available")]

    def read(self, line: str) -> None:
        """One line."""
        name, _, said = line.partition(" ")
        connector = NUMBERS[name]
        if one := re.fullmatch(rf"({T}) to ({T}) order( only)? ([\d.]+) kWh", said):
            self.order(connector, at(one[1]), at(one[2]), one[4], one[3] is None)
        elif many := re.fullmatch(rf"orders of (\d+) min every (\d+) h from ({T}) until ({T})", said):
            for start in range(at(many[3]), at(many[4]), int(many[2]) * US_PER_H):
                self.order(connector, start, start + int(many[1]) * US_PER_MIN, "10")
        elif meter := re.fullmatch(rf"({T}) meter ([\d.]+) kWh(?:, power (\d+) kW)?", said):
            self.meters.append((connector, at(meter[1]), int(Decimal(meter[2]) * 10**6), int(meter[3] or -1) * 1000))
        elif every := re.fullmatch(rf"meter ([\d.]+) kWh every (\d+) h from ({T}) until ({T})", said):
            for moment in range(at(every[3]), at(every[4]), int(every[2]) * US_PER_H):
                self.meters.append((connector, moment, int(Decimal(every[1]) * 10**6), -1))
        elif silent := re.fullmatch(rf"silent from ({T}) until ({T})", said):
            self.silences.append((connector, at(silent[1]), at(silent[2])))
        elif status := re.fullmatch(rf"({T}) (\w+)", said):
            assert status[2] in STATUSES, line
            self.statuses.append((connector, at(status[1]), status[2]))
        else:
            raise ValueError(f"not understood: {line!r}")

    def facts(self) -> Facts:
        """What was received."""
        beat = np.arange(START, END, 5 * US_PER_MIN)
        beats = pd.DataFrame(
            {"connector": np.repeat(list(NUMBERS.values()), len(beat)), "at_us": np.tile(beat, len(NUMBERS))}
        )
        for connector, since, until in self.silences:
            beats = beats[(beats["connector"] != connector) | (beats["at_us"] < since) | (beats["at_us"] >= until)]
        rows = [
            (number, moment, STATUSES.index(status), "a", nth, 0, moment)
            for nth, (number, moment, status) in enumerate(self.statuses)
        ]
        names = ["connector", "at_us", "status", "boot_id", "seq", "place", "received_us"]
        statuses, meters = pd.DataFrame(rows, columns=names), self.samples()
        orders = pd.DataFrame(
            [
                ("op", f"s{nth}", 0, f"{nth}", end, start, end, (number,), Decimal(energy), None, None, False,
                 "a", nth, 0)
                for nth, (number, start, end, energy) in enumerate(self.orders)
            ],
            columns=["operator_id", "session_id", "revision", "content_sha256", "received_us", "started_us",
                     "ended_us", "connector_nos", "energy_kwh", "meter_start_kwh", "meter_end_kwh", "void", "boot_id",
                     "seq", "place"],
        )  # fmt: skip
        whole = dict.fromkeys(["received_us", "started_us", "ended_us"], np.int64)
        return Facts(
            np.array(sorted(NUMBERS.values())),
            statuses,
            meters[["connector", "at_us", "received_us"]],
            beats.assign(received_us=beats["at_us"]),
            orders.astype({**whole, "void": np.bool_}),
            pd.DataFrame(columns=["connector", "from_us", "interval_us"], dtype=np.int64),
        )

    def samples(self) -> pd.DataFrame:
        """What the meters said."""
        meters = pd.DataFrame(self.meters, columns=["connector", "at_us", "energy_mwh", "power_w"]).astype(np.int64)
        return meters.assign(soc_bp=-1, boot_id="a", seq=0, received_us=meters["at_us"])

    def life(self) -> pd.DataFrame:
        """Where the connectors stand."""
        return pd.DataFrame(
            {
                "connector_no": list(NUMBERS.values()), "connector_id": list(NUMBERS), "operator_id": "op",
                "charger_id": list(NUMBERS), "station_id": ["s", "s", "t"], "kind": "dc", "rated_kw": Decimal(60),
                "from_us": START, "to_us": END,
            }
        )  # fmt: skip

    def observed(self) -> Observed:
        """What the rules are given."""
        facts, life = self.facts(), self.life()
        spans = life.rename(columns={"connector_no": "connector"})[["connector", "from_us", "to_us"]]
        timeline = service_intervals(replace(facts, sessions=facts.sessions.iloc[:0]), settings.load(), spans)
        return observe(facts, self.samples(), timeline, life, settings.load(), START, END)


def test_every_rule_has_a_case_that_is_found_and_one_that_is_not() -> None:
    found = {line.split()[1] for case in CASES for line in case["expected"]}
    assert found == set(truth.RULES)
    assert sum(not case["expected"] for case in CASES) >= len(truth.RULES)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    told = Told()
    for line in case["given"]:
        told.read(line)
    rows = truth.found(told.observed(), truth_limits.load())
    said = [f"{row['connector_id']} {row['rule']} {row['seen']} of {row['limit']}" for row in rows]
    assert said == case["expected"]
    for row in rows:
        assert row["evidence_count"] >= 1
        assert row["score"] >= "0.50"
        assert all(one["from"] < one["to"] or row["rule"] == "still_register" for one in row["evidence"])


def test_score_is_a_half_at_the_limit_and_one_at_twice_of_it() -> None:
    told = Told()
    told.read("c 2023-06-05 08:00 to 2023-06-05 10:10 order only 20 kWh")
    (row,) = truth.found(told.observed(), truth_limits.load())
    assert (row["rule"], row["seen"], row["score"]) == ("order_while_available", 120, "1.00")


def test_nothing_at_all_is_doubted_for_nothing() -> None:
    assert truth.found(Told().observed(), truth_limits.load()) == []
