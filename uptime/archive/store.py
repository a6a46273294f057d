"""The store as the archive reads it: rows of a day, and counts and digests that the database works out by itself."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
import pyarrow as pa

from chargewatch import database
from chargewatch.instants import iso
from uptime.archive import digests
from uptime.archive.layout import SESSION, Kind, Series
from uptime.archive.manifests import Mark, Whole

_LARGEST = 10**12
"""Where decimals of the archive end: 18 digits, six of them after the point."""

_CONNECTORS = (
    "ARRAY(SELECT k.connector_id FROM connector_keys AS k WHERE k.connector_no = ANY(f.connector_nos)"
    ' ORDER BY k.connector_id COLLATE "C")'
)


def mark(connection: psycopg.Connection) -> Mark:
    """How far the store can be read now: below it nothing appears any more (in a rehearsal: no message)."""
    as_of = database.watermark(connection)
    if not database.is_rehearsal(connection):
        return Mark(as_of)
    row = connection.execute("SELECT last_value FROM message_id_seq").fetchone()
    assert row is not None
    return Mark(as_of, int(row[0]))


def homes(connection: psycopg.Connection) -> list[tuple[int, str, str, str]]:
    """connector_no, operator_id, connector_id and the station where it was first registered, of every connector."""
    return connection.execute(
        """
        SELECT connector_no, operator_id, connector_id, coalesce(station_id, '') FROM connector_keys
        LEFT JOIN (SELECT DISTINCT ON (operator_id, connector_id) operator_id, connector_id, charger_id
                   FROM registry_connectors ORDER BY operator_id, connector_id, recorded_at, row_id) AS c
          USING (operator_id, connector_id)
        LEFT JOIN (SELECT DISTINCT ON (operator_id, charger_id) operator_id, charger_id, station_id
                   FROM registry_chargers ORDER BY operator_id, charger_id, recorded_at, row_id) AS g
          USING (operator_id, charger_id)
        """
    ).fetchall()


def earliest(connection: psycopg.Connection, known: Mark, since: Mark | None) -> date | None:
    """UTC day of the earliest fact that was recorded after `since`."""
    found = []
    for series in ("status", "meter", "heartbeat", "session"):
        at = "started_at" if series == "session" else "at"
        row = connection.execute(
            f"SELECT min({at}) FROM {series}_fact WHERE {_known(known)} AND {_after(since)}".encode()
        ).fetchone()
        if row is not None and row[0] is not None:
            found.append(row[0].astimezone(UTC).date())
    return min(found, default=None)


def days_with_news(
    connection: psycopg.Connection, series: Series, first: date, last: date, known: Mark, since: Mark | None
) -> dict[date, datetime]:
    """UTC days in [first, last) of which rows were recorded after `since`, each with the latest `at` of these rows."""
    rows = connection.execute(
        f"SELECT ({series.day_by} AT TIME ZONE 'UTC')::date, max(at) FROM {series.name}_fact AS f"
        f" WHERE {_between(series, first, last)} AND {_known(known)} AND {_after(since)} GROUP BY 1".encode()
    )
    return dict(rows.fetchall())


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are asked for."""

    series: Series
    day: date
    known: Mark
    since: Mark | None
    latest: datetime | None = None
    """No row's `at` is later (of sessions, which may end long after the day that they began)."""


def rows(read: Callable[[str], pa.Table], wanted: Wanted, numbers: Iterable[int] | None) -> pa.Table:
    """Rows of a day's series about some connectors: `connector_no` and the columns of the archive that need no id.

    Of sessions those at one connector, or with numbers None those at several. `read`: of chargewatch.bulk.tables.
    """
    series = wanted.series
    limits = [_between(series, wanted.day, wanted.day + timedelta(days=1)), _known(wanted.known), _after(wanted.since)]
    if wanted.latest is not None:
        limits.append(f"at <= '{iso(wanted.latest)}'")
    among = "" if numbers is None else f"ANY('{{{','.join(map(str, numbers))}}}')"
    if series is SESSION:
        limits.append(f"cardinality(connector_nos) {'= 1' if among else '> 1'}")
        limits += [f"connector_nos[1] = {among}"] if among else []
        number = "connector_nos[1]"
    else:
        limits.append(f"connector_no = {among}")
        number = "connector_no"
    expressions = _expressions(series)
    asked = [
        f"{expressions[name]}{'::text' if kind is Kind.NUMBER else ''} AS {name}"
        for name, kind in series.columns.items()
        if series is SESSION or name not in ("operator_id", "connector_id")
    ]
    found = read(
        f"SELECT {number}::bigint AS connector_no, {', '.join(asked)} FROM {series.name}_fact AS f"
        f" WHERE {' AND '.join(limits)}",
    )
    kinds = {"connector_no": pa.int64()} | {name: kind.value for name, kind in series.columns.items()}
    return pa.table({name: found.column(name).cast(kinds[name]) for name in found.column_names})


def wholes(connection: psycopg.Connection, series: Series, first: date, last: date, known: Mark) -> dict[date, Whole]:
    """Rows and content digest of every UTC day in [first, last), worked out by the database."""
    expressions = _expressions(series)
    keys = ""
    if series is not SESSION:
        keys = "JOIN connector_keys AS k USING (connector_no)"
        expressions |= {"operator_id": "k.operator_id", "connector_id": "k.connector_id"}
    found: Iterator[tuple[Any, ...]] = connection.execute(
        f"SELECT day, count(*), {digests.sql_sums('hash')} FROM ("
        f"  SELECT (f.{series.day_by} AT TIME ZONE 'UTC')::date AS day, {digests.sql(series, expressions)} AS hash"
        f"  FROM {series.name}_fact AS f {keys} WHERE {_between(series, first, last)} AND {_known(known)}"
        "  OFFSET 0"  # else each of the sums works the hash out for itself
        ") AS hashed GROUP BY day".encode()
    )
    return {day: Whole(count, digests.of_sums(map(int, sums))) for day, count, *sums in found}


def _expressions(series: Series) -> dict[str, str]:
    """The archive's columns out of a row `f` of the store's table."""
    found = {name: f"f.{name}" for name in series.columns}
    found |= {name: f"(CASE WHEN {_fits(name)} THEN round(f.{name}, 6) END)" for name in series.numbers}
    found |= {name: f"f.{name}::bigint" for name, kind in series.columns.items() if kind is Kind.WHOLE}
    if "exact" in found:
        rough = " OR ".join(f"min_scale(f.{name}) > 6 OR NOT {_fits(name)}" for name in series.numbers)
        pairs = ", ".join(
            f"'{name}', CASE WHEN min_scale(f.{name}) > 6 OR NOT {_fits(name)} THEN f.{name}::text END"
            for name in series.numbers
        )
        found["exact"] = f"(CASE WHEN {rough} THEN jsonb_strip_nulls(jsonb_build_object({pairs}))::text END)"
    if series is SESSION:
        found |= {
            "content_sha256": "encode(f.content_sha256, 'hex')",
            "connector_ids": _CONNECTORS,
            "body": "f.body::text",
        }
    return found


def _fits(name: str) -> str:
    return f"(abs(round(f.{name}, 6)) < {_LARGEST})"


def _between(series: Series, first: date, last: date) -> str:
    start, end = (iso(datetime.combine(day, time(), UTC)) for day in (first, last))
    column = f"f.{series.day_by}"
    # A session ends no earlier than it starts: the index is by its end.
    ends = f" AND f.at >= '{start}'" if series.day_by != "at" else ""
    return f"{column} >= '{start}' AND {column} < '{end}'{ends}"


def _known(known: Mark) -> str:
    by_message = "" if known.message_id is None else f" AND message_id <= {known.message_id}"
    return f"(recorded_at <= '{iso(known.as_of)}'{by_message})"


def _after(since: Mark | None) -> str:
    if since is None:
        return "true"
    by_message = "" if since.message_id is None else f" OR message_id > {since.message_id}"
    return f"(recorded_at > '{iso(since.as_of)}'{by_message})"
