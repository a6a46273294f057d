"""What the engine of availability is measured against: numpy alone, one SQL query, DuckDB; and the month they read."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock

import numpy as np
import psycopg

from chargewatch import bulk
from uptime.evidence import Facts

_WIDE_US = 1 << 40


def scan(facts: Facts, limit_us: int) -> int:
    """Numpy's bound: all signs of life brought into one order, and where a gap is longer than the limit.

    Nothing that tells silence from these facts can do with less: one axis, one stable sort, one difference, one search.
    """
    tables = (facts.statuses, facts.meters, facts.heartbeats)
    sign = np.concatenate(
        [one["connector"].to_numpy() * _WIDE_US + one["at_us"].to_numpy() % _WIDE_US for one in tables]
    )
    order = np.argsort(sign, kind="stable")
    sign = sign[order]
    return len(np.flatnonzero(np.diff(sign) > limit_us))


QUERY = """
WITH signs AS (
  SELECT connector_no, "at" FROM heartbeat_fact WHERE "at" >= {start} AND "at" < {end}
  UNION ALL SELECT connector_no, "at" FROM meter_fact WHERE "at" >= {start} AND "at" < {end}
  UNION ALL SELECT connector_no, "at" FROM status_fact WHERE "at" >= {start} AND "at" < {end}),
gaps AS (
  SELECT connector_no, "at", lead("at", 1, {end}) OVER (PARTITION BY connector_no ORDER BY "at") AS until FROM signs),
silent AS (
  SELECT connector_no, sum(extract(epoch FROM until - "at") - 600) AS silent_s FROM gaps
  WHERE until - "at" > interval '10 minutes' GROUP BY connector_no),
spoken AS (
  SELECT connector_no, "at", status, lead("at", 1, {end}) OVER (PARTITION BY connector_no ORDER BY "at") AS until
  FROM status_fact WHERE "at" >= {start} AND "at" < {end}),
served AS (
  SELECT connector_no, sum(extract(epoch FROM until - "at")) AS served_s FROM spoken
  WHERE status NOT IN ('faulted', 'unavailable', 'offline', 'unknown') GROUP BY connector_no)
SELECT count(*), sum(served_s - coalesce(silent_s, 0)) FROM served LEFT JOIN silent USING (connector_no)
"""
"""What an analyst would write: no late news, no stale heartbeats, no proof, no contradictions, no evidence."""


def measured(dsn: str, start: datetime, end: datetime) -> Iterator[tuple[str, float]]:
    """The same day by one window query in PostgreSQL, and in DuckDB on the same rows in its own tables: seconds."""
    query = QUERY.format(start=f"timestamptz '{start.isoformat()}'", end=f"timestamptz '{end.isoformat()}'")
    with psycopg.connect(dsn, autocommit=True) as connection:
        began = time.perf_counter()
        connection.execute(query.encode()).fetchone()
        yield "an analyst's query, PostgreSQL", time.perf_counter() - began
    try:
        import duckdb
    except ImportError:
        return
    within = f"WHERE at >= '{start.isoformat()}' AND at < '{end.isoformat()}'"
    with duckdb.connect() as duck, bulk.tables(dsn) as rows:
        duck.execute("SET TimeZone = 'UTC'; SET threads = 1")
        for table, columns in (("heartbeat_fact", ""), ("meter_fact", ""), ("status_fact", ", status")):
            found = rows(f"SELECT connector_no, at{columns} FROM {table} {within}")  # noqa: F841 (DuckDB reads it)
            duck.execute(f"CREATE TABLE {table} AS SELECT * FROM found")
        began = time.perf_counter()
        duck.execute(query).fetchall()
        yield "the same, DuckDB, rows in memory", time.perf_counter() - began


def write_month(connection: psycopg.Connection, first_day: date, settings: str) -> int:
    """A month of what is kept, a fault every week, a silence every ten days; how many changes of state."""
    start = datetime.combine(first_day, clock(), UTC)
    asked = {"start": start, "end": start + timedelta(days=30), "settings": settings}
    for query in _MONTH:
        rows = connection.execute(query.encode(), asked).rowcount
    return rows


_MONTH = (
    "INSERT INTO first_item SELECT connector_no, '2022-06-01 00:00Z', '2022-06-01 08:00Z' FROM connector_keys",
    "INSERT INTO kept SELECT true, %(settings)s, %(end)s, clock_timestamp(), 0, max(import_id) FROM registry_imports",
    """
INSERT INTO state_change
SELECT connector_no, at, state, reason FROM (
  SELECT connector_no, timestamptz '2022-06-01 08:00Z' AS at, 0 AS state, 1 AS reason FROM connector_keys
  UNION ALL
  SELECT connector_no, %(start)s::timestamptz + week * interval '7 days' + (hashint4(connector_no + week) & 65535)
    * interval '1 s' + ending * interval '3 hours', CASE ending WHEN 0 THEN 1 ELSE 0 END, 1
  FROM connector_keys, generate_series(0, 3) AS week, generate_series(0, 1) AS ending
  UNION ALL
  SELECT connector_no, %(start)s::timestamptz + nth * interval '10 days' + interval '4 days'
    + (hashint4(connector_no * 7 + nth) & 65535) * interval '1 s' + ending * interval '1 hour',
    CASE ending WHEN 0 THEN 4 ELSE 0 END, CASE ending WHEN 0 THEN 2 ELSE 1 END
  FROM connector_keys, generate_series(0, 2) AS nth, generate_series(0, 1) AS ending) AS made
WHERE at < %(end)s ORDER BY connector_no, at ON CONFLICT DO NOTHING
""",
)
