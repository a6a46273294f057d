"""Identities a second time: every pair of things, every day, one after the other; for the tests only.

Written from the specification; positions are compared by the chord through the earth, not by the engine's formula.
"""

import math
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

Row = Mapping[str, Any]
Thing = tuple[str, str]
RADIUS_M = 6_371_008.8


def number(text: str | None) -> str:
    """A serial or meter number as it is compared."""
    told = unicodedata.normalize("NFKC", text or "").upper()
    return "".join(one for one in told if one not in " -‐‑–—")


def in_force(rows: list[Row], day: date) -> Row | None:
    """Of one thing's rows the one that holds on a day."""
    held = [row for row in rows if (row.get("valid_from") or date.min) <= day]
    return max(held, key=lambda row: row.get("valid_from") or date.min, default=None)


def chargers_on(tables: Mapping[str, list[Row]], day: date) -> dict[Thing, Row]:
    """Chargers in service on a day."""
    found = {}
    for key in {(row["operator_id"], row["charger_id"]) for row in tables["chargers"]}:
        row = in_force([one for one in tables["chargers"] if (one["operator_id"], one["charger_id"]) == key], day)
        if row and (row.get("commissioned_on") or date.min) <= day < (row.get("retired_on") or date.max):
            found[key] = row
    return found


def last_charger(tables: Mapping[str, list[Row]], connector: Thing) -> Row | None:
    """The last row of the charger that a connector last belonged to."""
    mine = [row for row in tables["connectors"] if (row["operator_id"], row["connector_id"]) == connector]
    if not mine:
        return None
    charger_id = max(mine, key=lambda row: row.get("valid_from") or date.min)["charger_id"]
    rows = [row for row in tables["chargers"] if (row["operator_id"], row["charger_id"]) == (connector[0], charger_id)]
    return max(rows, key=lambda row: row.get("valid_from") or date.min, default=None)


def runs(tables: Mapping[str, list[Row]], connector: Thing, day: date) -> bool:
    """Whether a connector was not taken out of service for good by a day."""
    charger = last_charger(tables, connector)
    return charger is None or not charger.get("retired_on") or day < charger["retired_on"]


def metres(one: tuple[Any, Any], other: tuple[Any, Any]) -> float:
    """Distance of two positions along the surface, from the straight line through the earth."""
    points = []
    for longitude, latitude in (one, other):
        east, north = math.radians(longitude), math.radians(latitude)
        points.append((math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)))
    return RADIUS_M * 2 * math.asin(min(1.0, math.dist(*points) / 2))


def duplicates(tables: Mapping[str, list[Row]], days: list[date], within_m: float) -> set[tuple[str, str, str]]:
    """Code, operator and id of everything that is registered twice on one of these days."""
    found = set()
    for day in days:
        chargers = chargers_on(tables, day)
        held: dict[str, list[tuple[str, Thing]]] = {"duplicate_serial": [], "duplicate_meter": [], "duplicate_qr": []}
        for key, row in chargers.items():
            held["duplicate_serial"].append((number(row["serial_no"]), key))
        for row in tables["meters"]:
            key = (row["operator_id"], row["connector_id"])
            there = (row.get("installed_on") or date.min) <= day < (row.get("removed_on") or date.max)
            if there and runs(tables, key, day):
                held["duplicate_meter"].append((number(row["meter_no"]), key))
        for key in {(row["operator_id"], row["connector_id"]) for row in tables["connectors"]}:
            rows = [row for row in tables["connectors"] if (row["operator_id"], row["connector_id"]) == key]
            row_now = in_force(rows, day)
            if row_now and runs(tables, key, day):
                held["duplicate_qr"].append(((row_now.get("qr_code") or "").strip(), key))
        for code, told in held.items():
            for name, key in told:
                if name and any(name == other and key != theirs for other, theirs in told):
                    found.add((code, *key))
        at = {}
        for key, row in chargers.items():
            place = row if row.get("longitude") is not None else None
            if place is None:
                rows = [one for one in tables["stations"] if one["operator_id"] == key[0]]
                place = in_force([one for one in rows if one["station_id"] == row["station_id"]], day)
                if place and place.get("closed_on") and place["closed_on"] <= day:
                    place = None
            if place and place.get("longitude") is not None:
                at[key] = ((key[0], row["station_id"]), (float(place["longitude"]), float(place["latitude"])))
        for key, (station, position) in at.items():
            for other, there_at in at.values():
                if other != station and metres(position, there_at) <= within_m:
                    found.add(("same_place", *key))
    return found


def every_day(tables: Mapping[str, list[Row]]) -> list[date]:
    """Days from which something can be another."""
    names = ("valid_from", "commissioned_on", "retired_on", "installed_on", "removed_on", "closed_on")
    days = {row[name] for rows in tables.values() for row in rows for name in names if row.get(name)}
    return sorted({date(2000, 1, 1), *days, *(day - timedelta(days=1) for day in days)})
