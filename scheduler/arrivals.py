"""What the order and the time of arrivals tell: gaps in the senders' sequences, items that came late.

Only the store can tell it: with several collectors no single one sees every message, and none remembers what came
before it started. Each look reads what was recorded since the one before; what it keeps is no fact.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from chargewatch.database import is_rehearsal, watermark
from chargewatch.instants import EPOCH, iso

SETTLING = timedelta(minutes=2)
"""A message may overtake another one on its way through another collector; later than this it was a gap."""
AT_A_TIME = timedelta(hours=6)
MOST_RUNS = 1000
"""Of one boot so many runs of numbers without a gap are followed, the latest; what is missing before is given up."""
SERIES = {"status": "status_fact", "meter": "meter_fact", "heartbeat": "heartbeat_fact", "session": "session_fact"}
"""Facts by kind; `at` of a session is its end."""

_ARRIVED = """
SELECT operator_id, boot_id, range_agg(int8range(seq, seq, '[]')) AS seqs FROM message
WHERE recorded_at > %(since)s AND recorded_at <= %(until)s AND boot_id IS NOT NULL AND seq < 9223372036854775807
  AND operator_id IN (SELECT operator_id FROM connector_keys UNION SELECT operator_id FROM registry_operators)
GROUP BY operator_id, boot_id
"""
_SEE = f"""
INSERT INTO sequence_seen AS s (operator_id, boot_id, seen) {_ARRIVED}
ON CONFLICT (operator_id, boot_id) DO UPDATE SET seen = s.seen + excluded.seen
"""
_GIVE_UP = """
UPDATE sequence_seen AS s SET
  seen = s.seen + int8multirange(before), counted = s.counted - int8multirange(before), given_up = s.given_up + (
    SELECT sum(upper(one) - lower(one)) FROM unnest(int8multirange(before) - s.seen) AS one
  )
FROM (
  SELECT operator_id, boot_id, int8range(
    lower(seen), (SELECT lower(run) FROM unnest(seen) AS run ORDER BY run DESC OFFSET %(most)s - 1 LIMIT 1)
  ) AS before FROM sequence_seen WHERE (SELECT count(*) FROM unnest(seen)) > %(most)s
) AS long WHERE s.operator_id = long.operator_id AND s.boot_id = long.boot_id
"""
_COUNT = f"""
WITH recent AS ({_ARRIVED}), missing AS (
  SELECT s.operator_id, s.boot_id,
    int8multirange(int8range(lower(s.seen), upper(s.seen))) - s.seen - coalesce(recent.seqs, '{{}}') AS seqs
  FROM sequence_seen AS s LEFT JOIN recent USING (operator_id, boot_id)
)
UPDATE sequence_seen AS s SET
  gaps = s.gaps + (SELECT count(*) FROM unnest(missing.seqs - s.counted)), counted = missing.seqs
FROM missing WHERE s.operator_id = missing.operator_id AND s.boot_id = missing.boot_id AND s.counted <> missing.seqs
"""
_LATE = """
INSERT INTO late_items AS l (operator_id, kind, items)
SELECT {operator}, %(kind)s, count(*) FROM {table} AS f {join}
WHERE f.recorded_at > %(since)s AND f.recorded_at <= %(until)s AND f.received_at - f.at > %(limit)s AND f.copy = 0
GROUP BY {operator} ON CONFLICT (operator_id, kind) DO UPDATE SET items = l.items + excluded.items
"""
_ARRIVALS = """
SELECT {operator}, %(kind)s, (f.at AT TIME ZONE %(zone)s)::date, f.boot_id, min(f.seq), max(f.seq), count(*),
       min(f.received_at), max(f.received_at), max(f.received_at - f.at)
FROM {table} AS f {join}
WHERE f.received_at - f.at > %(limit)s AND f.copy = 0 AND f.recorded_at >= %(since)s
  AND (%(operator_id)s::text IS NULL OR {operator} = %(operator_id)s)
GROUP BY 1, 2, 3, 4
"""
ARRIVALS = (
    *("operator_id", "kind", "day", "boot_id", "first_seq", "last_seq", "items"),
    *("first_received_at", "last_received_at", "longest_delay_h"),
)
_LOOKED = """
INSERT INTO scheduler_look (job, as_of) VALUES ('arrivals', %s) ON CONFLICT (job) DO UPDATE SET as_of = excluded.as_of
"""


def look(conn: psycopg.Connection, late_limit: timedelta) -> str:
    """Take in what was recorded since the last look and has settled."""
    as_of = watermark(conn)
    until = max(as_of - SETTLING, EPOCH)
    since = _looked(conn)
    again = is_rehearsal(conn)  # the senders' clock may run back: what came in later can be recorded earlier
    if again or since is None:
        [(first,)] = conn.execute("SELECT min(recorded_at) FROM message").fetchall()
        since = (first or until) - timedelta(microseconds=1)
    if again:
        with conn.transaction():
            conn.execute("DELETE FROM late_items")
            _take_in(conn, since, until, late_limit)
        since = until
    while since < until:
        end = min(since + AT_A_TIME, until)
        with conn.transaction():
            _take_in(conn, since, end, late_limit)
            conn.execute(_LOOKED, [end])
        since = end
    with conn.transaction():
        conn.execute(_COUNT.encode(), {"since": until, "until": as_of})
        conn.execute(_GIVE_UP.encode(), {"most": MOST_RUNS})
    gaps, missing, late = sequence_gaps(conn), sequence_missing(conn), late_items(conn)
    return f"{sum(gaps.values())} gaps, {sum(missing.values())} messages missing, {sum(late.values())} items came late"


def late_arrivals(
    conn: psycopg.Connection, late_limit: timedelta, zone: ZoneInfo, since: datetime, operator_id: str | None
) -> list[dict[str, Any]]:
    """Items stored since then that had come late, as rows of ARRIVALS by operator, kind, policy day and boot."""
    values = {"limit": late_limit, "zone": zone.key, "since": since, "operator_id": operator_id}
    rows: list[dict[str, Any]] = []
    for kind, table in SERIES.items():
        for row in conn.execute(_of(_ARRIVALS, kind, table), {**values, "kind": kind}):
            *names, first, last, delay = row
            told = [*names[:2], names[2].isoformat(), *names[3:], iso(first), iso(last), delay // timedelta(hours=1)]
            rows.append(dict(zip(ARRIVALS, told, strict=True)))
    return sorted(rows, key=lambda row: [str(row[name]) for name in ("operator_id", "kind", "day", "boot_id")])


def _of(query: str, kind: str, table: str) -> bytes:
    session = kind == "session"  # names its operator itself
    return query.format(
        table=table,
        operator="f.operator_id" if session else "k.operator_id",
        join="" if session else "JOIN connector_keys AS k USING (connector_no)",
    ).encode()


def _looked(conn: psycopg.Connection) -> datetime | None:
    row = conn.execute("SELECT as_of FROM scheduler_look WHERE job = 'arrivals'").fetchone()
    return row[0] if row else None


def _take_in(conn: psycopg.Connection, since: datetime, until: datetime, late_limit: timedelta) -> None:
    values = {"since": since, "until": until, "limit": late_limit}
    conn.execute(_SEE.encode(), values)
    for kind, table in SERIES.items():
        conn.execute(_of(_LATE, kind, table), {**values, "kind": kind})


def sequence_gaps(conn: psycopg.Connection) -> dict[tuple[str], int]:
    """Gaps found so far, by operator; one that is closed later was still one."""
    rows = conn.execute("SELECT operator_id, sum(gaps) FROM sequence_seen GROUP BY operator_id")
    return {(operator_id,): int(gaps) for operator_id, gaps in rows}


def sequence_missing(conn: psycopg.Connection) -> dict[tuple[str], int]:
    """Messages that are missing now, by operator."""
    rows = conn.execute(
        "SELECT operator_id, sum(given_up + coalesce((SELECT sum(upper(one) - lower(one)) FROM unnest(counted) AS one),"
        " 0)) FROM sequence_seen GROUP BY operator_id"
    )
    return {(operator_id,): int(missing) for operator_id, missing in rows}


def late_items(conn: psycopg.Connection) -> dict[tuple[str], int]:
    """Items that were stored late so far, by operator."""
    rows = conn.execute("SELECT operator_id, sum(items) FROM late_items GROUP BY operator_id")
    return {(operator_id,): int(items) for operator_id, items in rows}
