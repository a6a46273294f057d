"""Why a connector's time counts as it does: every interval with the messages at its ends and the profile's effect."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import psycopg

from chargewatch.errors import Refusal
from chargewatch.instants import from_us, iso, seconds, to_us
from registry import snapshot
from registry.contents import Registry
from registry.serials import normal
from registry.values import plain
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
    receipt) with the message each came in (topic, boot_id, seq, place, SHA-256) that stand at its ends. `because`:
    where a connector counts as serving because its charger serves another one, the other ones of that charger with what
    they said last until then and at its end (uptime.sharing); where its charger is away, the ids of its serial number
    with their days (uptime.returning).
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

    def because(number: int, piece: Any) -> list[dict[str, Any]]:
        if REASONS[piece.reason] == "away":
            return _returns(registry, life, number, piece.from_us, profile.zone)
        if REASONS[piece.reason] != "charger_in_use":
            return []
        start, end = from_us(piece.from_us), from_us(piece.to_us)
        ids = connectors.drop_duplicates("connector_no").set_index("connector_no")["connector_id"]
        return [
            {
                "connector_id": ids[other],
                "begins": _evidence(connection, other, start, as_of, latest=True, items=_SPOKEN),
                "ends": _evidence(connection, other, end, as_of, latest=True, items=_SPOKEN),
            }
            for other in _siblings(life, number, piece.from_us)
        ]

    for part in parts(connection, registry, last_day, [(profile, settings)], as_of, np.array([number])):
        measured, life = part.measured(profile, settings), part.life
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
                    "because": because(number, piece),
                }
            )
    return rows


def _siblings(life: pd.DataFrame, number: int, at_us: int) -> list[int]:
    """The other connectors that stand on the connector's charger at an instant."""
    there = life[(life["from_us"] <= at_us) & (at_us < life["to_us"])]
    mine = there[there["connector_no"] == number][["operator_id", "charger_id"]]
    both = there.merge(mine.drop_duplicates(), on=["operator_id", "charger_id"])
    return sorted(int(one) for one in set(both["connector_no"]) - {number})


def _returns(registry: Registry, life: pd.DataFrame, number: int, at_us: int, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Every charger of the operator that has the serial number of the connector's charger at an instant."""
    there = life[(life["connector_no"] == number) & (life["from_us"] <= at_us) & (at_us < life["to_us"])]
    chargers = registry.tables["chargers"]
    chargers = chargers[chargers["operator_id"].isin(there["operator_id"])]
    mine = {normal(one) for one in chargers[chargers["charger_id"].isin(there["charger_id"])]["serial_no"]} - {""}
    same = chargers[[normal(one) in mine for one in chargers["serial_no"]]]
    kept = ("charger_id", "serial_no", "valid_from", "commissioned_on", "retired_on")
    return [{name: plain(row[name], zone) for name in kept} for row in same.to_dict("records")]


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
    connection: psycopg.Connection,
    number: int,
    at: datetime,
    as_of: datetime,
    *,
    latest: bool,
    items: str = "",
) -> list[dict[str, Any]]:
    """The items at an instant; with `latest`, where there are none, the last ones before it."""
    asked = items or _ITEMS
    rows = connection.execute(asked.encode(), {"number": number, "at": at, "as_of": as_of, "back": latest}).fetchall()
    names = ["kind", "at", "said", "received_at", "topic", "boot_id", "seq", "place", "sha256"]
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**one, "at": iso(one["at"]), "received_at": iso(one["received_at"])} for one in found]


def _items(kind: str, column: str, said: str, number: str = "connector_no = %(number)s") -> str:
    return f"""
      (SELECT '{kind}' AS kind, {column} AS moment, {said} AS said, fact.received_at, boot_id, seq, place, message_id
       FROM {kind}_fact AS fact
       WHERE {number} AND {column} <= %(at)s AND recorded_at <= %(as_of)s AND ({column} = %(at)s OR %(back)s)
       ORDER BY {column} DESC LIMIT 12)"""


_STATUS = _items("status", "at", "status")
_OTHERS = (
    _items("meter", "at", "energy_kwh || ' kWh'"),
    _items("heartbeat", "at", "'alive'"),
)
_ORDERS = (
    _items("session", "started_at", "session_id || ' starts'", "connector_nos @> ARRAY[%(number)s::int]"),
    _items("session", "at", "session_id || ' ends'", "connector_nos @> ARRAY[%(number)s::int]"),
)


def _last(*kinds: str) -> str:
    return f"""
    WITH items AS ({" UNION ALL ".join(kinds)}), last AS (SELECT max(moment) AS moment FROM items)
    SELECT items.kind, items.moment, said, items.received_at, topic, items.boot_id, items.seq, place,
      encode(sha256, 'hex')
    FROM items JOIN last USING (moment)
    JOIN message ON message.message_id = items.message_id AND message.received_at = items.received_at
    ORDER BY items.kind, said, items.received_at, items.boot_id, items.seq, place
"""


_ITEMS, _SPOKEN = _last(_STATUS, *_OTHERS, *_ORDERS), _last(_STATUS, *_ORDERS)
"""What was heard of a connector; and of that what says whether it was in use."""
