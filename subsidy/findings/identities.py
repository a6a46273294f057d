"""Meters, QR codes and places that are registered twice, and the orders that they touch (semantics 8)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from subsidy.findings.found import Findings, Group, Ints, Looked
from subsidy.identity.holdings import Registered, meters, qr_codes
from subsidy.identity.judgements import Judgement, same_place, shared
from subsidy.place import EPOCH
from subsidy.versions import Versions, rows


def found(looked: Looked) -> Iterator[Findings]:
    """Findings that need the registry alone; each touches the orders of its connector or charger on its days."""
    for code, subject, judged in _judged(looked):
        mine = [one for one in judged if one.code == code]
        yield looked.groups_found(code, subject, tuple(_groups(mine, looked, f"{subject}_id")))


def _judged(looked: Looked) -> Iterator[tuple[str, str, list[Judgement]]]:
    tables, policy = looked.tables, looked.policy
    if not {"chargers", "connectors", "stations", "meters"} <= set(tables):
        return
    registered = Registered(
        Versions(tables["chargers"], "operator_id", "charger_id"),
        Versions(tables["connectors"], "operator_id", "connector_id"),
        Versions(tables["stations"], "operator_id", "station_id"),
        tuple(rows(tables["meters"])),
    )
    connector = "connector"
    yield (
        "duplicate_meter", connector,
        list(shared(meters(registered), "duplicate_meter", connector, "meter", policy)),
    )  # fmt: skip
    yield "duplicate_qr", connector, list(shared(qr_codes(registered), "duplicate_qr", connector, "qr", policy))
    yield "same_place", "charger", list(same_place(registered, policy))


def _groups(judged: list[Judgement], looked: Looked, column: str) -> Iterator[Group]:
    place = looked.place
    named = pd.MultiIndex.from_arrays([place["operator_id"].astype(object), place[column].astype(object)])
    wanted = {(one.operator_id, one.id) for one in judged}
    of: dict[tuple[str, str], list[int]] = {}
    for position in np.flatnonzero(named.isin(list(wanted))) if wanted else ():
        of.setdefault(named[position], []).append(int(position))
    row, day = place["row"].to_numpy(), place["day"].to_numpy()
    for one in sorted(judged, key=lambda one: (one.operator_id, one.id, one.from_day)):
        at: Ints = np.array(of.get((one.operator_id, one.id), []), dtype=np.int64)
        first, end = ((each - EPOCH).days for each in (one.from_day, one.until_day))
        mine = np.unique(row[at[(day[at] >= first) & (day[at] < end)]])
        mine = mine[looked.live[mine]]
        yield Group(one.operator_id, one.id, first, mine, one.seen, one.evidence)
