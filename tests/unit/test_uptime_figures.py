"""What a report shows of those whom the profile does not bind, and how it truncates."""

from fractions import Fraction

import pandas as pd
import pytest

from chargewatch.instants import US_PER_H
from uptime.figures import figures, mean, truncated
from uptime.profile import load

COLUMNS = ["operator_id", "connector_id", "charger_id", "station_id", "district", "bound", "up", "down", "unknown"]


def tallies(*rows: tuple[object, ...]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS)
    counted = table.assign(routine_maintenance=0, platform_outage=0, long_out=False)
    return counted.astype(dict.fromkeys(("up", "down", "unknown"), "int64"))


CITY = tallies(
    ("A", "a1", "A1", "SA", "lucheng", True, 9 * US_PER_H, US_PER_H, 0),
    ("A", "a2", "A2", "SB", "ouhai", False, US_PER_H, 9 * US_PER_H, 0),
    ("B", "b1", "B1", "SC", "ouhai", True, 8 * US_PER_H, US_PER_H, US_PER_H),
)


def rows(by: str, *, everything: bool) -> dict[str, tuple[object, ...]]:
    found = figures(CITY, load(), by, ripe=False, everything=everything)
    return {row["id"]: (row["required_s"], row["verdict"], row["connectors"]) for row in found}


def test_what_is_not_bound_has_no_row() -> None:
    assert list(rows("connector", everything=False)) == ["a1", "b1"]
    assert list(rows("station", everything=False)) == ["SA", "SC"]


def test_all_shows_it_without_a_verdict_and_sums_the_bound_ones_only() -> None:
    assert rows("connector", everything=True) == {
        "a1": ("36000.000000", "pass", 1),
        "a2": ("36000.000000", None, 0),
        "b1": ("36000.000000", "pending", 1),
    }
    assert rows("station", everything=True)["SB"] == ("0.000000", None, 0)
    assert rows("operator", everything=True) == rows("operator", everything=False)
    assert rows("district", everything=True)["ouhai"] == ("36000.000000", "pending", 1)
    assert rows("city", everything=True) == {"city": ("72000.000000", "pending", 2)}


def test_pending_is_a_breach_once_it_is_ripe() -> None:
    of = {ripe: figures(CITY, load(), "operator", ripe=ripe, everything=False)[1]["breach"] for ripe in (False, True)}
    assert of == {False: False, True: True}


@pytest.mark.parametrize(
    ("numerator", "denominator", "shown"),
    [(899_999_999_999, 10**12, "0.89999999"), (9, 10, "0.90000000"), (2, 3, "0.66666666"), (0, 5, "0.00000000")],
)
def test_a_ratio_is_truncated_never_rounded(numerator: int, denominator: int, shown: str) -> None:
    assert truncated(numerator, denominator) == shown


def test_nothing_required_is_no_ratio() -> None:
    assert truncated(0, 0) is None


def test_a_mean_is_exact_however_many_there_are() -> None:
    ratios = [(n, 3 * n + 7) for n in range(1, 1000)] + [(1, 7), (0, 0)]
    exact = sum(Fraction(a, b) for a, b in ratios if b) / (len(ratios) - 1)
    assert Fraction(*mean(ratios)) == exact
    assert mean([(0, 0)]) == (0, 0) == mean([])
