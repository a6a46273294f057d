"""Which days and months are over, so that their figures are due."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from subsidy.periods import Period, months_between


def closed_days(first: datetime, now: datetime, zone: ZoneInfo) -> list[date]:
    """Policy days from that of `first` to the last one that has ended at `now`."""
    day, today = first.astimezone(zone).date(), now.astimezone(zone).date()
    return [day + timedelta(days=nth) for nth in range((today - day).days)]


def closed_months(first: datetime, now: datetime, zone: ZoneInfo, delay_days: int) -> list[Period]:
    """Calendar months from that of `first` on that ended at least `delay_days` whole policy days before `now`."""
    today = now.astimezone(zone).date()
    return months_between(first.astimezone(zone).date(), today - timedelta(days=delay_days))


def running_windows(now: datetime, zone: ZoneInfo) -> dict[str, tuple[date, date]]:
    """The windows that the gauges show, by name, as policy days [first, last): closed days only.

    `running_month` is empty on the first day of a month.
    """
    today = now.astimezone(zone).date()
    first = today.replace(day=1)
    return {
        "running_month": (first, today),
        "last_month": ((first - timedelta(days=1)).replace(day=1), first),
        "last_30_days": (today - timedelta(days=30), today),
    }
