"""Whom a regime binds: which places of the registry, from which day and how long."""

from datetime import date
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pandas as pd

from chargewatch.instants import day_start_us


class Binds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the regime binds.

    A station of one of the `categories`, or one that is open to the public where `open_to_public` says so; there
    connectors of these `kinds` (all, when empty) and at least that rated power, at chargers commissioned on
    `commissioned_from` or later, until `for_years` years after their commissioning.
    """

    level: Literal["connector", "charger", "station", "operator"]
    categories: tuple[Literal["public", "dedicated", "self_use"], ...]
    open_to_public: bool
    reading: Literal["law", "ours"] = "law"
    clause: str = ""
    kinds: tuple[Literal["dc", "ac"], ...] = ()
    least_rated_kw: Decimal | None = None
    commissioned_from: date | None = None
    for_years: int | None = None

    def __post_init__(self) -> None:
        if self.for_years is not None and self.for_years <= 0:
            raise ValueError(f"for_years {self.for_years} is no length of time")
        if self.least_rated_kw is not None and self.least_rated_kw < 0:
            raise ValueError(f"least_rated_kw {self.least_rated_kw} is negative")

    def places(self, places: pd.DataFrame) -> pd.Series:
        """Whether the regime binds each place, as long as it binds it at all."""
        bound = places["category"].isin(self.categories) | (places["open_to_public"] & self.open_to_public)
        if self.kinds:
            bound &= places["kind"].isin(self.kinds)
        if self.least_rated_kw is not None:
            bound &= np.array([kw is not None and kw >= self.least_rated_kw for kw in places["rated_kw"]], dtype=bool)
        if self.commissioned_from is not None:
            since = self.commissioned_from
            bound &= np.array([day is not None and day >= since for day in places["commissioned_on"]], dtype=bool)
        return bound

    def bound(self, places: pd.DataFrame, zone: ZoneInfo) -> pd.DataFrame:
        """The places with column `bound`, cut at the end of `for_years`."""
        places = places.assign(bound=self.places(places))
        if self.for_years is None or places.empty:
            return places
        ends = {
            day: day_start_us(_years_after(day, self.for_years), zone) for day in set(places["commissioned_on"]) if day
        }
        end = np.array([ends.get(day, np.iinfo(np.int64).max) for day in places["commissioned_on"]], dtype=np.int64)
        within = places.assign(to_us=np.minimum(places["to_us"], end))
        after = places.assign(from_us=np.maximum(places["from_us"], end), bound=False)
        both = pd.concat([within, after])
        return both[both["from_us"] < both["to_us"]].sort_index(kind="stable").reset_index(drop=True)


def _years_after(day: date, years: int) -> date:
    """The same day years later; of 29 February the day after 28 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
