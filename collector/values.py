"""Times and numbers of the wire, read exactly (contract 1).

Times are RFC 3339 with an offset and come out in UTC. Numbers come out as decimals by value: 1.0, 1.00 and 1 are one
number, and what no column could hold is told apart before it is written anywhere.
"""

import functools
import re
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation

HUGE = Decimal("Infinity")
"""Stands for a number beyond anything that can be (10^15 and more), or not finite."""

ZERO = Decimal(0)
_TOO_LONG = Decimal("NaN")
_EXACT = Context(prec=100)
_MOST_CHARACTERS = 80
_HUGE_FROM = 15
_LEAST_EXPONENT = -60

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


@functools.lru_cache(8192)  # many connectors report at the same moments
def instant(text: str) -> datetime:
    """UTC instant of an RFC 3339 text with an offset, to the microsecond; ValueError with a sentence if it is none."""
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("a time is not RFC 3339 with an offset")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time is not in the calendar") from None


def from_text(text: str) -> Decimal:
    """A JSON number with point or exponent as a decimal; bounded, whatever the exponent says."""
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent of more than 18 digits
        return _TOO_LONG if "e-" in text.lower() else HUGE
    if len(text) > _MOST_CHARACTERS and value.adjusted() < _HUGE_FROM:
        return _TOO_LONG
    return value


def number(value: object) -> Decimal:
    """A decoded JSON number by value, HUGE where it cannot be; ValueError if it is no number or has too many digits."""
    if type(value) is int:
        return Decimal(value) if -(10**_HUGE_FROM) < value < 10**_HUGE_FROM else HUGE
    if type(value) is not Decimal:
        raise ValueError("a number is expected")
    if value.is_nan():
        raise ValueError("a number has more digits than a measurement can")
    if not value:
        return ZERO
    if value.is_infinite() or value.adjusted() >= _HUGE_FROM:
        return HUGE
    if value.adjusted() < _LEAST_EXPONENT:
        raise ValueError("a number has more digits than a measurement can")
    return value.normalize(_EXACT)


def plain(value: Decimal | None) -> str | None:
    """Decimal text without exponent: 1E+2 → '100'."""
    return None if value is None else format(value, "f")
