"""Silence watch and link watch: what every connector and every operator's connection is doing now."""

from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

from chargewatch.database import now
from chargewatch.instants import to_us
from registry import placement, snapshot
from scheduler.live import Report, state_now
from uptime.settings import IntervalSettings

SESSIONS_DAYS = 32
"""Sessions that ended longer ago are not looked for: their connectors have said something else since."""

# The last counted sign of life: from the last status, meter sample or session on, from heartbeat to heartbeat, as long
# as no gap is longer than the stale limit (semantics 2.2). Each step is one look into an index, up to a day ahead.
_SIGNS = """
WITH RECURSIVE charged AS (
  SELECT unnest(connector_nos) AS connector_no, max(at) AS at FROM session_fact WHERE at > %(sessions)s GROUP BY 1
), strong AS (
  SELECT connector_no, greatest(
    (SELECT max(at) FROM status_fact f WHERE f.connector_no = asked.connector_no),
    (SELECT max(at) FROM meter_fact f WHERE f.connector_no = asked.connector_no),
    (SELECT at FROM charged c WHERE c.connector_no = asked.connector_no)
  ) AS at FROM unnest(%(numbers)s::int[]) AS asked(connector_no)
), walk AS (
  SELECT connector_no, at FROM strong WHERE at IS NOT NULL
  UNION ALL
  SELECT walk.connector_no, following.at FROM walk CROSS JOIN LATERAL (
    SELECT max(h.at) AS at FROM heartbeat_fact h
    WHERE h.connector_no = walk.connector_no AND h.at > walk.at AND h.at <= walk.at + %(stale)s
  ) AS following WHERE following.at IS NOT NULL
)
SELECT connector_no, max(at) FROM walk GROUP BY connector_no
"""
_LATEST = """
SELECT f.connector_no, f.boot_id, f.seq, f.place, f.status FROM unnest(%(numbers)s::int[]) AS asked(connector_no)
CROSS JOIN LATERAL (
  SELECT max(at) AS at FROM status_fact l WHERE l.connector_no = asked.connector_no
) AS latest JOIN status_fact f ON f.connector_no = asked.connector_no AND f.at = latest.at
"""


def connectors_by_state(
    conn: psycopg.Connection, zone: ZoneInfo, settings: IntervalSettings
) -> Counter[tuple[str, str]]:
    """Number of connectors by (operator_id, state) now, of those that are registered and not retired."""
    moment = now(conn)
    today = moment.astimezone(zone).date()
    registry = snapshot.load(conn, moment)
    places = placement.placements(registry, zone, today, today + timedelta(days=1))
    here = [row for row in places.itertuples() if row.retired_on is None or row.retired_on > today]
    numbers = {"numbers": [int(row.connector_no) for row in here]}
    limits = {
        "stale": timedelta(hours=settings.stale_limit_h),
        "sessions": moment - timedelta(days=SESSIONS_DAYS),
    }
    signs: dict[int, datetime] = dict(conn.execute(_SIGNS.encode(), {**numbers, **limits}).fetchall())
    reports: dict[int, list[Report]] = {}
    for number, *report in conn.execute(_LATEST.encode(), numbers):
        reports.setdefault(number, []).append(Report(*report))
    intervals: dict[str, int] = {}
    agreed = placement.reporting_intervals(registry, zone).fillna({"interval_us": settings.default_interval_us})
    for row in agreed.itertuples():
        if row.from_us <= to_us(moment):
            intervals[row.operator_id] = int(row.interval_us)
    counts: Counter[tuple[str, str]] = Counter()
    for row in here:
        sign = signs.get(row.connector_no)
        state = state_now(
            reports.get(row.connector_no, ()),
            None if sign is None else to_us(sign),
            intervals[row.operator_id],
            to_us(moment),
            settings,
        )
        counts[row.operator_id, state] += 1
    return counts


def links(conn: psycopg.Connection) -> dict[str, bool]:
    """Whether each operator's connection was ready when it was last heard of."""
    rows = conn.execute(
        "SELECT DISTINCT ON (operator_id) operator_id, state = 'ready' FROM link_event"
        " ORDER BY operator_id, received_at DESC, recorded_at DESC"
    )
    return dict(rows.fetchall())
