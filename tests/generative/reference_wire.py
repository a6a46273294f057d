"""JSON as the plain reading of contract 1 (`reference_contract`) takes it: all pairs, numbers as they were written."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

TEXT, NUMBER, WHOLE, YES_NO, LIST = "text", "number", "whole number", "true or false", "list"
NEEDED, OPTIONAL = True, False

TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)  # fmt: skip


class Bad(Exception):
    """A reason code."""


class Open(Exception):
    """The rules do not say."""


class Number(str):
    """A JSON number as it was written."""

    whole = False


class Whole(Number):
    whole = True


class Object(list):  # type: ignore[type-arg]
    """A JSON object's pairs, in their order, all of them."""

    def of(self, key: str) -> list[Any]:
        return [value for name, value in self if name == key]


def document(payload: bytes) -> Any:
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("unreadable") from None
    depth = _depth(text)
    if depth >= 1000:
        raise Bad("unreadable")
    if depth > 500:
        raise Open
    try:
        document = json.loads(
            text, object_pairs_hook=Object, parse_float=Number, parse_int=Whole, parse_constant=_no_constant
        )
    except ValueError:
        raise Bad("unreadable") from None
    _no_half_characters(document)
    return document


def _no_constant(text: str) -> Any:
    raise ValueError(text)


def _no_half_characters(document: Any) -> None:
    if any(isinstance(value, str) and re.search("[\ud800-\udfff]", value) for value in everything(document)):
        raise Bad("unreadable")


def everything(document: Any) -> Iterator[Any]:
    """Every value and every key in it, at any depth."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, Object):
            waiting += [part for pair in value for part in pair]
        elif isinstance(value, list):
            waiting += value


def _depth(text: str) -> int:
    deepest = depth = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


def fields_of(value: Any, fields: dict[str, tuple[str, bool]], reason: str) -> dict[str, Any]:
    """The known fields of an object, None where absent or null; Bad where one is missing, twofold or another type."""
    if not isinstance(value, Object):
        raise Bad(reason)
    read = {}
    for name, (type_, needed) in fields.items():
        values = value.of(name)
        if len(values) > 1 or (needed and not values):
            raise Bad(reason)
        read[name] = values[0] if values else None
        if (read[name] is not None or needed) and not is_of(type_, read[name]):
            raise Bad(reason)
    return read


def is_of(type_: str, value: Any) -> bool:
    if type_ == TEXT:
        return isinstance(value, str) and not isinstance(value, Number)
    if type_ == NUMBER:
        return isinstance(value, Number)
    if type_ == WHOLE:
        return isinstance(value, Whole)
    if type_ == YES_NO:
        return isinstance(value, bool)
    return isinstance(value, list) and not isinstance(value, Object)


def repeats(value: Any) -> bool:
    """Whether any key of the object stands in it twice."""
    keys = [key for key, _ in value]
    return len(set(keys)) < len(keys)


def is_id(text: str) -> bool:
    """Letters, digits, `_`, `-`, `.`, at most 50."""
    allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."
    return 1 <= len(text) <= 50 and all(character in allowed for character in text)


def is_name(text: str) -> bool:
    return 1 <= len(text) <= 100 and text.isprintable()


def instant(text: str, reason: str) -> datetime:
    match = TIME.fullmatch(text)
    if match is None:
        raise Bad(reason)
    day, hour, minute, second, fraction, sign, hours, minutes = match.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59 or int(hours or 0) > 23 or int(minutes or 0) > 59:
        raise Bad(reason)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        year, month, date = map(int, day.split("-"))
        local = datetime(year, month, date, int(hour), int(minute), int(second), tzinfo=UTC)
        local += timedelta(microseconds=int((fraction or "").ljust(6, "0")[:6]))
        return local + offset if sign == "-" else local - offset
    except (ValueError, OverflowError):
        raise Bad(reason) from None


def number(text: Number) -> Decimal | None:
    """A number by value, None where it is 10^15 or more; Bad where it has more digits than a measurement can."""
    if text.whole:
        digits = text.lstrip("-")
        if len(digits) > 4300:
            raise Bad("invalid_item")
        return None if len(digits) > 15 else Decimal(int(text))
    mantissa, _, exponent = text.lower().partition("e")
    before, _, after = mantissa.lstrip("-").partition(".")
    digits = (before + after).lstrip("0")
    power = int((exponent or "0")[:50]) - len(after)  # the value is digits × 10^power
    if not digits:
        if len(exponent.lstrip("+-")) > 18:
            raise Open
        if len(text) > 80:
            raise Bad("invalid_item")
        return Decimal(0)
    size = len(digits) - 1 + power
    if size >= 15:
        return None
    if len(text) > 80 or size < -60:
        raise Bad("invalid_item")
    while digits.endswith("0"):
        digits, power = digits[:-1], power + 1
    return Decimal((text.startswith("-"), tuple(map(int, digits)), power))


def plain(value: Decimal) -> str:
    """Decimal text without exponent and trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def has_nul(value: Any) -> bool:
    return isinstance(value, str) and "\0" in value
