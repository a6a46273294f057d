"""Loading: sessions and first signs as tables that subsidies are computed from, as known at `as_of`."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import psycopg

from chargewatch.instants import day_start_us, from_us, iso
from registry.contents import Registry
from registry.placement import placements
from subsidy.policy import Policy
from uptime.facts import sessions

EARLIEST = date(2010, 1, 1)
"""No fact is older: the collector refuses it as implausible (contract 1)."""


@dataclass(frozen=True)
class Facts:
    """What the store knows.

    `sessions`: every version, columns of uptime.facts.sessions.
    `first_items`: operator_id, connector_id, charger_id, at_us of the first status or meter item at that charger.
    `first_receipts`: operator_id, station_id, received_us of the first item received from the station.
    """

    sessions: pd.DataFrame
    first_items: pd.DataFrame
    first_receipts: pd.DataFrame


def load(connection: psycopg.Connection, registry: Registry, policy: Policy, end_day: date, as_of: datetime) -> Facts:
    """All sessions recorded by `as_of`, and first signs before `end_day`."""
    runs = placements(registry, policy.zone, EARLIEST, end_day)
    first_items, first_receipts = _firsts(connection, runs, as_of)
    return Facts(sessions(connection, as_of), first_items, first_receipts)


def _firsts(connection: psycopg.Connection, runs: pd.DataFrame, as_of: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    asked = {
        "numbers": [int(one) for one in runs["connector_no"]],
        "froms": [from_us(one) for one in runs["from_us"]],
        "tos": [from_us(one) for one in runs["to_us"]],
        "as_of": as_of,
    }
    rows = connection.execute(_FIRSTS.encode(), asked).fetchall() if len(runs) else []
    found = pd.DataFrame(rows, columns=["nth", "at_us", "received_us"]).set_index("nth")
    runs = runs.reset_index(drop=True).assign(
        at_us=found["at_us"].reindex(np.arange(1, len(runs) + 1)).to_numpy(),
        received_us=found["received_us"].reindex(np.arange(1, len(runs) + 1)).to_numpy(),
    )
    items = runs.dropna(subset="at_us").groupby(["operator_id", "connector_id", "charger_id"])["at_us"].min()
    receipts = runs.dropna(subset="received_us").groupby(["operator_id", "station_id"])["received_us"].min()
    return items.astype("int64").reset_index(), receipts.astype("int64").reset_index()


def _us(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


def _first(table: str) -> str:
    return (
        f"LEFT JOIN LATERAL (SELECT at, received_at FROM {table}_fact WHERE connector_no = number AND at >= since"
        f" AND at < until AND recorded_at <= %(as_of)s ORDER BY at LIMIT 1) AS {table} ON true"
    )


def _first_receipt(table: str) -> str:
    return (
        f"(SELECT min(received_at) FROM {table}_fact WHERE connector_no = number AND at >= since"
        " AND at < until AND at <= early + interval '1 hour' AND recorded_at <= %(as_of)s)"
    )


# The first receipt need not be of the earliest item. But nothing is received more than 5 minutes before its `at`
# (contract 1, clock_future), so whatever was received before the earliest item has an `at` soon after that receipt:
# an hour is more than enough, and the rest of the year need not be read.
_FIRSTS = f"""
    WITH asked AS (
      SELECT * FROM unnest(%(numbers)s::int[], %(froms)s::timestamptz[], %(tos)s::timestamptz[])
        WITH ORDINALITY AS asked(number, since, until, nth)
    ), of_sessions AS (
      SELECT nth, min(received_at) AS received_at
      FROM session_fact CROSS JOIN unnest(connector_nos) AS session(connector_no)
      JOIN asked ON number = session.connector_no AND at >= since AND at < until
      WHERE recorded_at <= %(as_of)s GROUP BY nth
    ), firsts AS (
      SELECT nth, number, since, until, status.at AS status_at, meter.at AS meter_at,
        least(status.received_at, meter.received_at, heartbeat.received_at, of_sessions.received_at) AS early
      FROM asked {_first("status")} {_first("meter")} {_first("heartbeat")} LEFT JOIN of_sessions USING (nth)
    )
    SELECT nth, {_us("least(status_at, meter_at)")},
      {_us(f"least(early, {_first_receipt('status')}, {_first_receipt('meter')}, {_first_receipt('heartbeat')})")}
    FROM firsts
"""


_EVIDENCE = ["what", "at", "topic", "boot_id", "seq", "place", "received_at", "sha256"]


def of_message(
    connection: psycopg.Connection, message_id: int, received_at: datetime, what: str, place: int
) -> list[dict[str, Any]]:
    """The message that an item came in, at its place in the list."""
    rows = connection.execute(
        "SELECT %s, NULL::timestamptz, topic, boot_id, seq, %s::int, received_at, encode(sha256, 'hex') FROM message"
        " WHERE message_id = %s AND received_at = %s",
        [what, place, message_id, received_at],
    ).fetchall()
    return [_shown(row) for row in rows]


def first_item(
    connection: psycopg.Connection, operator_id: str, connector_id: str, day: date, zone: ZoneInfo, as_of: datetime
) -> list[dict[str, Any]]:
    """The message of the first status or meter item of a connector on a policy day."""
    rows = connection.execute(
        _FIRST_ITEM.encode(),
        {
            "operator": operator_id,
            "connector": connector_id,
            "since": from_us(day_start_us(day, zone)),
            "until": from_us(day_start_us(day + timedelta(days=1), zone)),
            "as_of": as_of,
        },
    ).fetchall()
    return [_shown(row) for row in rows]


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    named = dict(zip(_EVIDENCE, row, strict=True))
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in named.items()}


def _item(kind: str, said: str) -> str:
    return f"""
      (SELECT '{kind} ' || {said} AS what, at, fact.boot_id, fact.seq, place, fact.received_at, message_id
       FROM {kind}_fact AS fact JOIN connector_keys USING (connector_no)
       WHERE operator_id = %(operator)s AND connector_id = %(connector)s AND at >= %(since)s AND at < %(until)s
         AND fact.recorded_at <= %(as_of)s
       ORDER BY at, fact.received_at, fact.boot_id, fact.seq, place LIMIT 1)"""


_FIRST_ITEM = f"""
    SELECT what, at, topic, item.boot_id, item.seq, place, item.received_at, encode(sha256, 'hex')
    FROM ({_item("status", "status")} UNION ALL {_item("meter", "energy_kwh || ' kWh'")}) AS item
    JOIN message ON message.message_id = item.message_id AND message.received_at = item.received_at
    ORDER BY at, item.received_at, item.boot_id COLLATE "C", item.seq, place LIMIT 1
"""
