"""The inputs between two runs, tried on the connectors whose account they may have changed, part by part."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psycopg

from chargewatch import database
from chargewatch.instants import seconds
from registry import snapshot
from registry.contents import Registry
from registry.placement import placements
from uptime import contests, facts, inputs, worlds
from uptime.attribution import attribute
from uptime.evidence import Facts, Ints
from uptime.figures import LEVELS
from uptime.report import FIRST_DAY
from uptime.units import told_together

if TYPE_CHECKING:
    from uptime.diff import Run

Row = dict[str, Any]
Key = tuple[Any, ...]
Account = tuple[tuple[Any, ...], ...]
"""Rows of uptime.figures.tally of one connector, or of all units that share their stations, by place."""
PLACE = ["operator_id", "connector_id", "charger_id", "station_id", "district", "bound"]
SUMS = ["up", "down", "unknown", "deducted"]
_NO_AGREEMENTS = pd.DataFrame(columns=["connector_no", "from_us", "interval_us"], dtype=np.int64)


@dataclass(slots=True)
class Comparison:
    """The inputs that changed an account."""

    inputs: list[Row]
    """number, input, what it says of itself, connectors, alone_s, left_out_s."""
    counting: dict[tuple[str, str | None, str], set[int]]
    """(level, operator_id, id) → numbers of the inputs that changed the account of what counts for it."""
    time: int | None
    """Number of the input `time`: what was pending became a breach."""
    without_effect: int


@dataclass(slots=True)
class _Input:
    """One input: what it says, the connectors it may touch, and what it was found to have done."""

    what: str
    touches: set[int]
    rows: list[pd.DataFrame] = field(default_factory=list)
    change: inputs.Change | None = None
    lifts: pd.DataFrame | None = None
    said: Row = field(default_factory=dict)
    connectors: set[tuple[str, str]] = field(default_factory=set)
    things: set[tuple[str, str | None, str]] = field(default_factory=set)
    alone: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def told(self) -> Row:
        """The input as a row."""
        said = self.said
        if self.change is not None:
            said = inputs.said_of_change(self.change)
        elif self.rows:
            said = inputs.said_of_items(self.what, pd.concat(self.rows))
        return {
            **said,
            "connectors": [f"{operator} {connector}" for operator, connector in sorted(self.connectors)],
            "alone_s": {name: seconds(us) for name, us in self.alone.items() if us},
            "left_out_s": {name: seconds(us) for name, us in self.left_out.items() if us},
        }


def compare(connection: psycopg.Connection, before: Run, after: Run) -> Comparison:
    """What was recorded, read otherwise or passed between two runs of one period and changed an account."""
    old, new = (snapshot.load(connection, run.as_of) for run in (before, after))
    window = (before.as_of, after.as_of)
    until = max(worlds.until(_world(run, registry, None)) for run, registry in ((before, old), (after, new)))
    cluster = _clusters(before, after, old, new)
    shared = _readings(before, after, set(cluster))
    for change in inputs.changes(connection, window):
        key = ("a", change.story.table.name, *(str(cell or "") for cell in change.story.key))
        shared[key] = _Input("registry", inputs.reached(change, (old, new)), change=change)
    decided = contests.granted(connection, after.as_of, before.as_of)
    told = contests.said(connection, decided["contest_no"])
    for number, lifts in decided.groupby("contest_no"):
        touches = {int(one) for one in lifts["connector"]}
        shared["d", "contest", f"{number:012d}"] = _Input("contest", touches, lifts=lifts, said=told[int(number)])
    touched = inputs.touched(connection, window, until).union(*(one.touches for one in shared.values()))
    found: dict[Key, _Input] = {}
    tried = {key for key, one in shared.items() if one.touches}
    for part in _parts(cluster, touched):
        tried |= _Part(connection, before, after, old, new, part, until, cluster, shared).try_all(found)
    ripened = before.ripe != after.ripe
    if ripened:
        said = {"input": "time", "change": "what is pending became a breach", "cells": {"ripe": ["no", "yes"]}}
        found.setdefault(("z", "time"), _Input("time", set(), said=said))
    keys = sorted(found)
    counting: dict[tuple[str, str | None, str], set[int]] = {}
    for number, key in enumerate(keys, 1):
        for thing in found[key].things:
            counting.setdefault(thing, set()).add(number)
    rows = [{"number": number, **found[key].told()} for number, key in enumerate(keys, 1)]
    return Comparison(rows, counting, len(keys) if ripened else None, len(tried - set(keys)))


def _world(run: Run, registry: Registry, known: Facts | None) -> worlds.World:
    nothing = known or Facts(np.zeros(0, dtype=np.int64), *[pd.DataFrame()] * 5)
    return worlds.World(registry, nothing, run.profile, run.settings, run.first_day, run.last_day, run.as_of)


def _clusters(before: Run, after: Run, old: Registry, new: Registry) -> dict[int, int]:
    """For each connector the least number of those whose accounts can only be told together."""
    numbers = sorted(set(new.tables["connectors"]["connector_no"]))
    cluster = {number: number for number in numbers}
    views = [(run.profile, run.settings) for run in (before, after)]
    if any(profile.unit != "connector" or settings.sharing is not None for profile, settings in views):
        zone = after.profile.zone
        places = pd.concat(
            [placements(registry, zone, FIRST_DAY, after.last_day) for registry in (old, new)], ignore_index=True
        )
        cluster.update(zip(places["connector_no"], told_together(places, views).tolist(), strict=True))
    return cluster


def _readings(before: Run, after: Run, everyone: set[int]) -> dict[Key, _Input]:
    found = {}
    for what in ("profile", "settings"):
        a, b = getattr(before, what), getattr(after, what)
        if a != b:
            said = {"input": what, "change": "changed", "cells": {"id": [a.id, b.id]}}
            found["c", what] = _Input(what, everyone, said=said)
    if before.as_of != after.as_of and max(before.profile.ahead_us, after.profile.ahead_us):
        # How long what is unknown at the period's end lasts is told by the time after it.
        found["z", "time"] = _Input("time", everyone, said={"input": "time", "change": "the future became known"})
    return found


def _parts(cluster: Mapping[int, int], touched: Collection[int]) -> list[Ints]:
    """The connectors that share an account with a touched one, in parts that split no account."""
    wanted = {cluster[one] for one in touched}
    mine = pd.Series(cluster, dtype=np.int64)
    mine = mine[mine.isin(wanted)].sort_values(kind="stable")
    sizes = mine.groupby(mine).size()
    nth = ((sizes.cumsum() - sizes) // facts.PART).reindex(mine).to_numpy()
    return [np.sort(mine.index.to_numpy(dtype=np.int64)[nth == turn]) for turn in np.unique(nth)]


class _Part:
    """Some connectors between two runs."""

    def __init__(
        self, connection: psycopg.Connection, before: Run, after: Run, old: Registry, new: Registry, part: Ints,
        until: datetime, cluster: Mapping[int, int], shared: Mapping[Key, _Input],
    ) -> None:  # fmt: skip
        self.before, self.after, self.old, self.new = before, after, old, new
        dsn = database.dsn()
        everyone = set(part.tolist())
        self.cluster = {number: cluster[number] for number in part.tolist()}
        self.known = facts.load(connection, dsn, part, _NO_AGREEMENTS, until, before.as_of)
        self.items = inputs.items(connection, dsn, new, part, (before.as_of, after.as_of), until, self.known.sessions)
        self.lifted = contests.granted(connection, before.as_of)
        self.keys: list[Key] = []
        self.mine: list[_Input] = []
        self.groups: dict[tuple[str, int], int] = {}
        for of_kind in self.items:
            for group, rows in of_kind.rows.groupby("group"):
                self.groups[of_kind.kind, int(group)] = len(self.keys)
                first = rows.iloc[0]
                boot = "" if first["order"] else first["boot_id"]
                own = (first["operator_id"], boot, int(first["earlier_receipt"]), first["order"])
                self._add(("b", of_kind.kind, *own), _Input(of_kind.kind, set(rows["connector"]), [rows]))
        for key, one in shared.items():
            if one.touches & everyone:
                self._add(key, one)
        table = new.tables["connectors"].drop_duplicates("connector_no")
        ids = table[["operator_id", "connector_id"]].itertuples(index=False, name=None)
        self.number = dict(zip(ids, table["connector_no"].astype(int), strict=True))
        self.of_station = {} if before.profile.unit == after.profile.unit == "connector" else self._stations(old, new)

    def _stations(self, *registries: Registry) -> dict[tuple[str, str], int]:
        """The account that the units of each station belong to."""
        found: dict[tuple[str, str], int] = {}
        for registry in registries:
            stands = registry.tables["connectors"].merge(registry.tables["chargers"], on=["operator_id", "charger_id"])
            mine = stands[stands["connector_no"].isin(self.cluster)]
            stations = mine[["operator_id", "station_id"]].itertuples(index=False, name=None)
            found.update(zip(stations, mine["connector_no"].map(self.cluster), strict=True))
        return found

    def _add(self, key: Key, one: _Input) -> None:
        self.keys.append(key)
        self.mine.append(one)

    def try_all(self, found: dict[Key, _Input]) -> set[Key]:
        """Adds what was found; the inputs that were tried."""
        before, after = self.evaluate((), self.known), self.evaluate(range(len(self.mine)), self.known)
        changed = {one for one in {*before, *after} if before.get(one) != after.get(one)}
        if changed:
            numbers = np.array(sorted(one for one in self.cluster if self.cluster[one] in changed), dtype=np.int64)
            about = worlds.about(self.known, numbers)
            touches = [{self.cluster[number] for number in one.touches & self.cluster.keys()} for one in self.mine]
            result = attribute(touches, lambda chosen: self.evaluate(chosen, about), before, after)
            for index, label in sorted(result.named):
                one = found.setdefault(self.keys[index], self._of(index))
                self._note(one, index, label, before.get(label), after.get(label))
                _sum(one.alone, before.get(label), result.alone.get((index, label), before.get(label)))
                _sum(one.left_out, result.without.get((index, label), after.get(label)), after.get(label))
        return set(self.keys)

    def _of(self, index: int) -> _Input:
        one = self.mine[index]
        return _Input(one.what, one.touches, change=one.change, lifts=one.lifts, said=one.said)

    def _note(self, one: _Input, index: int, label: int, before: Any, after: Any) -> None:
        """What an input changed: connectors, the things that they count for, and its items about them."""
        differing = set(before or ()) ^ set(after or ())
        one.connectors.update((row[0], row[1]) for row in differing)
        for level, columns in LEVELS.items():
            at = [PLACE.index(name) for name in columns]
            for row in differing:
                ids = [row[nth] for nth in at]
                one.things.add((level, ids[0] if "operator_id" in columns else None, ids[-1] if ids else "city"))
        for rows in self.mine[index].rows:
            one.rows.append(rows[[self.cluster[number] == label for number in rows["connector"]]])

    def evaluate(self, chosen: Collection[int], about: Facts) -> dict[int, Account]:
        """The account of each connector of `about` (what was known before) with these inputs taken in."""
        taken = {self.keys[index] for index in chosen}
        changes = [self.mine[index].change for index in chosen]
        registry = worlds.with_rows(self.old, [self._row(one) for one in changes if one is not None], self.new)
        empty = worlds.about(about, np.zeros(0, dtype=np.int64))
        picked = set(chosen)
        more = inputs.facts_of(self.items, lambda kind, group: self.groups[kind, group] in picked, empty)
        known = worlds.joined(about, worlds.about(more, about.connectors))
        profile, settings, time = (
            self.after if key in taken else self.before for key in (("c", "profile"), ("c", "settings"), ("z", "time"))
        )
        return self._accounts(
            worlds.tallies(
                worlds.World(
                    registry, known, profile.profile, settings.settings, self.before.first_day, self.before.last_day,
                    time.as_of, self._lifted(chosen),
                )
            )
        )  # fmt: skip

    def _lifted(self, chosen: Collection[int]) -> pd.DataFrame:
        more = [lifts for index in chosen if (lifts := self.mine[index].lifts) is not None]
        return pd.concat([self.lifted, *more], ignore_index=True) if more else self.lifted

    def _row(self, change: inputs.Change) -> tuple[str, Row, int | None]:
        name, cells = change.story.table.name, change.after
        return name, cells, self.number[cells["operator_id"], cells["connector_id"]] if name == "connectors" else None

    def _accounts(self, tallies: pd.DataFrame) -> dict[int, Account]:
        sums = tallies.groupby(PLACE, sort=True).sum(numeric_only=True).reset_index()
        rest = [name for name in sums.columns if name not in (*PLACE, *SUMS)]
        sums["deducted"] = sums[[name for name in rest if name != "long_out"]].sum(axis=1)
        found: dict[int, list[tuple[Any, ...]]] = {}
        for row in sums[[*PLACE, *SUMS, *rest]].itertuples(index=False, name=None):
            width = len(PLACE) + len(SUMS)
            told = tuple((name, value) for name, value in zip(rest, row[width:], strict=True) if value)
            found.setdefault(self._label(row), []).append((*row[:width], told))
        return {label: tuple(rows) for label, rows in found.items()}

    def _label(self, row: Sequence[Any]) -> int:
        """Whose account a row belongs to."""
        number = self.number.get((row[0], row[1]))
        if number is not None:
            return self.cluster[number]
        return self.of_station[row[0], row[3]]


def _sum(kept: dict[str, int], before: Any, after: Any) -> None:
    """Adds the microseconds by which each sum of an account moved."""
    for nth, name in enumerate(SUMS, len(PLACE)):
        moved = sum(row[nth] for row in after or ()) - sum(row[nth] for row in before or ())
        kept[name] = kept.get(name, 0) + int(moved)
