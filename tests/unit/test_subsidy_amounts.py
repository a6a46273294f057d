"""Rounding, shares and decimals as text."""

from decimal import Decimal

import pytest

from subsidy.amounts import money, plain, shared, to_fen


@pytest.mark.parametrize(
    ("yuan", "rounded"),
    [("123.456", "123.46"), ("0.005", "0.01"), ("0.0049", "0.00"), ("1.015", "1.02"), ("2", "2.00")],
)
def test_half_a_fen_goes_up(yuan: str, rounded: str) -> None:
    assert money(to_fen(Decimal(yuan))) == rounded


def test_quantities_lose_only_what_says_nothing() -> None:
    assert [plain(Decimal(text)) for text in ("7.70", "0E-10", "1E+3", "-0.0", "3747931.773")] == [
        "7.7", "0", "1000", "0", "3747931.773",
    ]  # fmt: skip
    assert money(Decimal("-0.00")) == "0.00"
    assert money(Decimal("-12000")) == "-12000.00"


def test_shares_sum_to_the_whole() -> None:
    parts = shared(Decimal("32000.00"), {"b": Decimal(120), "a": Decimal(120), "c": Decimal(120)})
    assert parts == {"a": Decimal("10666.67"), "b": Decimal("10666.67"), "c": Decimal("10666.66")}
    assert sum(shared(Decimal("0.05"), {str(n): Decimal(n) for n in range(1, 8)}).values()) == Decimal("0.05")
    assert shared(Decimal("10.00"), {"a": Decimal(0)}) == {"a": Decimal(0)}
