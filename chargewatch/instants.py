"""Instants and durations as whole microseconds (semantics 1)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

US_PER_S = 1_000_000
US_PER_MIN = 60 * US_PER_S
US_PER_H = 60 * US_PER_MIN
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z of an aware datetime, exactly; a naive one raises ValueError."""
    if moment.tzinfo is None:
        raise ValueError("a time without an offset has no place here")
    return (moment - EPOCH) // _US


def from_us(us: int) -> datetime:
    """Aware UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=int(us))


def day_start_us(day: date, zone: ZoneInfo) -> int:
    """First instant of a policy day in its time zone (µs); days of 23 and 25 hours come out right."""
    return to_us(datetime.combine(day, time(), tzinfo=zone))


def day_of_us(us: int, zone: ZoneInfo) -> date:
    """Policy day that an instant (µs) belongs to."""
    return from_us(us).astimezone(zone).date()


def seconds(us: int) -> str:
    """Seconds with six decimals, exact: 1_500_000 → '1.500000'."""
    sign, us = ("-", -us) if us < 0 else ("", us)
    return f"{sign}{us // US_PER_S}.{us % US_PER_S:06d}"


def iso(moment: datetime | int) -> str:
    """RFC 3339 in UTC with Z; µs are shown only where they are not zero."""
    if not isinstance(moment, datetime):
        moment = from_us(moment)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """Aware UTC datetime of an RFC 3339 text; ValueError if it is none or has no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.astimezone(UTC)
