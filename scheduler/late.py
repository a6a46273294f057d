"""What has come in since a figure was computed: whether it must be computed again, and the inputs by name."""

from datetime import datetime

import psycopg

from chargewatch.instants import iso
from subsidy.periods import Period
from uptime.comparison import compare
from uptime.diff import Run
from uptime.profile import Profile
from uptime.settings import IntervalSettings

# What can change a figure of a period: any item from before the period's end (a state lasts until the next status),
# a session that began before it, and anything in the registry.
_SERIES = {
    "status": ("status_fact", "at"),
    "meter": ("meter_fact", "at"),
    "heartbeat": ("heartbeat_fact", "at"),
    "session": ("session_fact", "started_at"),
}


def anything(conn: psycopg.Connection, end: datetime, since: datetime) -> bool:
    """Whether anything recorded after `since` can change a figure of a period that ended at `end`."""
    for table, column in _SERIES.values():
        query = f"SELECT EXISTS (SELECT 1 FROM {table} WHERE recorded_at > %s AND {column} < %s)"
        if _yes(conn, query, since, end):
            return True
    decided = (
        "SELECT EXISTS (SELECT 1 FROM uptime_contest JOIN uptime_contest_decision AS d USING (contest_no)"
        " WHERE granted AND d.recorded_at > %s AND started_at < %s)"
    )
    imported = "SELECT EXISTS (SELECT 1 FROM registry_imports WHERE recorded_at > %s)"
    return _yes(conn, decided, since, end) or _yes(conn, imported, since)


def inputs(conn: psycopg.Connection, end: datetime, since: datetime, as_of: datetime) -> list[dict[str, object]]:
    """What was recorded after `since` and by `as_of` and can change a period that ended at `end`, by name.

    One row a kind of item, operator and boot: the first and last `seq` and how many items. One row a registry import.
    """
    found: list[dict[str, object]] = []
    for kind, (table, column) in _SERIES.items():
        operator = "f.operator_id" if kind == "session" else "k.operator_id"
        join = "" if kind == "session" else "JOIN connector_keys k USING (connector_no)"
        query = f"""
            SELECT {operator}, f.boot_id, min(f.seq), max(f.seq), count(*) FROM {table} f {join}
            WHERE f.recorded_at > %s AND f.recorded_at <= %s AND f.{column} < %s
            GROUP BY {operator}, f.boot_id ORDER BY {operator} COLLATE "C", f.boot_id COLLATE "C"
        """
        names = ("operator_id", "boot_id", "first_seq", "last_seq", "items")
        for row in conn.execute(query.encode(), [since, as_of, end]):
            found.append({"input": kind, **dict(zip(names, row, strict=True))})
    imports = conn.execute(
        "SELECT import_id, recorded_at, sha256 FROM registry_imports WHERE recorded_at > %s AND recorded_at <= %s"
        " ORDER BY import_id",
        [since, as_of],
    )
    for number, recorded_at, sha256 in imports:
        found.append({"input": "registry", "import_id": number, "recorded_at": iso(recorded_at), "sha256": sha256})
    return found


def changing_inputs(
    conn: psycopg.Connection,
    month: Period,
    profile: Profile,
    limits: IntervalSettings,
    since: datetime,
    as_of: datetime,
) -> list[dict[str, object]]:
    """The inputs that changed a month's availability between two knowledge times, as `uptime diff` names them.

    Of the connectors that each one moved only the number is kept: `uptime diff` tells their names at any time.
    """
    before, after = (
        Run(month.name, month.first_day, month.end_day, (), profile, limits, moment, everything=True)
        for moment in (since, as_of)
    )
    found = compare(conn, before, after)
    return [{**one, "connectors": len(one["connectors"])} for one in found.inputs]


def _yes(conn: psycopg.Connection, query: str, *values: object) -> bool:
    row = conn.execute(query.encode(), values).fetchone()
    return row is not None and bool(row[0])
