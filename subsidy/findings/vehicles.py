"""Vehicles by their operator's pseudonym: one beyond any battery in a day, a few that have a station to themselves."""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pandas as pd

from subsidy.amounts import plain
from subsidy.findings.found import Findings, Group, Ints, Looked, kwh, members


def found(looked: Looked) -> Iterator[Findings]:
    """Findings that need the pseudonym of an order's vehicle; none where it is not told."""
    if looked.vehicles is None:
        return
    yield _one_vehicle(looked, looked.vehicles.codes.astype(np.int64))
    yield _fleet_as_public(looked, looked.vehicles.codes.astype(np.int64))


def _one_vehicle(looked: Looked, vehicle: Ints) -> Findings:
    code = "one_vehicle"
    row = np.flatnonzero(looked.among(code) & (vehicle >= 0) & (looked.energy > 0))
    keys = ["operator", "vehicle", "day"]
    orders = pd.DataFrame(
        {"operator": looked.sessions["operator_id"].to_numpy()[row], "vehicle": vehicle[row], "day": looked.day[row],
         "energy": looked.energy[row], "row": row}
    )  # fmt: skip
    sums = orders.groupby(keys, sort=True, observed=True)["energy"].sum()
    beyond = sums[sums > looked.limit_mwh(code)]
    groups = []
    of = members(orders, keys, beyond)
    for key, energy in beyond.items():
        operator_id, number, day = key
        rows = of[key]
        assert looked.vehicles is not None
        values = {"orders": str(len(rows)), "energy": kwh(energy)}
        subject = f"{looked.vehicles.categories[number]}/{np.datetime64(int(day), 'D')}"
        groups.append(Group(str(operator_id), subject, int(day), rows, values))
    return looked.groups_found(code, "vehicle-day", tuple(groups))


def _fleet_as_public(looked: Looked, vehicle: Ints) -> Findings:
    """Station-months whose energy goes to vehicles that come again and again; only their orders are touched."""
    code = "fleet_as_public"
    first = looked.first_place
    row = np.flatnonzero(looked.among(code) & (looked.energy > 0) & (first["category"] == "public").to_numpy())
    orders = pd.DataFrame(
        {"operator": first["operator_id"].to_numpy()[row], "station": first["station_id"].to_numpy()[row],
         "month": looked.month[row], "vehicle": vehicle[row], "energy": looked.energy[row], "row": row}
    )  # fmt: skip
    keys = ["operator", "station", "month"]
    orders["times"] = orders.groupby([*keys, "vehicle"], observed=True)["row"].transform("size")
    often = (orders["times"] >= int(looked.limit(code, "orders_a_vehicle"))) & (orders["vehicle"] >= 0)
    orders["regular"] = orders["energy"].where(often, 0)
    orders["who"] = orders["vehicle"].where(often)
    by = orders.groupby(keys, sort=True, observed=True)
    sums = by.agg(
        energy=("energy", "sum"), regular=("regular", "sum"), orders=("row", "size"), vehicles=("who", "nunique")
    )
    part, whole = looked.parts(code, "share_of_energy")
    enough = sums["orders"] >= int(looked.limit(code, "least_orders"))
    fleets = sums[enough & (sums["regular"] * whole >= sums["energy"] * part)]
    of = members(orders[often], keys, fleets)
    groups = []
    for key, one in fleets.iterrows():
        operator_id, station_id, month = key
        rows = of[key]
        share = Decimal(int(one["regular"])) * 100 / Decimal(int(one["energy"]))
        values = {
            "vehicles": str(int(one["vehicles"])),
            "share": f"{plain(round(share, 1))} %",
            "orders": str(int(one["orders"])),
        }
        subject = f"{station_id}/{np.datetime64(int(month), 'M')}"
        groups.append(Group(str(operator_id), subject, int(looked.day[rows[0]]), rows, values))
    return looked.groups_found(code, "station-month", tuple(groups))
