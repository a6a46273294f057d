"""Times as people write them on the command line."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from chargewatch.errors import Refusal


def moment(option: str, text: str, zone: ZoneInfo) -> datetime:
    """A policy day's start, or an RFC 3339 time; Refusal, naming the option, where it is neither."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{option} is {text!r}", "a day (YYYY-MM-DD) or an RFC 3339 time with an offset") from None
    if len(text) == len("YYYY-MM-DD"):
        return found.replace(tzinfo=zone)
    if found.tzinfo is None:
        raise Refusal(f"{option} is {text!r}, without an offset", "a time such as 2023-06-01T08:00:00+08:00")
    try:
        found.astimezone(UTC)
    except OverflowError:  # the last hours of the year 9999, west of Greenwich
        raise Refusal(f"{option} is {text!r}", "a time that UTC has, too") from None
    return found


def day(option: str, text: str) -> date:
    """A policy day; Refusal, naming the option, where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{option} is {text!r}", "a day that exists, as YYYY-MM-DD") from None


def period(from_: str, to: str) -> tuple[date, date]:
    """First policy day and the day after the last, out of `--from` and `--to`; Refusal where no day lies between."""
    first_day, last_day = day("--from", from_), day("--to", to)
    if first_day >= last_day:
        raise Refusal(
            f"--from {first_day} is not before --to {last_day}", "a period of at least one day; --to is exclusive"
        )
    return first_day, last_day
