"""Days as the city's policy counts them, for whoever makes messages up."""

from datetime import date
from zoneinfo import ZoneInfo

from chargewatch.instants import US_PER_S, day_of_us, day_start_us

ZONE = ZoneInfo("Asia/Shanghai")
MINUTE_US = 60 * US_PER_S
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

URBAN_DISTRICTS = ("lucheng", "longwan", "ouhai", "dongtou", "marine_zone", "economic_zone")


def day_of(us: int) -> date:
    """Policy day of an instant (µs since 1970)."""
    return day_of_us(us, ZONE)


def start_of(day: date) -> int:
    """First instant of a policy day (µs since 1970)."""
    return day_start_us(day, ZONE)
