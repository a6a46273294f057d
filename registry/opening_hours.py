"""Opening hours such as `Mo-Fr 08:00-22:00; Sa,Su 09:00-18:00`: OpenStreetMap's notation, days and times only."""

import re

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_TIME = r"(?:[01]\d|2[0-4]):[0-5]\d"
_SPAN = re.compile(rf"({_TIME})-({_TIME})", re.ASCII)
_MIDNIGHT = 24 * 60

Week = tuple[tuple[tuple[int, int], ...], ...]
"""For Monday to Sunday the open spans, in minutes after midnight; a span past midnight ends after 1440."""


def parse(text: str) -> Week | None:
    """The open spans of each weekday; None if the text is not in this notation. `24/7` is always open."""
    if text == "24/7":
        return (((0, _MIDNIGHT),),) * 7
    week: list[tuple[tuple[int, int], ...]] = [()] * 7
    for rule in text.split(";"):
        named, _, hours = rule.strip().partition(" ")
        days, spans = _days(named), _spans(hours.strip())
        if days is None or spans is None:
            return None
        for day in days:
            week[day] = spans  # as in OpenStreetMap, a later rule replaces an earlier one
    return tuple(week)


def _days(text: str) -> list[int] | None:
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            return None
        start = DAYS.index(first)
        days += [(start + step) % 7 for step in range((DAYS.index(last or first) - start) % 7 + 1)]
    return days


def _spans(text: str) -> tuple[tuple[int, int], ...] | None:
    spans = []
    for part in text.split(","):
        found = _SPAN.fullmatch(part.strip())
        if not found:
            return None
        start, end = (int(time[:2]) * 60 + int(time[3:]) for time in found.groups())
        if start >= _MIDNIGHT or end > _MIDNIGHT or start == end:
            return None
        spans.append((start, end if end > start else end + _MIDNIGHT))
    return tuple(spans)
