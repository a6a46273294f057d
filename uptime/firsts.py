"""First items: a connector's first on its charger's commissioning day, and its first ever, from which its life counts.

Looked up once in the facts, then kept; forgotten for connectors about which something came late.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import psycopg

from chargewatch.instants import from_us, to_us
from uptime.evidence import Ints
from uptime.life import NEVER, commissioning_days

_EVER_US = -1
"""Stands for the day 'ever', before every day that a charger can have been commissioned on."""


def first_items(
    connection: psycopg.Connection,
    placements: pd.DataFrame,
    zone: ZoneInfo,
    until: datetime,
    as_of: datetime,
    *,
    keep: bool = False,
) -> tuple[pd.Series, pd.Series]:
    """What uptime.life.first_items gives, out of what is kept and, for what is not, out of the facts before `until`.

    What is looked up is kept if asked for. What is kept must stand on everything recorded by `as_of` (uptime.kept).
    """
    days = commissioning_days(placements, zone)
    asked = pd.DataFrame({"connector": placements["connector_no"].to_numpy(dtype=np.int64)}, index=placements.index)
    asked["since"] = days["day_from_us"].where(days["day_to_us"] != NEVER, _EVER_US)
    asked["until"] = days["day_to_us"].where(days["day_to_us"] != NEVER, to_us(until))
    wanted = asked[asked["since"] < to_us(until)].drop_duplicates(["connector", "since"])
    kept = _kept(connection)
    missing = wanted[~_in(wanted, kept)]
    if len(missing):
        found = _looked_up(connection, missing, until, as_of)
        if keep:
            _keep(connection, found)
        kept = pd.concat([kept, found], ignore_index=True)
    at = asked.merge(kept, how="left", on=["connector", "since"])["at"].fillna(NEVER).astype(np.int64)
    at.index = placements.index
    commissioned = days["day_to_us"] != NEVER
    return at.where(commissioned, NEVER), at.where(~commissioned, NEVER)


def _keep(connection: psycopg.Connection, found: pd.DataFrame) -> None:
    with connection.cursor().copy(b"COPY first_item FROM STDIN") as copy:
        for connector, since, at in found.itertuples(index=False, name=None):
            day = "-infinity" if since == _EVER_US else from_us(since)
            copy.write_row((connector, day, None if at == NEVER else from_us(at)))


def forget(connection: psycopg.Connection, connectors: Ints) -> None:
    """Look these up again when they are asked for next, and all of which nothing was known."""
    connection.execute(
        "DELETE FROM first_item WHERE at IS NULL OR connector_no = ANY(%s)", [[int(one) for one in connectors]]
    )


def _kept(connection: psycopg.Connection) -> pd.DataFrame:
    rows = connection.execute(
        "SELECT connector_no,"
        f" CASE WHEN since = '-infinity' THEN {_EVER_US} ELSE (extract(epoch FROM since) * 1000000)::bigint END,"
        f" coalesce((extract(epoch FROM at) * 1000000)::bigint, {NEVER}) FROM first_item"
    ).fetchall()
    return pd.DataFrame(rows, columns=["connector", "since", "at"], dtype=np.int64)


def _in(wanted: pd.DataFrame, kept: pd.DataFrame) -> pd.Series:
    both = wanted[["connector", "since"]].merge(kept, how="left", on=["connector", "since"], indicator=True)
    there = both["_merge"] == "both"
    there.index = wanted.index
    return there


_LOOK = """
SELECT no, since, least(
  (SELECT min(at) FROM status_fact WHERE connector_no = no AND at >= first AND at < last AND recorded_at <= %(as_of)s),
  (SELECT min(at) FROM meter_fact WHERE connector_no = no AND at >= first AND at < last AND recorded_at <= %(as_of)s),
  (SELECT min(at) FROM heartbeat_fact WHERE connector_no = no AND at >= first AND at < last
   AND recorded_at <= %(as_of)s),
  (SELECT min(instant) FROM session_fact CROSS JOIN LATERAL (VALUES (started_at), (at)) AS ends (instant)
   WHERE connector_nos @> ARRAY[no] AND instant >= first AND instant < last AND recorded_at <= %(as_of)s
   AND started_at < %(until)s))
FROM unnest(%(no)s::int[], %(since)s::bigint[], %(first)s::timestamptz[], %(last)s::timestamptz[])
  AS asked (no, since, first, last)
"""


def _looked_up(connection: psycopg.Connection, missing: pd.DataFrame, until: datetime, as_of: datetime) -> pd.DataFrame:
    ends = np.minimum(missing["until"], to_us(until))
    values = {
        "no": missing["connector"].tolist(),
        "since": missing["since"].tolist(),
        "first": [from_us(max(one, 0)) for one in missing["since"]],
        "last": [from_us(one) for one in ends],
        "as_of": as_of,
        "until": until,
    }
    rows = connection.execute(_LOOK.encode(), values).fetchall()
    told = [(no, since, NEVER if at is None else to_us(at)) for no, since, at in rows]
    return pd.DataFrame(told, columns=["connector", "since", "at"], dtype=np.int64)
