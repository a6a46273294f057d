"""The ledger's daily head: one for each closed policy day since the first record."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import psycopg

from chargewatch.database import now
from chargewatch.instants import day_start_us, from_us
from ledger.store import last_head, record, seal
from scheduler.closed import closed_days


def seal_closed_days(conn: psycopg.Connection, zone: ZoneInfo) -> str:
    """Seal every closed day that is not sealed yet; what was done, for people."""
    first, sealed = record(conn, 1), last_head(conn)
    if first is None:
        return "the ledger is empty"
    days = [day for day in closed_days(first.recorded_at, now(conn), zone) if sealed is None or day > sealed.day]
    for day in days:
        sealed = seal(conn, day, from_us(day_start_us(day + timedelta(days=1), zone)))
    if not days or sealed is None:
        return "every closed day is sealed"
    return f"{len(days)} days sealed up to {sealed.day}: {sealed.last_seq}:{sealed.tree_head}"
