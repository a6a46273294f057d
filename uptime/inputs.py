"""Loading: what was recorded between two knowledge times, input by input.

An input is what one sender's messages of one kind brought, one order that was corrected, or one registry row that
changed. Facts are grouped by operator, kind and boot, because single heartbeats decide nothing; copies that were
recorded later but received earlier (semantics 2.5) stand apart from new items.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import psycopg

from chargewatch import bulk
from chargewatch.instants import iso
from registry.contents import Registry
from registry.history import Story, differences, stories
from registry.serials import normal
from registry.tables import DEFAULT_TIME_ZONE
from registry.values import plain
from uptime.evidence import Facts, Ints
from uptime.facts import sessions
from uptime.states import STATUSES

_SERIES = ("status", "meter", "heartbeat")
_GROUP = ["operator_id", "boot_id", "earlier_receipt", "order"]


@dataclass(frozen=True, slots=True)
class Items:
    """What came in of one kind (status, meter, heartbeat, session): one row an item and connector.

    Columns connector, at_us, boot_id, seq, received_us, operator_id, earlier_receipt, order (the id of an order that
    was known before, else empty), group; and what uptime.evidence.Facts has of that kind (of sessions without it:
    `row` is the row of `orders`).
    """

    kind: str
    rows: pd.DataFrame
    orders: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A registry row that was added or changed between two knowledge times."""

    story: Story
    before: dict[str, Any] | None
    after: dict[str, Any]


def items(
    connection: psycopg.Connection,
    dsn: str,
    registry: Registry,
    numbers: Ints,
    window: tuple[datetime, datetime],
    until: datetime,
    known_orders: pd.DataFrame,
) -> list[Items]:
    """Items about some connectors before `until` that were recorded after window[0] and by window[1].

    `known_orders`: the sessions that were known before.
    """
    since, as_of = window
    operators = registry.tables["connectors"].drop_duplicates("connector_no").set_index("connector_no")["operator_id"]
    found = []
    for kind in _SERIES:
        more = ", status, place::bigint AS place" if kind == "status" else ""
        rows = pd.DataFrame(
            bulk.read(
                dsn,
                f"SELECT connector_no::bigint AS connector, {_us('at')} AS at_us, {_us('received_at')} AS received_us,"
                f" boot_id, seq, (copy > 0)::int::bigint AS earlier_receipt{more} FROM {kind}_fact"
                f" WHERE connector_no = ANY('{{{','.join(map(str, numbers))}}}') AND recorded_at > '{iso(since)}'"
                f" AND recorded_at <= '{iso(as_of)}' AND at < '{iso(until)}'",
            )
        )
        if kind == "status":
            code = pd.Series(np.arange(len(STATUSES)), index=list(STATUSES))
            rows["status"] = code.reindex(rows["status"]).to_numpy(dtype=np.int64)
        rows["operator_id"] = operators.reindex(rows["connector"]).to_numpy()
        found.append(Items(kind, _grouped(rows.assign(order=""))))
    orders = sessions(connection, as_of, numbers, until, since)
    guns = orders[["operator_id", "session_id", "ended_us", "received_us", "boot_id", "seq", "connector_nos"]]
    guns = (
        guns.assign(row=np.arange(len(guns)))
        .explode("connector_nos")
        .rename(columns={"connector_nos": "connector", "ended_us": "at_us"})
    )
    guns = guns[np.isin(guns["connector"].to_numpy(dtype=np.int64), numbers)].astype({"connector": np.int64})
    names = ["operator_id", "session_id"]
    again = pd.MultiIndex.from_frame(orders[names]).duplicated(keep=False)
    again |= pd.MultiIndex.from_frame(orders[names]).isin(pd.MultiIndex.from_frame(known_orders[names]))
    guns["order"] = np.where(again[guns["row"].to_numpy(dtype=np.int64)], guns["session_id"], "")
    found.append(Items("session", _grouped(guns.assign(earlier_receipt=0)), orders))
    return [one for one in found if len(one.rows)]


def touched(connection: psycopg.Connection, window: tuple[datetime, datetime], until: datetime) -> set[int]:
    """Connectors that any item before `until` is about that was recorded after window[0] and by window[1]."""
    parts = [f"SELECT connector_no FROM {kind}_fact WHERE {_WITHIN.format('at')}" for kind in _SERIES]
    parts.append(f"SELECT unnest(connector_nos) FROM session_fact WHERE {_WITHIN.format('started_at')}")
    asked = {"since": window[0], "as_of": window[1], "until": until}
    return {row[0] for row in connection.execute(" UNION ".join(parts).encode(), asked)}


_WITHIN = "recorded_at > %(since)s AND recorded_at <= %(as_of)s AND {} < %(until)s"


def changes(connection: psycopg.Connection, window: tuple[datetime, datetime]) -> list[Change]:
    """Registry rows of which the version in force differs between the two knowledge times."""
    found = []
    for story in stories(connection, since=window[0], until=window[1]):
        before, after = story.at(window[0]), story.at(window[1])
        assert after is not None
        if differences(before, after, story.table) or before is None:
            found.append(Change(story, None if before is None else before.cells, after.cells))
    return found


def reached(change: Change, registries: Iterable[Registry]) -> set[int]:
    """Connectors whose time a registry row may have a say about, by either of the registries."""
    numbers: set[int] = set()
    for registry in registries:
        for cells in (change.before, change.after):
            if cells is not None:
                numbers |= _reached(change.story.table.name, cells, registry)
    return numbers


def _reached(table: str, cells: dict[str, Any], registry: Registry) -> set[int]:
    connectors, chargers = registry.tables["connectors"], registry.tables["chargers"]
    scope = {"operators": "operator", "stations": "station", "chargers": "charger", "connectors": "connector"}.get(
        table
    )
    scope_id = cells.get(f"{scope}_id")
    if table == "declarations":
        scope, scope_id = cells["scope"], cells["scope_id"]
    if scope == "platform":
        return set(connectors["connector_no"])
    mine = connectors[connectors["operator_id"] == cells.get("operator_id")]
    if scope == "operator":
        return set(mine["connector_no"])
    if scope == "station":
        there = chargers[(chargers["operator_id"] == cells["operator_id"]) & (chargers["station_id"] == scope_id)]
        return set(mine[mine["charger_id"].isin(there["charger_id"])]["connector_no"])
    if scope == "charger":  # and every other one that has its serial number: it may be the same one, come back
        of_operator = chargers[chargers["operator_id"] == cells["operator_id"]]
        number = normal(cells.get("serial_no"))  # none where a declaration names the charger
        same = [one != "" and one == number for one in map(normal, of_operator["serial_no"])]
        return set(mine[mine["charger_id"].isin({scope_id, *of_operator[same]["charger_id"]})]["connector_no"])
    if scope == "connector":
        return set(mine[mine["connector_id"] == scope_id]["connector_no"])
    return set()  # tariffs, meters, awards: nothing that availability reads


def facts_of(found: Sequence[Items], chosen: Callable[[str, int], bool], empty: Facts) -> Facts:
    """The items of the chosen groups (kind, group) as facts about the connectors of `empty`, a Facts without any."""
    tables: dict[str, pd.DataFrame] = {}
    for one in found:
        groups = [group for group in one.rows["group"].unique() if chosen(one.kind, int(group))]
        rows = one.rows[one.rows["group"].isin(groups)]
        if one.orders is not None:
            tables["sessions"] = one.orders.iloc[np.unique(rows["row"].to_numpy(dtype=np.int64))]
        else:
            name = {"status": "statuses", "meter": "meters", "heartbeat": "heartbeats"}[one.kind]
            tables[name] = rows[list(getattr(empty, name).columns)]
    kinds = {name: tables.get(name, getattr(empty, name)) for name in ("statuses", "meters", "heartbeats", "sessions")}
    return Facts(connectors=empty.connectors, reporting=empty.reporting, **kinds)


def said_of_items(kind: str, rows: pd.DataFrame) -> dict[str, Any]:
    """What an input of facts says of itself: whose messages, from where to where, how many, and how late."""
    first = rows.iloc[0]
    once = rows.drop_duplicates(["boot_id", "seq", "at_us", "connector"])
    return {
        "input": kind,
        "operator_id": first["operator_id"],
        "boot_id": first["boot_id"],
        "first_seq": int(rows["seq"].min()),
        "last_seq": int(rows["seq"].max()),
        "items": len(once) if kind != "session" else int(rows["row"].nunique()),
        "first_at": iso(int(rows["at_us"].min())),
        "last_at": iso(int(rows["at_us"].max())),
        "last_received_at": iso(int(rows["received_us"].max())),
        **({"session_id": first["order"]} if first["order"] else {}),
        **({"earlier_receipts": True} if first["earlier_receipt"] else {}),
    }


def said_of_change(change: Change) -> dict[str, Any]:
    """What a changed registry row says of itself: the row, each cell before and after, and who changed it when."""
    zone = ZoneInfo(DEFAULT_TIME_ZONE)
    last = change.story.versions[-1]
    before = None if change.before is None else next(one for one in change.story.versions if one.cells is change.before)
    cells = differences(before, last, change.story.table)
    said = {name: [plain(old, zone), plain(new, zone)] for name, (old, new) in cells.items()}
    return {
        "input": "declaration" if change.story.table.name == "declarations" else "registry",
        "table": change.story.table.name,
        "key": plain(dict(zip(change.story.table.key, change.story.key, strict=True)), zone),
        "change": _verb(change, cells),
        "cells": said,
        "recorded_at": iso(last.recorded_at),
        "imported_by": last.imported_by,
        "source": last.source,
        "import_id": last.import_id,
    }


def _verb(change: Change, cells: dict[str, tuple[Any, Any]]) -> str:
    if change.before is None:
        return "filed" if change.story.table.name == "declarations" else "added"
    if change.story.table.name == "declarations" and cells.get("withdrawn_at", (None, None))[1] is not None:
        return "withdrawn"
    return "changed"


def _grouped(rows: pd.DataFrame) -> pd.DataFrame:
    if rows.empty:
        return rows.assign(group=np.zeros(0, dtype=np.int64))
    # A corrected order stands for itself, whatever message its versions came in.
    key = rows[_GROUP].assign(boot_id=rows["boot_id"].where(rows["order"] == "", ""))
    return rows.assign(group=key.groupby(_GROUP, sort=True).ngroup().to_numpy())


def _us(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"
