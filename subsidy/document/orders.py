"""One row an order: who, where, when, what the meter said, what was charged, what was admitted, and why not more."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_S, from_us
from subsidy.amounts import ZERO
from subsidy.dispositions import ADMITTED
from subsidy.document import wording
from subsidy.entitlement import Entitlement
from subsidy.findings.found import Ints
from subsidy.periods import Period
from subsidy.prices import Bill
from subsidy.wording import in_period

COLUMNS = (
    "operator_id", "session_id", "station_id", "charger_id", "connector_id", "rated_kw", "start", "end", "duration_s",
    "meter_start_kwh", "meter_end_kwh", "energy_kwh", "admitted_kwh", "electricity_fee", "service_fee", "total_fee",
    "disposition", "reasons", "notes",
)  # fmt: skip


def positions(due: Entitlement, period: Period, operator_id: str) -> Ints:
    """The operator's orders of the period by position; the store gives them in the order of their numbers."""
    return np.flatnonzero(in_period(due.dispositions, period, operator_id).to_numpy())


def rows(due: Entitlement, at: Ints, bills: Iterable[tuple[int, Bill]]) -> Iterator[tuple[Any, ...]]:
    """The header, then the orders at these positions; `bills` by position, ascending, some may be missing."""
    yield COLUMNS
    zone, sessions, decided = due.policy.zone, due.sessions, due.dispositions
    where = _places(due, at)
    said: dict[tuple[str, ...], str] = {}

    def words(codes: tuple[str, ...]) -> str:
        if codes not in said:
            said[codes] = wording.reasons(codes, due.policy)
        return said[codes]

    told = {
        name: sessions[name].to_numpy()
        for name in ("operator_id", "session_id", "started_us", "ended_us", "meter_start_kwh", "meter_end_kwh")
    }
    energy, disposition = decided["energy_kwh"].to_numpy(), decided["disposition"].to_numpy()
    station, reasons, notes = (decided[name].to_numpy() for name in ("station_id", "reasons", "notes"))
    waiting = iter(bills)
    next_row, bill = next(waiting, (-1, Bill()))
    for place, row in enumerate(at):
        while -1 < next_row < row:
            next_row, bill = next(waiting, (-1, Bill()))
        asked = bill if next_row == row else Bill()
        started, ended = int(told["started_us"][row]), int(told["ended_us"][row])
        yield (
            told["operator_id"][row],
            told["session_id"][row],
            station[row],
            where["charger_id"][place],
            where["connector_id"][place],
            where["rated_kw"][place],
            from_us(started).astimezone(zone).isoformat(),
            from_us(ended).astimezone(zone).isoformat(),
            Decimal(ended - started) / US_PER_S,
            told["meter_start_kwh"][row],
            told["meter_end_kwh"][row],
            energy[row],
            energy[row] if disposition[row] == ADMITTED else ZERO,
            asked.electricity_fee,
            asked.service_fee,
            asked.total_fee,
            wording.DISPOSITIONS[disposition[row]],
            words(reasons[row]),
            words(notes[row]),
        )


def _places(due: Entitlement, at: Ints) -> dict[str, Any]:
    """By order its charger, connectors and rated power; of several connectors all of them, and the sum."""
    mine = due.place[due.place["row"].isin(at)].sort_values(["row", "connector_id"], kind="stable")
    several = mine["row"].duplicated(keep=False).to_numpy()
    single = mine[~several].set_index("row")[["charger_id", "connector_id", "rated_kw"]]
    joined = pd.DataFrame(
        [
            (
                row,
                "、".join(dict.fromkeys(one["charger_id"])),
                "、".join(one["connector_id"]),
                sum(one["rated_kw"], ZERO),
            )
            for row, one in mine[several].groupby("row")
        ],
        columns=["row", "charger_id", "connector_id", "rated_kw"],
    ).set_index("row")
    both = pd.concat([single.astype(object), joined.astype(object)]).reindex(at)
    return {name: both[name].to_numpy() for name in both.columns}
