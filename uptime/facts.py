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
        sessions=sessions(connection, as_of, connectors, until),
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
    *("boot_id", "seq", "place", "message_id"),
]


def sessions(
    connection: psycopg.Connection,
    as_of: datetime,
    connectors: Ints | None = None,
    until: datetime | None = None,
    since: datetime | None = None,
) -> pd.DataFrame:
    """Every version of every session recorded by `as_of`; of equal versions the one received first.

    Columns of uptime.sessions, and boot_id, seq, place, message_id. Only those at some of `connectors`, that started
    before `until`, or that were recorded after `since`, where these are given.
    """
    numbers = None if connectors is None else [int(one) for one in connectors]
    query = f"""COPY (
        SELECT DISTINCT ON (operator_id, session_id, revision, content_sha256)
          operator_id, session_id, revision, encode(content_sha256, 'hex'), {_us("received_at")}, {_us("started_at")},
          {_us("at")}, array_to_string(connector_nos, ' '), energy_kwh, meter_start_kwh, meter_end_kwh, void::int,
          boot_id, seq, place, message_id
        FROM session_fact
        WHERE recorded_at <= %(as_of)s AND (%(since)s::timestamptz IS NULL OR recorded_at > %(since)s)
          AND (%(numbers)s::int[] IS NULL OR connector_nos && %(numbers)s::int[])
          AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s)
        ORDER BY operator_id, session_id, revision, content_sha256, received_at, boot_id COLLATE "C", seq, place
    ) TO STDOUT (FORMAT csv)"""
    asked = {"as_of": as_of, "numbers": numbers, "until": until, "since": since}
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
    for name in ("energy_kwh", "meter_start_kwh", "meter_end_kwh"):
        table[name] = pd.Series([Decimal(cell) if cell else None for cell in table[name]], dtype=object)
    places = {cell: tuple(map(int, cell.split())) for cell in table["connector_nos"].unique()}
    table["connector_nos"] = pd.Series([places[cell] for cell in table["connector_nos"]], dtype=object)
    table["void"] = table["void"].astype(bool)
    # the database's own order of text depends on its language
    return table.sort_values(
        ["operator_id", "session_id", "revision", "content_sha256"], kind="stable", ignore_index=True
    )


def _us(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"
