"""Times and numbers of the wire, read exactly (contract 1).

Times are RFC 3339 with an offset and come out in UTC. Numbers come out as decimals by value: 1.0, 1.00 and 1 are one
number, and what no column could hold is told apart before it is written anywhere.
"""

import functools
import re
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation

from chargewatch.instants import US_PER_S, from_us, to_us

HUGE = Decimal("Infinity")
"""Stands for a number beyond anything that can be (10^15 and more), or not finite."""

ZERO = Decimal(0)
_TOO_LONG = Decimal("NaN")
_EXACT = Context(prec=100)
_MOST_CHARACTERS = 80
_HUGE_FROM = 15
_LEAST_EXPONENT = -60

_MINUTE = re.compile(r"\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_SECOND = re.compile(r"[0-5]\d(?:\.\d{1,9})?", re.ASCII)
_MINUTE_CHARACTERS, _OFFSET_CHARACTERS = len("2023-06-01T08:00:"), len("+08:00")


def instant_us(text: str) -> int:
    """µs since 1970 of an RFC 3339 text with an offset, finer digits cut off; ValueError with a sentence if it is none.

    Minute and second are remembered apart: there are few of either, and reading them anew costs ten times as much.
    """
    end = -1 if text[-1:] in "Zz" else -_OFFSET_CHARACTERS
    return _minute_us(text[:_MINUTE_CHARACTERS] + text[end:]) + _second_us(text[_MINUTE_CHARACTERS:end])


def instant(text: str) -> datetime:
    """The same as an aware datetime in UTC."""
    return from_us(instant_us(text))


@functools.lru_cache(8192)
def _minute_us(text: str) -> int:
    if _MINUTE.fullmatch(text) is None:
        raise ValueError("a time is not RFC 3339 with an offset")
    head, offset = text[: _MINUTE_CHARACTERS - 1], text[_MINUTE_CHARACTERS:]
    try:
        return to_us(datetime.fromisoformat((head + offset).upper()).astimezone(UTC))
    except (ValueError, OverflowError):
        raise ValueError("a time is not in the calendar") from None


@functools.lru_cache(65536)
def _second_us(text: str) -> int:
    if _SECOND.fullmatch(text) is None:
        raise ValueError("a time is not RFC 3339 with an offset")
    return int(text[:2]) * US_PER_S + int(text[3:9].ljust(6, "0"))


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
