"""Room for what comes next: partitions of the time series, where they are partitions."""

from datetime import timedelta

import psycopg

from chargewatch.database import now
from chargewatch.timeseries import edition, ensure

AHEAD = timedelta(days=62)
SERIES = ("message", "status_fact", "meter_fact", "heartbeat_fact", "session_fact")


def partitions(conn: psycopg.Connection) -> str:
    """Make the partitions of this month and the next two; what was done, for people."""
    if (kind := edition(conn)) != "plain":
        return f"nothing to do: TimescaleDB ({kind}) makes its own chunks"
    until = now(conn) + AHEAD
    for table in SERIES:
        ensure(conn, table, now(conn), until)
    return f"partitions of {len(SERIES)} tables up to {until:%Y-%m}"
