"""Times as people write them on the command line."""

from datetime import datetime
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
    return found
