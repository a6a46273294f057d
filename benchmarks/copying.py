"""Bare binary COPY by psycopg of rows that are ready, and tables of the facts' own shape to take them."""

import time
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import psycopg

from benchmarks.city import KINDS
from collector.facts import HEARTBEAT, METER, STATUS

_SERIES = dict(zip(KINDS, (STATUS, METER, HEARTBEAT), strict=True))
Rows = dict[str, list[tuple[Any, ...]]]


def make_tables(connection: psycopg.Connection) -> None:
    """`bare_…` and `usual_…`: columns, keys and indexes of the tables of facts, partitioned by month as they are."""
    months = connection.execute(
        "SELECT date_trunc('month', now()) + n * interval '1 month', date_trunc('month', now()) + (n + 1) *"
        " interval '1 month' FROM generate_series(-1, 0) AS n"
    ).fetchall()
    for whose in ("bare", "usual"):
        for kind, series in _SERIES.items():
            connection.execute(
                f"CREATE TABLE {whose}_{kind} (LIKE {series.table} INCLUDING ALL) PARTITION BY RANGE (at)".encode()
            )
            for number, (first, last) in enumerate(months):
                connection.execute(
                    f"CREATE TABLE {whose}_{kind}_{number} PARTITION OF {whose}_{kind}"
                    f" FOR VALUES FROM ('{first}') TO ('{last}')".encode()
                )


def count(connection: psycopg.Connection, whose: str, boot_id: str) -> int:
    """Rows of one load in those tables."""
    total = 0
    for kind in KINDS:
        row = connection.execute(f"SELECT count(*) FROM {whose}_{kind} WHERE boot_id = %s".encode(), [boot_id])
        total += row.fetchall()[0][0]
    return total


def rows_of(connection: psycopg.Connection, boot_id: str) -> Rows:
    """What the collector stored of a load, by kind, as Python values."""
    rows: Rows = {}
    for kind, series in _SERIES.items():
        names = ", ".join(name for name, _ in series.columns)
        found = connection.execute(f"SELECT {names} FROM {series.table} WHERE boot_id = %s".encode(), [boot_id])
        # psycopg gives times in a ZoneInfo, which it writes more slowly than those in timezone.utc.
        rows[kind] = [
            tuple(value.astimezone(UTC) if isinstance(value, datetime) else value for value in row) for row in found
        ]
    return rows


def copy(connection: psycopg.Connection, rows: Rows, batch: int) -> tuple[float, float]:
    """Copy them in, committed every `batch` rows; seconds of the wall and of this process's CPU."""
    began, cpu = time.monotonic(), time.process_time()
    for kind, some in rows.items():
        series, left = _SERIES[kind], iter(some)
        names, types = ", ".join(name for name, _ in series.columns), [type_ for _, type_ in series.columns]
        while part := list(islice(left, batch)):
            with (
                connection.transaction(),
                connection.cursor() as cursor,
                cursor.copy(f"COPY bare_{kind} ({names}) FROM STDIN (FORMAT BINARY)".encode()) as into,
            ):
                into.set_types(types)
                for row in part:
                    into.write_row(row)
    return time.monotonic() - began, time.process_time() - cpu
