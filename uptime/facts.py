"""Loading: facts from the store as the tables that availability is computed from, as known at `as_of`."""

from collections.abc import Iterator
from datetime import datetime

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
    statuses = bulk.read(
        dsn,
        f"SELECT connector_no::bigint AS connector, {_us('at')} AS at_us, status, boot_id, seq, place::bigint AS place,"
        f" {_us('received_at')} AS received_us FROM status_fact WHERE {before}",
    )
    code = pd.Series(np.arange(len(STATUSES)), index=list(STATUSES))
    statuses["status"] = code.reindex(statuses["status"]).to_numpy(dtype=np.int64)
    signs = "SELECT connector_no::bigint AS connector, {} AS at_us, {} AS received_us FROM {} WHERE {}"
    meters = bulk.read(dsn, signs.format(_us("at"), _us("received_at"), "meter_fact", before))
    heartbeats = bulk.read(dsn, signs.format(_us("at"), _us("received_at"), "heartbeat_fact", before))
    agreed = reporting[np.isin(reporting["connector_no"], connectors)]
    return Facts(
        connectors=connectors,
        statuses=pd.DataFrame(statuses),
        meters=pd.DataFrame(meters),
        heartbeats=pd.DataFrame(heartbeats),
        sessions=sessions(connection, connectors, until, as_of),
        reporting=pd.DataFrame(
            {
                "connector": agreed["connector_no"].to_numpy(dtype=np.int64),
                "from_us": agreed["from_us"].to_numpy(dtype=np.int64),
                "interval_us": agreed["interval_us"].to_numpy(dtype=np.int64),
            }
        ),
    )


SESSION_COLUMNS = [
    *("operator_id", "session_id", "revision", "content_sha256", "received_us", "started_us", "ended_us"),
    *("connector_nos", "energy_kwh", "meter_start_kwh", "meter_end_kwh", "void"),
]


def sessions(connection: psycopg.Connection, connectors: Ints, until: datetime, as_of: datetime) -> pd.DataFrame:
    """Every version of the sessions at some connectors that started before `until`, columns as in uptime.sessions.

    Of equal versions the one received first.
    """
    query = f"""
        SELECT DISTINCT ON (operator_id COLLATE "C", session_id COLLATE "C", revision, content_sha256)
          operator_id, session_id, revision, encode(content_sha256, 'hex'), {_us("received_at")}, {_us("started_at")},
          {_us("at")}, connector_nos, energy_kwh, meter_start_kwh, meter_end_kwh, void
        FROM session_fact WHERE connector_nos && %s::int[] AND recorded_at <= %s AND started_at < %s
        ORDER BY operator_id COLLATE "C", session_id COLLATE "C", revision, content_sha256, received_at,
          boot_id COLLATE "C", seq, place"""
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(query.encode(), [[int(one) for one in connectors], as_of, until]).fetchall()
    table = pd.DataFrame(rows, columns=SESSION_COLUMNS, dtype=object)
    table["connector_nos"] = [tuple(numbers) for numbers in table["connector_nos"]]
    whole = ["revision", "received_us", "started_us", "ended_us"]
    return table.astype({**dict.fromkeys(whole, np.int64), "void": np.bool_})


def _us(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"
