"""Loading: what orders state of money and of the vehicle, by position of the sessions that count."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
import numpy as np
import pandas as pd
import psycopg

from chargewatch.instants import from_us
from subsidy.dispositions import ADMITTED
from subsidy.entitlement import Entitlement
from subsidy.findings.found import Ints
from subsidy.prices import Bill, Order

BATCH = 50_000


def bills(
    connection: psycopg.Connection, sessions: pd.DataFrame, rows: Ints, as_of: datetime
) -> Iterator[tuple[int, Bill, str | None]]:
    """Each of these orders' bill and the operator's pseudonym for its vehicle, in the order of `rows`."""
    read = msgspec.json.Decoder(Bill).decode
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        messages = sessions["message_id"].to_numpy()[part]
        places = sessions["place"].to_numpy()[part]
        ids = sessions["session_id"].to_numpy()[part]
        asked = {
            "rows": [int(one) for one in part],
            "messages": [int(one) for one in messages],
            "places": [int(one) for one in places],
            "ids": [str(one) for one in ids],
            "ends": [from_us(int(one)) for one in sessions["ended_us"].to_numpy()[part]],
            "as_of": as_of,
        }
        found = connection.execute(_BILLS.encode(), asked).fetchall()
        for row, body, vehicle in found:
            yield int(row), read(body), vehicle


# The end of an order is its place in time, so that only the partitions that hold these are read.
_BILLS = """
    SELECT asked.row, body::text, vehicle
    FROM unnest(%(rows)s::bigint[], %(messages)s::bigint[], %(places)s::int[], %(ids)s::text[], %(ends)s::timestamptz[])
      AS asked(row, message_id, place, session_id, at)
    JOIN session_fact AS fact USING (message_id, place, session_id, at)
    WHERE fact.recorded_at <= %(as_of)s
    ORDER BY asked.row, fact.copy
"""


def orders(
    connection: psycopg.Connection, due: Entitlement, rows: Ints, as_of: datetime
) -> Iterator[tuple[Order, str | None]]:
    """These orders as prices look at them, with the pseudonym of the vehicle."""
    told = due.sessions
    operator, station = due.dispositions["operator_id"].to_numpy(), due.dispositions["station_id"].to_numpy()
    started, ended = told["started_us"].to_numpy(), told["ended_us"].to_numpy()
    energy = told["energy_kwh"].to_numpy()
    for row, bill, vehicle in bills(connection, told, rows, as_of):
        yield (
            Order(row, operator[row], station[row], from_us(started[row]), from_us(ended[row]), energy[row], bill),
            vehicle,
        )


def live(due: Entitlement, first_day: int, end_day: int, operators: Sequence[str]) -> Ints:
    """Positions of the orders of some operators on policy days (since 1970) that were not taken back."""
    day = due.dispositions["day"].to_numpy()
    mine = due.dispositions["operator_id"].isin(list(operators)).to_numpy()
    return np.flatnonzero((day >= first_day) & (day < end_day) & mine & ~due.sessions["void"].to_numpy(dtype=np.bool_))


def admitted(due: Entitlement, row: int) -> str:
    """The energy of an order that earns a subsidy, kWh, or 0."""
    decided = due.dispositions
    return str(decided["energy_kwh"].iloc[row]) if decided["disposition"].iloc[row] == ADMITTED else "0"
