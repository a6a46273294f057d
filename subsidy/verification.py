"""Meters whose verification (检定) does not cover the days on which they counted energy (137-十)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from subsidy.amounts import ZERO
from subsidy.place import EPOCH
from subsidy.versions import Row


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of days (both included) on which a meter stood at a connector unverified; None: without end."""

    operator_id: str
    connector_id: str
    meter_no: str
    why: str
    first_day: date
    last_day: date | None


@dataclass(frozen=True, slots=True)
class Touched:
    """What a gap touches: orders that were not taken back, their energy, and the part of it that is admitted, kWh."""

    gap: Gap
    orders: int
    energy_kwh: Decimal
    admitted_kwh: Decimal


def gaps(meters: Iterable[Row]) -> list[Gap]:
    """By meter the days before its verification and after it, while it is installed.

    A meter without any date of verification says nothing, and is no gap.
    """
    found = []
    for meter in meters:
        names = (meter["operator_id"], meter["connector_id"], meter["meter_no"])
        since, verified = meter["installed_on"] or date.min, meter["verified_from"]
        removed, until = meter["removed_on"], meter["verified_until"]
        last = removed - timedelta(days=1) if removed else None
        if verified is not None and since < verified:
            end = verified - timedelta(days=1)
            found.append(Gap(*names, "not_yet_verified", since, min(end, last) if last else end))
        if until is not None and until < date.max:
            start = max(until + timedelta(days=1), since)
            found.append(Gap(*names, "expired", start, last))
    return sorted(
        (gap for gap in found if gap.last_day is None or gap.first_day <= gap.last_day),
        key=lambda gap: (gap.operator_id, gap.connector_id, gap.meter_no, gap.first_day),
    )


def touched(found: Iterable[Gap], place: pd.DataFrame, decided: pd.DataFrame, void: pd.Series) -> list[Touched]:
    """What each gap touches. `place`, `decided` and `void` as of subsidy.entitlement, by position of the sessions."""
    by_connector = place.groupby(["operator_id", "connector_id"])["row"]
    rows_of = {key: rows.to_numpy() for key, rows in by_connector}
    day, energy = decided["day"].to_numpy(), decided["energy_kwh"].to_numpy()
    admitted, taken_back = (decided["disposition"] == "admitted").to_numpy(), void.to_numpy(dtype=bool)
    result = []
    for gap in found:
        first = (max(gap.first_day, EPOCH) - EPOCH).days
        last = (gap.last_day - EPOCH).days if gap.last_day else None
        at = [
            row
            for row in rows_of.get((gap.operator_id, gap.connector_id), ())
            if first <= day[row] and (last is None or day[row] <= last) and not taken_back[row]
        ]
        whole = sum((energy[row] for row in at), ZERO)
        result.append(Touched(gap, len(at), whole, sum((energy[row] for row in at if admitted[row]), ZERO)))
    return result
