"""What is kept: service intervals of all connectors up to a closed day, as changes of state, and whether they stand.

A report that may use them gives the same bytes as one computed from facts; it only need not read the facts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pandas as pd
import psycopg

from chargewatch import bulk, database
from chargewatch.instants import day_start_us, from_us, iso, to_us
from registry import placement
from uptime import firsts, signs, states
from uptime.evidence import Calendar, Ints, Stretches
from uptime.facts import sessions
from uptime.intervals import Timeline
from uptime.life import service_life
from uptime.profile import Profile
from uptime.returning import out_of_service
from uptime.sessions import counting, proven
from uptime.settings import IntervalSettings
from uptime.units import Units, units

EVER_US = placement.SINCE_EVER_US
CONNECTORS = 50_000
"""How many are computed at a time: bounds memory, whatever the size of the city."""


class Moved(Exception):
    """What is kept was brought further while it was read."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the kept intervals stand on."""

    settings: str
    until: datetime
    """The end of the last closed day that they cover."""
    as_of: datetime
    last_message: int
    last_import: int


def state(connection: psycopg.Connection) -> Kept | None:
    """What is kept now; None if nothing is."""
    row = connection.execute("SELECT settings, until, as_of, last_message, last_import FROM kept").fetchone()
    return None if row is None else Kept(*row)


_TOUCHED = """
WITH orders AS (
  SELECT operator_id, session_id FROM session_fact
  WHERE recorded_at > %(since)s AND recorded_at <= %(as_of)s AND started_at < %(until)s)
SELECT connector, min(at) FROM (
  SELECT connector_no AS connector, at FROM status_fact
  WHERE recorded_at > %(since)s AND recorded_at <= %(as_of)s AND at < %(until)s
  UNION ALL
  SELECT connector_no, at FROM meter_fact
  WHERE recorded_at > %(since)s AND recorded_at <= %(as_of)s AND at < %(until)s
  UNION ALL
  SELECT connector_no, at FROM heartbeat_fact
  WHERE recorded_at > %(since)s AND recorded_at <= %(as_of)s AND at < %(until)s
  UNION ALL
  SELECT unnest(connector_nos), started_at FROM session_fact
  WHERE (operator_id, session_id) IN (SELECT * FROM orders) AND recorded_at <= %(as_of)s
  UNION ALL
  SELECT unnest(connector_nos), started_at FROM uptime_contest JOIN uptime_contest_decision AS d USING (contest_no)
  WHERE granted AND d.recorded_at > %(since)s AND d.recorded_at <= %(as_of)s
) AS heard GROUP BY connector
"""


def touched(connection: psycopg.Connection, since: datetime, until: datetime, as_of: datetime) -> pd.DataFrame:
    """connector, from_us: whose time before `until` was spoken about in (since, as_of], and from when on."""
    rows = connection.execute(_TOUCHED.encode(), {"since": since, "until": until, "as_of": as_of}).fetchall()
    return pd.DataFrame([(no, to_us(at)) for no, at in rows], columns=["connector", "from_us"], dtype=np.int64)


def rebased(connection: psycopg.Connection, bases: "pd.Series[str]") -> Ints:
    """The connectors whose kept intervals stand on another basis in the registry than now, ascending."""
    before: dict[int, str] = dict(connection.execute("SELECT connector_no, basis FROM kept_basis").fetchall())
    now: dict[int, str] = bases.to_dict()
    other = [one for one in now.keys() | before.keys() if now.get(one) != before.get(one)]
    return np.array(sorted(other), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class KeptPart:
    """Some connectors with what is kept of them: what report.Part is, without their facts."""

    connection: psycopg.Connection
    connectors: Ints
    life: pd.DataFrame
    of: int
    until_us: int
    as_of: datetime
    intervals: pd.DataFrame

    def timeline(self, settings: IntervalSettings) -> Timeline:
        """The connectors' service intervals; of proven sessions none (see `proving`)."""
        return out_of_service(Timeline(self.intervals, _no_stretches()), self.life)

    def measured(self, profile: Profile, settings: IntervalSettings) -> Units:
        """The units of a profile whose unit is the connector."""
        return units(self.timeline(settings), self.life, profile)

    def proving(self, measured: Units, reached: pd.DataFrame, settings: IntervalSettings) -> Units:
        """The same with the proven sessions wherever a declaration reaches: nowhere else do they matter."""
        if reached.empty:
            return measured
        first, last = int(reached["from_us"].min()), int(reached["to_us"].max())
        connectors = np.unique(reached["connector"].to_numpy(dtype=np.int64))
        until = from_us(min(last, self.until_us))
        orders = sessions(self.connection, self.as_of, connectors, until, ended_from=from_us(first))
        proof = _proven(orders, connectors, settings)
        return replace(measured, timeline=replace(measured.timeline, proven=proof))


def stands(
    connection: psycopg.Connection,
    bases: "Callable[[int], pd.Series[str]]",
    profile: Profile,
    settings: IntervalSettings,
    last_day: date,
    as_of: datetime,
) -> bool:
    """Whether what is kept says the same of the time before `last_day` as the facts known at `as_of` do.

    `bases`: what the registry known at `as_of` says that intervals until then stand on (uptime.keeping).
    """
    if profile.unit != "connector" or profile.ahead_us or settings.silence_from_last_sign:
        return False
    kept = state(connection)
    end_us = day_start_us(last_day, profile.zone)
    if kept is None or kept.settings != settings.id or kept.as_of > as_of or to_us(kept.until) < end_us:
        return False
    if database.is_rehearsal(connection):
        # The platform's clock is the sender's there: what came since cannot be told by it.
        return kept.last_message == last_message(connection) and kept.last_import == last_import(connection)
    if len(touched(connection, kept.as_of, from_us(end_us), as_of)):
        return False
    if kept.last_import == last_import(connection):
        return True
    return not len(rebased(connection, bases(to_us(kept.until))))


def last_message(connection: psycopg.Connection) -> int:
    """Number of the newest message."""
    row = connection.execute("SELECT coalesce(max(message_id), 0) FROM message").fetchone()
    assert row is not None
    return int(row[0])


def last_import(connection: psycopg.Connection) -> int:
    """Number of the newest registry import."""
    row = connection.execute("SELECT coalesce(max(import_id), 0) FROM registry_imports").fetchone()
    assert row is not None
    return int(row[0])


def parts(
    connection: psycopg.Connection,
    places: pd.DataFrame,
    zone_day: tuple[date, date],
    profile: Profile,
    as_of: datetime,
    *,
    whole: bool,
    within: bool,
    returns_within_days: int | None = None,
) -> Iterator[KeptPart]:
    """All connectors with a place, in parts, with what is kept of the policy days [first, last) of `zone_day`.

    With `whole` from each connector's beginning, else from the outage on that lasted when the first day began. With
    `within` as the connection's own transaction sees it; else as it stands, and Moved is raised if that changes.
    """
    first_us, last_us = (day_start_us(day, profile.zone) for day in zone_day)
    places = places[places["from_us"] < last_us].reset_index(drop=True)
    places["to_us"] = np.minimum(places["to_us"], last_us)
    if places.empty:
        return
    connectors = np.unique(places["connector_no"].to_numpy(dtype=np.int64))
    kept = state(connection)
    assert kept is not None
    first = firsts.first_items(connection, places, profile.zone, kept.until, as_of)
    for start in range(0, len(connectors), CONNECTORS):
        some = connectors[start : start + CONNECTORS]
        mine = np.isin(places["connector_no"].to_numpy(), some)
        life = service_life(places[mine], first[0][mine], first[1][mine], profile.zone, returns_within_days)
        intervals = _intervals(connection, some, life, first_us, last_us, whole=whole, within=within)
        if not within and state(connection) != kept:
            raise Moved
        yield KeptPart(connection, some, life, len(connectors), last_us, as_of, intervals)


_SINCE = """
SELECT connector_no AS connector, at AS at_us, state, reason FROM state_change
WHERE connector_no BETWEEN {least} AND {most} AND at >= '{since}' AND at < '{until}'
"""
_BEFORE = """
SELECT connector_no AS connector, at AS at_us, state, reason
FROM (SELECT no, coalesce(
    (SELECT at FROM state_change WHERE connector_no = no AND at < '{since}' AND state = {serving}
     ORDER BY at DESC LIMIT 1), '-infinity') AS served_at
  FROM generate_series({least}, {most}) AS no) AS served
JOIN state_change ON connector_no = no AND at >= served_at AND at < '{since}'
"""
_KINDS = {"connector": "int4", "at_us": "timestamptz", "state": "int2", "reason": "int2"}


def _intervals(
    connection: psycopg.Connection,
    connectors: Ints,
    life: pd.DataFrame,
    first_us: int,
    last_us: int,
    *,
    whole: bool,
    within: bool,
) -> pd.DataFrame:
    """Service intervals until `last_us`, from where each connector last began to serve before `first_us`."""
    asked = {
        "least": int(connectors[0]),
        "most": int(connectors[-1]),
        "since": "-infinity" if whole else iso(from_us(first_us)),
        "until": iso(from_us(last_us)),
        "serving": states.SERVING,
    }
    queries = [_SINCE] if whole else [_BEFORE, _SINCE]
    rows = [
        bulk.read_within(connection, query.format(**asked), _KINDS)
        if within
        else bulk.read(database.dsn(), query.format(**asked))
        for query in queries
    ]
    found = pd.concat([pd.DataFrame(one) for one in rows], ignore_index=True)
    found = found[np.isin(found["connector"].to_numpy(), connectors)]
    # Before its first change a connector has no data: from where its life begins.
    begins = life.groupby("connector_no")["from_us"].min()
    earliest = found.groupby("connector")["at_us"].min().reindex(begins.index).fillna(last_us)
    begins = begins[begins.to_numpy() < earliest.to_numpy()]
    blank = pd.DataFrame(
        {
            "connector": begins.index.to_numpy(dtype=np.int64),
            "at_us": begins.to_numpy(),
            "state": states.NO_DATA,
            "reason": states.BEFORE_FIRST_STATUS,
        }
    )
    found = pd.concat([blank, found], ignore_index=True)
    order = np.lexsort((found["at_us"].to_numpy(), found["connector"].to_numpy()))
    connector, at = found["connector"].to_numpy()[order], found["at_us"].to_numpy()[order]
    ends_at = np.full(len(at), last_us)
    same = connector[1:] == connector[:-1]
    ends_at[:-1][same] = at[1:][same]
    return pd.DataFrame(
        {
            "connector": connector,
            "from_us": at,
            "to_us": ends_at,
            "state": found["state"].to_numpy(dtype=np.int8)[order],
            "reason": found["reason"].to_numpy(dtype=np.int8)[order],
            "status_row": -1,
        }
    )


def _proven(orders: pd.DataFrame, connectors: Ints, settings: IntervalSettings) -> pd.DataFrame:
    """The union of proven sessions of some connectors: connector, from_us, to_us."""
    proving = orders[counting(orders, settings)]
    proving = proving[proven(proving, settings)]
    if proving.empty:
        return _no_stretches()
    calendar = Calendar.over(connectors, int(proving["started_us"].min()), int(proving["ended_us"].max()))
    guns = signs.of_connectors(proving, calendar)
    ends = (calendar.place(guns["connector"].to_numpy(), guns[name].to_numpy()) for name in ("started_us", "ended_us"))
    union = Stretches.union(*ends)
    return pd.DataFrame(
        {
            "connector": calendar.connector(union.start),
            "from_us": calendar.at_us(union.start),
            "to_us": calendar.at_us(union.end),
        }
    )


def _no_stretches() -> pd.DataFrame:
    return pd.DataFrame({name: np.zeros(0, dtype=np.int64) for name in ("connector", "from_us", "to_us")})


def none_changed() -> pd.DataFrame:
    """connector, from_us: of nobody."""
    return pd.DataFrame({name: np.zeros(0, dtype=np.int64) for name in ("connector", "from_us")})
