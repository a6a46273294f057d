"""What the gauges of availability and money show, from what the jobs have kept."""

from collections import Counter
from datetime import datetime
from decimal import Decimal

import psycopg

from chargewatch.database import now
from ledger.canonical import loads
from ledger.store import all_records
from scheduler.closed import running_windows
from scheduler.money import Key, yuan
from subsidy.periods import month_of
from subsidy.policy import Policy
from subsidy.statement import entitlement
from uptime.figures import Sums
from uptime.profile import Profile

BELOW_WINDOW = "last_30_days"
"""The window of connectors_below_threshold: a whole month's length on any day of the month."""

_SUMS = """
SELECT operator_id, sum(up_s), sum(up_s + down_s + unknown_s) FROM connector_day
WHERE bound AND day >= %s AND day < %s GROUP BY operator_id
"""
_CONNECTORS = """
SELECT operator_id, sum(up_s) * 1000000, sum(down_s) * 1000000, sum(unknown_s) * 1000000 FROM connector_day
WHERE bound AND day >= %s AND day < %s GROUP BY operator_id, connector_id
"""


def windows(
    conn: psycopg.Connection, profile: Profile, moment: datetime
) -> tuple[dict[tuple[str, str], Decimal], dict[tuple[str, str], Decimal]]:
    """Seconds available and seconds required, by (operator_id, window)."""
    available: dict[tuple[str, str], Decimal] = {}
    required: dict[tuple[str, str], Decimal] = {}
    for window, days in running_windows(moment, profile.zone).items():
        for operator_id, up, whole in conn.execute(_SUMS.encode(), days):
            available[operator_id, window], required[operator_id, window] = up, whole
    return available, required


def below(conn: psycopg.Connection, profile: Profile, moment: datetime) -> dict[tuple[str], int]:
    """Bound connectors by operator whose own verdict of the last 30 closed days is fail."""
    counts: Counter[tuple[str]] = Counter()
    days = running_windows(moment, profile.zone)[BELOW_WINDOW]
    for operator_id, *sums in conn.execute(_CONNECTORS.encode(), days):
        up, down, unknown = map(int, sums)
        counts[(operator_id,)] += Sums(up, down, unknown, {}).verdict(profile) == "fail"
    return dict(counts)


def subsidies(conn: psycopg.Connection) -> dict[Key, Decimal]:
    """Yuan by operator, kind and state of every statement in the ledger."""
    return yuan((record.subject, loads(record.body)) for record in all_records(conn, "statement"))


def findings(conn: psycopg.Connection, policy: Policy) -> dict[tuple[str], int]:
    """Findings of each rule, up to the running month, that nobody has decided."""
    moment = now(conn)
    month = month_of(moment.astimezone(policy.zone).date())
    due = entitlement(conn, month, policy, moment)
    return {(one.found.rule,): one.open_count for one in due.settled}


def last_successes(conn: psycopg.Connection) -> list[tuple[str, datetime]]:
    """When each job that is noted last succeeded, on any machine."""
    return conn.execute("SELECT job, max(ended_at) FROM job_run WHERE outcome = 'done' GROUP BY job").fetchall()
