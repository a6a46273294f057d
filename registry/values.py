"""One cell: from text to a value, and back to the same text."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from registry import opening_hours
from registry.contents import Value
from registry.tables import Column, Kind

_T = TypeVar("_T")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,50}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:00)?|24:00(:00)?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_YEARS = range(1900, 2200)
_LONGEST = 32_767  # what one cell of a workbook can hold


def read(column: Column, seen: str, zone: ZoneInfo) -> tuple[Value, str]:
    """The value of a filled cell and an empty text, or None and what was expected of it."""
    value = _read(column, seen, zone)
    if value is None:
        return None, column.expected
    if isinstance(value, Decimal) and (
        (column.least is not None and value < column.least) or (column.most is not None and value > column.most)
    ):
        return None, column.expected
    if isinstance(value, date) and value.year not in _YEARS:
        return None, f"a year from {_YEARS.start} to {_YEARS.stop - 1}; empty where there is no end"
    return value, ""


def _read(column: Column, seen: str, zone: ZoneInfo) -> Value:
    match column.kind:
        case Kind.ID:
            return seen if _ID.fullmatch(seen) else None
        case Kind.DATE:
            if _DAY.fullmatch(seen):
                return _or_none(lambda: date.fromisoformat(seen))
            moment = _moment(seen)
            return moment and _or_none(lambda: moment.astimezone(zone).date())
        case Kind.TIME:
            return _moment(seen)
        case Kind.CLOCK:
            return seen[:5] if _CLOCK.fullmatch(seen) else None
        case Kind.DECIMAL:
            return Decimal(seen) if _NUMBER.fullmatch(seen) else None
        case Kind.YES_NO:
            return {"yes": True, "no": False}.get(seen)
        case Kind.CHOICE:
            return seen if seen in column.choices else None
        case Kind.OPENING_HOURS:
            return seen if opening_hours.parse(seen) is not None else None
        case Kind.TEXT:
            return None if len(seen) > _LONGEST or _UNPRINTABLE.search(seen) else seen


def write(value: Value, zone: ZoneInfo) -> str:
    """The text of a value, as `read` takes it; times in the given zone."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def plain(value: Any, zone: ZoneInfo) -> Any:
    """The same with every cell as `write` would write it, for JSON; numbers, keys and what is empty stay."""
    if isinstance(value, dict):
        return {name: plain(one, zone) for name, one in value.items()}
    return value if value is None or type(value) is int else write(value, zone)


def _moment(seen: str) -> datetime | None:
    if not _TIME.fullmatch(seen):
        return None
    return _or_none(lambda: datetime.fromisoformat(seen.upper()).astimezone(UTC))


def _or_none(read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except (ValueError, OverflowError):
        return None
