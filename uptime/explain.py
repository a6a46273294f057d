"""Why a connector's time counts as it does: every interval with the messages at its ends and the profile's effect."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from chargewatch.errors import Refusal
from chargewatch.instants import from_us, iso, seconds, to_us
from registry import snapshot
from uptime.account import EFFECTS, account
from uptime.declarations import reach
from uptime.profile import Profile
from uptime.report import declarations, parts
from uptime.settings import IntervalSettings
from uptime.states import REASONS, STATES
from uptime.units import Units


def compute(
    connection: psycopg.Connection,
    *,
    operator_id: str,
    connector_id: str,
    start: datetime,
    end: datetime,
    last_day: date,
    profile: Profile,
    settings: IntervalSettings,
    as_of: datetime,
) -> list[dict[str, Any]]:
    """Every stretch of [start, end) in which nothing changes, for one connector, in order of time.

    `last_day` is the policy day after the last one that is looked at. Each row: from, to, seconds, state, reason,
    effect, cause and declaration_id where one covers it, `begins` and `ends`: the items (kind, at, what they said,
    receipt) with the message each came in (topic, boot_id, seq, place, SHA-256) that stand at its ends.
    """
    registry = snapshot.load(connection, as_of)
    connectors = registry.tables["connectors"]
    mine = connectors[(connectors["operator_id"] == operator_id) & (connectors["connector_id"] == connector_id)]
    if mine.empty:
        raise Refusal(
            f"the registry knows no connector {connector_id!r} of operator {operator_id!r}",
            "a connector_id and its --operator as in `chargewatch registry export`",
        )
    number = int(mine["connector_no"].iloc[0])
    declared = declarations(registry, profile, start.astimezone(profile.zone).date(), last_day + timedelta(days=2))
    rows: list[dict[str, Any]] = []
    for part in parts(connection, registry, last_day, [(profile, settings)], as_of, np.array([number])):
        measured = part.measured(profile, settings)
        reached = reach(declared, measured.life, profile)
        pieces = account(measured.timeline, measured.life, reached, profile, to_us(start), to_us(end))
        pieces = _of(number, pieces, measured)
        whole = measured.timeline.intervals
        for piece in pieces.itertuples():
            interval = whole.iloc[piece.interval]
            by = reached[(reached["connector"] == piece.connector) & (reached["rule"] == piece.rule)]
            by = by[(by["from_us"] <= piece.from_us) & (by["to_us"] >= piece.to_us)]["declaration"].to_numpy()
            rows.append(
                {
                    "from": iso(piece.from_us),
                    "to": iso(piece.to_us),
                    "seconds": seconds(piece.to_us - piece.from_us),
                    "state": STATES[piece.state],
                    "reason": REASONS[piece.reason],
                    "effect": EFFECTS[piece.effect],
                    "cause": profile.causes[piece.rule].cause if piece.rule >= 0 else None,
                    "declaration_id": declared.loc[by[0], "declaration_id"] if len(by) else None,
                    "begins": _evidence(connection, number, from_us(interval["from_us"]), as_of, latest=True),
                    "ends": _evidence(connection, number, from_us(interval["to_us"]), as_of, latest=False),
                }
            )
    return rows


def _of(number: int, pieces: pd.DataFrame, measured: Units) -> pd.DataFrame:
    """The pieces of the units that the connector belongs to, while it does."""
    mine = measured.members[measured.members["connector_no"] == number]
    own = [
        pieces[(pieces["connector"] == one.unit) & (pieces["from_us"] < one.to_us) & (pieces["to_us"] > one.from_us)]
        for one in mine.itertuples()
    ]
    both = pd.concat(own) if own else pieces.iloc[:0]
    return both.drop_duplicates(["connector", "from_us"]).sort_values("from_us", kind="stable")


def _evidence(
    connection: psycopg.Connection, number: int, at: datetime, as_of: datetime, *, latest: bool
) -> list[dict[str, Any]]:
    """The items at an instant; with `latest`, where there are none, the last ones before it."""
    rows = connection.execute(_ITEMS.encode(), {"number": number, "at": at, "as_of": as_of, "back": latest}).fetchall()
    names = ["kind", "at", "said", "received_at", "topic", "boot_id", "seq", "place", "sha256"]
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**one, "at": iso(one["at"]), "received_at": iso(one["received_at"])} for one in found]


def _items(kind: str, column: str, said: str, number: str = "connector_no = %(number)s") -> str:
    return f"""
      (SELECT '{kind}' AS kind, {column} AS moment, {said} AS said, fact.received_at, boot_id, seq, place, message_id
       FROM {kind}_fact AS fact
       WHERE {number} AND {column} <= %(at)s AND recorded_at <= %(as_of)s AND ({column} = %(at)s OR %(back)s)
       ORDER BY {column} DESC LIMIT 12)"""


_ITEMS = f"""
    WITH items AS ({
    " UNION ALL ".join(
        [
            _items("status", "at", "status"),
            _items("meter", "at", "energy_kwh || ' kWh'"),
            _items("heartbeat", "at", "'alive'"),
            _items("session", "started_at", "session_id || ' starts'", "connector_nos @> ARRAY[%(number)s::int]"),
            _items("session", "at", "session_id || ' ends'", "connector_nos @> ARRAY[%(number)s::int]"),
        ]
    )
}), last AS (SELECT max(moment) AS moment FROM items)
    SELECT items.kind, items.moment, said, items.received_at, topic, items.boot_id, items.seq, place,
      encode(sha256, 'hex')
    FROM items JOIN last USING (moment)
    JOIN message ON message.message_id = items.message_id AND message.received_at = items.received_at
    ORDER BY items.kind, said, items.received_at, items.boot_id, items.seq, place
"""
