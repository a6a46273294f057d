"""How the collecting goes, as metrics: the members of the group, the pulse, gaps and late items."""

from datetime import datetime

import psycopg

from collector.group.members import members
from scheduler import arrivals, metrics


def show(conn: psycopg.Connection) -> str:
    """Show when each collector was last there and until when the broker keeps its part, and what is missing or late."""
    staying = [one for one in members(conn) if one.retired_at is None]
    keys = {one.client_id: (one.client_id, one.share or "") for one in staying}
    metrics.replace(
        metrics.collector_last_seen_timestamp_seconds,
        {keys[one.client_id]: one.last_seen_at.timestamp() for one in staying},
    )
    metrics.replace(
        metrics.collector_session_ends_timestamp_seconds,
        {keys[one.client_id]: one.kept_until.timestamp() for one in staying},
    )
    latest = _latest_pulse(conn)
    metrics.pulse_received_timestamp_seconds.set(latest.timestamp() if latest else 0)
    metrics.sequence_gaps.show(arrivals.sequence_gaps(conn))
    metrics.replace(metrics.sequence_missing, arrivals.sequence_missing(conn))
    metrics.late_items.show(arrivals.late_items(conn))
    return f"{len(staying)} collectors"


def _latest_pulse(conn: psycopg.Connection) -> datetime | None:
    row = conn.execute("SELECT max(received_at) FROM pulse").fetchone()
    return row[0] if row else None
