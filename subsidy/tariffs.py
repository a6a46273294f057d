"""Published prices by station, day and time of day (137-八), and the dearest that any part of a charge could cost."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from subsidy.versions import Row

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Yuan per kilowatt-hour."""

    electricity: Decimal
    service: Decimal


class Tariff:
    """What a station published from one day on: prices by time of day."""

    def __init__(self, valid_from: date, rows: Iterable[Row]) -> None:
        self.valid_from = valid_from
        bands = []
        for row in rows:
            start, end = _of_day(row["start_time"]), _of_day(row["end_time"])
            prices = Prices(row["electricity_price"], row["service_price"])
            if start < end:
                bands.append((start, end, prices))
            else:  # past midnight; of equal times the whole day
                bands += [(start, _DAY_US, prices), (0, end, prices)]
        self._bands = sorted((band for band in bands if band[0] < band[1]), key=lambda band: band[:2])
        self._edges = sorted({edge for band in bands for edge in band[:2]})
        self._known: dict[tuple[int, int, int], Prices | None] = {}

    def dearest(self, start: datetime, end: datetime) -> Prices | None:
        """The highest price of each kind from `start` to `end`, both local; None if a part has no price."""
        first = _clock_us(start)
        last = max(_clock_us(end) + (end.toordinal() - start.toordinal()) * _DAY_US, first + 1)
        if last - first >= _DAY_US:
            first, last = 0, _DAY_US
        # Which bands are met depends only on the edges that the two lie between.
        beyond = last - _DAY_US
        key = (bisect_right(self._edges, first), bisect_left(self._edges, min(last, _DAY_US)), -1)
        if beyond > 0:
            key = (key[0], key[1], bisect_left(self._edges, beyond))
        if key not in self._known:
            found = self._within(first, min(last, _DAY_US))
            if beyond > 0:
                found += self._within(0, beyond)
            told = [one for one in found if one is not None]
            whole = len(told) == len(found)
            highest = Prices(max(one.electricity for one in told), max(one.service for one in told)) if whole else None
            self._known[key] = highest
        return self._known[key]

    def _within(self, first: int, last: int) -> list[Prices | None]:
        """Prices of the bands that meet the time of day from first to last; None for a gap."""
        found: list[Prices | None] = []
        reached = first
        for start, end, prices in self._bands:
            if end > first and start < last:
                if start > reached:
                    found.append(None)
                found.append(prices)
                reached = max(reached, end)
        if reached < last:
            found.append(None)
        return found


class Tariffs:
    """All published prices, by station and the days from which they held."""

    def __init__(self, rows: Iterable[Row]) -> None:
        by_day: dict[tuple[str, str], dict[date, list[Row]]] = {}
        for row in rows:
            station = by_day.setdefault((row["operator_id"], row["station_id"]), {})
            station.setdefault(row["valid_from"] or date.min, []).append(row)
        self._tariffs: Mapping[tuple[str, str], list[Tariff]] = {
            station: [Tariff(day, published) for day, published in sorted(days.items())]
            for station, days in by_day.items()
        }
        self.operators = sorted({operator_id for operator_id, _ in by_day})

    def on(self, day: date, operator_id: str, station_id: str) -> Tariff | None:
        """What a station's published prices were on a day; None if it had published none yet."""
        found = None
        for tariff in self._tariffs.get((operator_id, station_id), ()):
            if tariff.valid_from <= day:
                found = tariff
        return found


def _clock_us(moment: datetime) -> int:
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond


def _of_day(clock: str) -> int:
    """Microseconds of the day of a time such as 08:00, up to 24:00."""
    hours, minutes = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000_000
