"""What a city, a province and the country need, out of what one core was measured to do and of assumed prices."""

from dataclasses import dataclass

DAYS = 30
_GB, _H = 1e9, 3600.0

CORE_HOUR_YUAN = 0.30
"""Assumed: a rented virtual core with 4 GB of memory, by the hour."""
DISK_GB_MONTH_YUAN = 1.00
"""Assumed: replicated solid-state disk for the database, a GB and month."""
OBJECT_GB_MONTH_YUAN = 0.12
"""Assumed: object storage for the archive, a GB and month."""
HOT_DAYS = 35
"""Assumed: how long facts stay in the database before they are only in the archive."""
HEADROOM = 3
"""Assumed: the busiest minute of a day has so many times the mean, and servers are bought for it."""

PLACES = {"Wenzhou, 30,000": 30_000, "a province, 300,000": 300_000, "the country, 5 million": 5_000_000}


@dataclass(frozen=True)
class Measured:
    """Facts a second of one core's CPU (the database's with its client's), and MB a million facts."""

    collect: float
    write: float
    verify: float
    compare: float
    rebuild: float
    store_mb: float
    archive_mb: float
    per_day: int
    """Facts of a connector and day."""


def lines(measured: Measured) -> list[str]:
    """A table, a column a place."""
    return [
        f"{'':<58}" + "".join(f"{name:>24}" for name in PLACES),
        *(
            f"{what:<58}" + "".join(f"{_told(of(measured, n)):>24}" for n in PLACES.values())
            for what, of in _ROWS.items()
        ),
    ]


def _told(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 1 else f"{value:.3f}"


def _facts(measured: Measured, connectors: int) -> float:
    return float(connectors * measured.per_day)


def _cores_all_day(measured: Measured, connectors: int) -> float:
    return _facts(measured, connectors) * HEADROOM / 86_400 / measured.collect


def _hours_a_day(measured: Measured, connectors: int) -> float:
    return _facts(measured, connectors) * (1 / measured.write + 1 / measured.verify + 1 / measured.compare) / _H


def _hours_of_a_month(measured: Measured, connectors: int) -> float:
    return _facts(measured, connectors) * DAYS / measured.rebuild / _H


def _hot_gb(measured: Measured, connectors: int) -> float:
    return _facts(measured, connectors) * HOT_DAYS / 1e6 * measured.store_mb * 1e6 / _GB


def _archive_gb_a_year(measured: Measured, connectors: int) -> float:
    return _facts(measured, connectors) * 365 / 1e6 * measured.archive_mb * 1e6 / _GB


def _yuan_a_month(measured: Measured, connectors: int) -> float:
    cores = _cores_all_day(measured, connectors) * 24 * DAYS + _hours_a_day(measured, connectors) * DAYS
    cores += _hours_of_a_month(measured, connectors)
    disks = _hot_gb(measured, connectors) * DISK_GB_MONTH_YUAN
    return cores * CORE_HOUR_YUAN + disks + 5 * _archive_gb_a_year(measured, connectors) * OBJECT_GB_MONTH_YUAN


_ROWS = {
    "facts a day, millions": lambda m, n: _facts(m, n) / 1e6,
    f"cores to take them in, at {HEADROOM} times the mean": _cores_all_day,
    "core-hours a day to write, verify and compare the archive": _hours_a_day,
    "core-hours to rebuild a month": _hours_of_a_month,
    "the same on 64 cores, minutes, if it divides": lambda m, n: _hours_of_a_month(m, n) * 60 / 64,
    f"database of {HOT_DAYS} days, GB": _hot_gb,
    "archive of a year, GB": _archive_gb_a_year,
    "yuan a month, with five years of archive": _yuan_a_month,
    "yuan a connector and year": lambda m, n: _yuan_a_month(m, n) * 12 / n,
}
