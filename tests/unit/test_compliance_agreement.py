"""What was found against what was believed, counted by hand."""

from decimal import Decimal
from fractions import Fraction

import pytest

from chargewatch.errors import Refusal
from compliance.agreement import Visited, believed, figures, table
from compliance.inspection_commands import Result, record

MEANING = {"serving": "up", "faulted": "down", "no_data": "unknown", "out_of_service": "excluded"}


def test_a_belief_is_what_the_profile_takes_the_state_for() -> None:
    states = ["serving", "faulted", "no_data", "out_of_service", None]
    assert [believed(state, MEANING) for state in states] == ["up", "down", "unknown", "unknown", "unknown"]


def test_every_connector_stands_in_one_cell_and_counts_by_its_weight() -> None:
    rare, common = Fraction(1, 10), Fraction(1, 2)
    visited = [
        *[Visited(rare, True, "up")] * 3,  # 30 of all
        Visited(rare, False, "up"),  # 10: announced free, and does not charge
        *[Visited(common, False, "down")] * 4,  # 8
        Visited(common, True, "down"),  # 2
        Visited(rare, True, "unknown"),  # 10
        *[Visited(rare, None, "unknown")] * 2,  # 20 that could not be tried
    ]
    cells = {(row["believed"], row["found"]): (row["connectors"], row["weighted"]) for row in table(visited)}
    assert cells == {
        ("up", "charged"): (3, "30.0"), ("up", "failed"): (1, "10.0"), ("down", "charged"): (1, "2.0"),
        ("down", "failed"): (4, "8.0"), ("unknown", "charged"): (1, "10.0"), ("unknown", "failed"): (0, "0.0"),
        ("", "untested"): (2, "20.0"),
    }  # fmt: skip
    rows = {row["figure"]: row for row in figures(visited, Decimal("0.95"))}
    shares = {name: (row["share"], row["connectors"]) for name, row in rows.items()}
    assert shares == {
        "works": ("0.700000", 10),  # 42 of 60
        "believed to work": ("0.666667", 10),
        "nothing known": ("0.166667", 10),
        "platform wrong": ("0.240000", 9),  # 12 of 50
        "believed to work, fails": ("0.250000", 4),
        "believed not to work, charges": ("0.200000", 5),
        "works, untested counted as failing": ("0.525000", 12),  # 42 of 80
    }
    for row in rows.values():
        assert float(row["low"]) < float(row["share"]) < float(row["high"])


def test_nothing_tried_says_nothing() -> None:
    rows = figures([Visited(Fraction(1, 2), None, "unknown")], Decimal("0.95"))
    assert [row["share"] for row in rows] == [None] * 6 + ["0.000000"]


@pytest.mark.parametrize("energy", ["much", "NaN", "-1", "Infinity"])
def test_an_energy_is_a_number_of_kwh(energy: str) -> None:
    with pytest.raises(Refusal, match=f"--energy-kwh is '{energy}'"):
        record("C1", operator="A", at="2023-07-07T10:00:00+08:00", result=Result.charged, who="Chen", energy_kwh=energy)
