from decimal import Decimal
from typing import Any

from scheduler.money import yuan


def statement(operating: str, adjustments: str = "0.00", held: str = "0") -> list[dict[str, Any]]:
    line = {"held_kwh": held, "rate": "0.10"}
    return [
        {
            "operator_id": "A",
            "build_yuan": "0.00",
            "operating_yuan": operating,
            "adjustments_yuan": adjustments,
            "operating": [line],
        }
    ]


def test_money_moves_with_the_first_body_of_a_period() -> None:
    sums = yuan(
        [
            ("2023-06", statement("100.00", held="50")),
            ("2023-06", statement("120.00", held="30.5")),  # supersedes: due, not paid
            ("2023-07", statement("80.00", "20.00")),
        ]
    )
    assert sums["A", "operating", "issued"] == Decimal("180.00")
    assert sums["A", "adjustments", "issued"] == Decimal("20.00")
    assert sums["A", "operating", "due"] == Decimal("200.00")  # what was issued and adjusted, at last
    assert sums["A", "operating", "held"] == Decimal("3.05")
