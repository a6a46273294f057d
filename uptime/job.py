"""The daily job: service intervals and sums of every closed policy day, kept for dashboards.

Which days are due follows from the store alone: those that were never computed, and, since a status stands until the
next one, every day from the earliest instant that facts recorded since the last run speak about. It can run twice or
late, or be killed, without changing a result.
"""

import hashlib
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg

from chargewatch import database
from chargewatch.instants import day_of_us, day_start_us, from_us, seconds, to_us
from registry import snapshot
from uptime import profile as profiles
from uptime import settings as interval_settings
from uptime.account import EFFECTS, account
from uptime.declarations import reach
from uptime.figures import tally
from uptime.profile import Profile
from uptime.report import declarations, parts
from uptime.states import REASONS, STATES


def run(connection: psycopg.Connection) -> str:
    """Compute and keep every closed day that is due, under the default profile; a sentence that says what was done."""
    profile = profiles.load()
    as_of = database.watermark(connection)
    days = due_days(connection, profile, as_of)
    if not days:
        return "no closed day is due"
    _compute(connection, days, profile, as_of)
    return f"{len(days)} closed days computed, {days[0]} to {days[-1]}"


def due_days(connection: psycopg.Connection, profile: Profile, as_of: datetime) -> list[date]:
    """Closed policy days whose stored figures do not stand on everything recorded by `as_of`, ascending."""
    zone = profile.zone
    today = day_of_us(to_us(as_of), zone)
    count, last_as_of, last_message, last_import, last_day = _one(
        connection,
        "SELECT count(*), max(as_of), max(last_message), max(last_import), max(day) FROM availability_day",
    )
    message, imported = _last(connection)
    if not count or imported != last_import or (database.is_rehearsal(connection) and message != last_message):
        # In a rehearsal an operator's message may be recorded, by its own clock, before one that was here earlier.
        earliest = _earliest(connection, None)
    elif message != last_message:
        earliest = _earliest(connection, last_as_of)
    else:
        earliest = None
    contested = _contested(connection, last_as_of)
    earliest = min([one for one in (earliest, contested) if one is not None], default=None)
    first = min(
        [
            *([day_of_us(to_us(earliest), zone)] if earliest is not None else []),
            *([last_day + timedelta(days=1)] if count else []),
        ],
        default=today,
    )
    return [first + timedelta(days=nth) for nth in range((today - first).days)]


def _earliest(connection: psycopg.Connection, since: datetime | None) -> datetime | None:
    """The earliest instant that any fact recorded after `since` speaks about."""
    columns = {"status_fact": "at", "meter_fact": "at", "heartbeat_fact": "at", "session_fact": "started_at"}
    parts = ", ".join(
        f"(SELECT min({column}) FROM {table} WHERE %(since)s::timestamptz IS NULL OR recorded_at > %(since)s)"
        for table, column in columns.items()
    )
    moment = _one(connection, f"SELECT least({parts})", {"since": since})[0]
    return moment if isinstance(moment, datetime) else None


def _contested(connection: psycopg.Connection, since: datetime | None) -> datetime | None:
    """Start of the earliest time that a contest names which was granted since."""
    # In a rehearsal the clock may stand still between two runs.
    moment = _one(
        connection,
        "SELECT min(started_at) FROM uptime_contest JOIN uptime_contest_decision AS d USING (contest_no)"
        " WHERE granted AND d.recorded_at >= %(since)s",
        {"since": since},
    )[0]
    return moment if isinstance(moment, datetime) else None


def _last(connection: psycopg.Connection) -> tuple[int, int]:
    """Numbers of the newest message and registry import."""
    message, imported = _one(
        connection,
        "SELECT coalesce((SELECT max(message_id) FROM message), 0),"
        " coalesce((SELECT max(import_id) FROM registry_imports), 0)",
    )
    return int(message), int(imported)


def _compute(connection: psycopg.Connection, days: list[date], profile: Profile, as_of: datetime) -> None:
    settings = interval_settings.load()
    last_message, last_import = _last(connection)
    registry = snapshot.load(connection, as_of)
    declared = declarations(registry, profile, days[0], days[-1] + timedelta(days=1))
    found: dict[date, list[tuple[pd.DataFrame, pd.DataFrame]]] = {day: [] for day in days}
    for part in parts(connection, registry, days[-1] + timedelta(days=1), [(profile, settings)], as_of):
        measured = part.measured(profile, settings)
        reached = reach(declared, measured.life, profile)
        for day in days:
            bounds = (day_start_us(one, profile.zone) for one in (day, day + timedelta(days=1)))
            pieces = account(measured.timeline, measured.life, reached, profile, *bounds)
            places = measured.life.loc[pieces["place"], ["operator_id", "connector_id"]].reset_index(drop=True)
            found[day].append((pd.concat([places, pieces], axis="columns"), tally(pieces, measured.life, profile)))
    with connection.transaction():
        connection.execute("DELETE FROM availability_day WHERE day = ANY(%s)", [days])
        for day, of_day in found.items():
            intervals, sums = _interval_rows(of_day), _sum_rows(of_day, profile)
            digest = hashlib.sha256(repr((intervals, sums)).encode()).hexdigest()
            connection.execute(
                "INSERT INTO availability_day VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [day, profile.id, settings.id, as_of, last_message, last_import, digest],
            )
            _copy(connection, "service_interval", day, intervals)
            _copy(connection, "connector_day", day, sums)


def _interval_rows(found: list[tuple[pd.DataFrame, pd.DataFrame]]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            one.operator_id,
            one.connector_id,
            from_us(one.from_us),
            from_us(one.to_us),
            STATES[one.state],
            REASONS[one.reason],
            EFFECTS[one.effect],
        )
        for shown, _ in found
        for one in shown.itertuples()
    )


def _sum_rows(found: list[tuple[pd.DataFrame, pd.DataFrame]], profile: Profile) -> list[tuple[Any, ...]]:
    names = ["operator_id", "connector_id", "charger_id", "station_id", "district", "bound"]
    return sorted(
        (*row[:-4], *(seconds(int(us)) for us in row[-4:]))
        for _, sums in found
        for row in sums.assign(deducted=sums[list(profile.deducting)].sum(axis="columns"))[
            [*names, "up", "down", "unknown", "deducted"]
        ].itertuples(index=False, name=None)
    )


def _copy(connection: psycopg.Connection, table: str, day: date, rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row((day, *row))


def _one(
    connection: psycopg.Connection, query: str, values: dict[str, Any] | list[Any] | None = None
) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return row
