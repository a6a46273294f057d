"""Loading: facts from the store as the tables that availability is computed from, as known at `as_of`."""

import io
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from chargewatch import bulk
from chargewatch.instants import iso
from uptime.evidence import Facts, Ints
from uptime.states import STATUSES

PART = 2_000
"""Connectors that are computed at a time: bounds memory, whatever the size of the city."""


def parts(connectors: Ints) -> Iterator[Ints]:
    """The connectors, ascending, in parts of at most PART."""
    ordered = np.unique(connectors)
    for start in range(0, len(ordered), PART):
        yield ordered[start : start + PART]


def load(
    connection: psycopg.Connection,
    dsn: str,
    connectors: Ints,
    reporting: pd.DataFrame,
    until: datetime,
    as_of: datetime,
) -> Facts:
    """All facts about some connectors with `at` before `until` (sessions: start), recorded at or before `as_of`.

    `reporting`: connector_no, from_us, interval_us.
    """
    limits = f"connector_no = ANY('{{{','.join(map(str, connectors))}}}') AND recorded_at <= '{iso(as_of)}'"
    before = f"{limits} AND at < '{iso(until)}'"
    return gathered(
        connectors,
        bulk.read(dsn, f"{STATUS} WHERE {before}"),
        bulk.read(dsn, f"{SIGN.format('meter_fact')} WHERE {before}"),
        bulk.read(dsn, f"{SIGN.format('heartbeat_fact')} WHERE {before}"),
        sessions(connection, as_of, connectors, until),
        reporting,
    )


STATUS = (
    "SELECT connector_no::bigint AS connector, at AS at_us, status, boot_id, seq, place::bigint AS place,"
    " received_at AS received_us FROM status_fact"
)
SIGN = "SELECT connector_no::bigint AS connector, at AS at_us, received_at AS received_us FROM {}"


def gathered(
    connectors: Ints,
    statuses: bulk.Columns,
    meters: bulk.Columns,
    heartbeats: bulk.Columns,
    orders: pd.DataFrame,
    reporting: pd.DataFrame,
) -> Facts:
    """Columns as the store gives them (STATUS, SIGN, sessions) as facts about some connectors."""
    code = pd.Series(np.arange(len(STATUSES)), index=list(STATUSES))
    agreed = reporting[np.isin(reporting["connector_no"], connectors)]
    return Facts(
        connectors=connectors,
        statuses=pd.DataFrame({**statuses, "status": code.reindex(statuses["status"]).to_numpy(dtype=np.int64)}),
        meters=pd.DataFrame(meters),
        heartbeats=pd.DataFrame(heartbeats),
        sessions=orders,
        reporting=pd.DataFrame(
            {
                "connector": agreed["connector_no"].to_numpy(dtype=np.int64),
                "from_us": agreed["from_us"].to_numpy(dtype=np.int64),
                "interval_us": agreed["interval_us"].to_numpy(dtype=np.int64),
            }
        ),
    )


def _us(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


SESSION_COLUMNS = [
    *("operator_id", "session_id", "revision", "content_sha256", "received_us", "started_us", "ended_us"),
    *("connector_nos", "energy_kwh", "meter_start_kwh", "meter_end_kwh", "void"),
    *("boot_id", "seq", "place", "message_id"),
]


def sessions(
    connection: psycopg.Connection,
    as_of: datetime,
    connectors: Ints | None = None,
    until: datetime | None = None,
    since: datetime | None = None,
    ended_from: datetime | None = None,
) -> pd.DataFrame:
    """Every version of every session recorded by `as_of`; of equal versions the one received first.

    Columns of uptime.sessions, and boot_id, seq, place, message_id. Only those at some of `connectors`, that started
    before `until`, that were recorded after `since`, or (with all versions of their ids) that ended at or after
    `ended_from`, where these are given.
    """
    numbers = None if connectors is None else [int(one) for one in connectors]
    query = f"""COPY (
        SELECT {_ORDER}
        FROM session_fact
        WHERE recorded_at <= %(as_of)s AND (%(since)s::timestamptz IS NULL OR recorded_at > %(since)s)
          AND (%(numbers)s::int[] IS NULL OR connector_nos && %(numbers)s::int[])
          AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s){_LATER if ended_from else ""}
        ORDER BY {_FIRST}
    ) TO STDOUT (FORMAT csv)"""
    asked = {"as_of": as_of, "numbers": numbers, "until": until, "since": since, "ended_from": ended_from}
    text = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(query.encode(), asked) as copy:
        for block in copy:
            text.write(block)
    text.seek(0)
    whole = ["revision", "received_us", "started_us", "ended_us", "seq", "place", "message_id"]
    kinds: dict[str, Any] = {**dict.fromkeys(SESSION_COLUMNS, "object"), **dict.fromkeys([*whole, "void"], np.int64)}
    table = pd.read_csv(
        text, header=None, names=SESSION_COLUMNS, dtype=kinds, keep_default_na=False, na_values=[], engine="c"
    )
    return _typed(table)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Orders as the database writes them, in their types and order."""
    for name in ("energy_kwh", "meter_start_kwh", "meter_end_kwh"):
        table[name] = pd.Series([Decimal(cell) if cell else None for cell in table[name]], dtype=object)
    places = {cell: tuple(map(int, cell.split())) for cell in table["connector_nos"].unique()}
    table["connector_nos"] = pd.Series([places[cell] for cell in table["connector_nos"]], dtype=object)
    table["void"] = table["void"].astype(bool)
    # the database's own order of text depends on its language
    return table.sort_values(
        ["operator_id", "session_id", "revision", "content_sha256"], kind="stable", ignore_index=True
    )


def order_stream(since: datetime, until: datetime, as_of: datetime) -> str:
    """A query for bulk.stream: what `sessions` gives of that time, a row a connector of each order, by connector."""
    limits = f"recorded_at <= '{iso(as_of)}' AND started_at < '{iso(until)}'"
    return f"""
        SELECT connector::bigint AS connector, o.* FROM (
          SELECT {_ORDER} FROM session_fact
          WHERE {limits} AND (operator_id, session_id) IN (
            SELECT operator_id, session_id FROM session_fact WHERE at >= '{iso(since)}' AND {limits})
          ORDER BY {_FIRST}) AS o
        CROSS JOIN LATERAL unnest(string_to_array(connector_nos, ' ')::int[]) AS connector
        ORDER BY connector"""


def orders_of(columns: bulk.Columns) -> pd.DataFrame:
    """The rows of `order_stream`, each order once, as `sessions` gives them."""
    table = pd.DataFrame(columns).drop(columns="connector")
    return _typed(table.drop_duplicates(["operator_id", "session_id", "revision", "content_sha256"], ignore_index=True))


_ORDER = f"""DISTINCT ON (operator_id, session_id, revision, content_sha256)
          operator_id, session_id, revision::bigint AS revision, encode(content_sha256, 'hex') AS content_sha256,
          {_us("received_at")} AS received_us, {_us("started_at")} AS started_us, {_us("at")} AS ended_us,
          array_to_string(connector_nos, ' ') AS connector_nos, energy_kwh::text AS energy_kwh,
          meter_start_kwh::text AS meter_start_kwh, meter_end_kwh::text AS meter_end_kwh, void::int AS void,
          boot_id, seq, place::bigint AS place, message_id"""
_FIRST = """operator_id, session_id, revision, content_sha256, received_at, boot_id COLLATE "C", seq, place"""
_LATER = """
          AND (operator_id, session_id) IN (
            SELECT operator_id, session_id FROM session_fact WHERE at >= %(ended_from)s AND recorded_at <= %(as_of)s
              AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s))"""
