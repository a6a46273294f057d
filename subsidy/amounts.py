"""Exact amounts: rounding to the fen, shares that sum to the whole, and decimals as text."""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

FEN = Decimal("0.01")
ZERO = Decimal(0)
EXACT = Context(prec=60)
"""Sums and products of recorded quantities fit in 60 digits, so none of them is rounded on the way."""


def to_fen(yuan: Decimal) -> Decimal:
    """An amount rounded half-up to the fen."""
    return yuan.quantize(FEN, rounding=ROUND_HALF_UP, context=EXACT)


def money(yuan: Decimal) -> str:
    """An amount as text with two decimals."""
    return format(abs(yuan).quantize(FEN) if yuan.is_zero() else yuan.quantize(FEN, context=EXACT), "f")


def plain(quantity: Decimal) -> str:
    """A quantity as text, without exponent and without zeros at its end."""
    if quantity.is_zero():
        return "0"
    return format(quantity.normalize(EXACT), "f")


def shared(total: Decimal, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """`total` in proportion to `weights`, to the fen: rounded down, what is left by largest remainder, then id."""
    whole = sum(weights.values(), ZERO)
    if whole <= 0:
        return dict.fromkeys(weights, ZERO)
    exact = {key: Fraction(total) * Fraction(weight) / Fraction(whole) for key, weight in weights.items()}
    parts = {key: Decimal(int(share * 100)) * FEN for key, share in exact.items()}
    rest = int((total - sum(parts.values(), ZERO)) / FEN)
    by_remainder = sorted(weights, key=lambda key: (-(exact[key] - Fraction(parts[key])), key))
    for key in by_remainder[:rest]:
        parts[key] += FEN
    return parts


def whole_fen(yuan: Decimal) -> Decimal:
    """An amount rounded down to the fen: a cap that may not be passed."""
    return yuan.quantize(FEN, rounding=ROUND_FLOOR, context=EXACT)
