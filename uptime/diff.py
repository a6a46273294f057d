"""Two runs of one report: each figure that differs, and each input that made it differ.

What was recorded between the two knowledge times is taken in one input at a time, and left out one at a time, on the
connectors whose account changed (uptime.attribution): an input that changed nothing is not named.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from chargewatch import database
from chargewatch.instants import day_start_us, seconds, to_us
from registry import snapshot
from registry.contents import Registry
from uptime import facts, inputs, report, worlds
from uptime.attribution import Attribution, attribute
from uptime.evidence import Facts, Ints
from uptime.figures import LEVELS
from uptime.profile import Profile
from uptime.settings import IntervalSettings

Row = dict[str, Any]
Account = tuple[tuple[Any, ...], ...]
_PLACE = ["operator_id", "connector_id", "charger_id", "station_id", "district", "bound"]
_NO_AGREEMENTS = pd.DataFrame(
    {name: np.zeros(0, dtype=np.int64) for name in ("connector_no", "from_us", "interval_us")}
)


@dataclass(frozen=True, slots=True)
class Run:
    """A report as somebody has it in hand: what was asked, as of when, and the rows, where they are not computed."""

    named: str
    first_day: date
    last_day: date
    levels: tuple[str, ...]
    profile: Profile
    settings: IntervalSettings
    as_of: datetime
    everything: bool
    stated: list[Row] | None = None

    def computed(self, connection: psycopg.Connection) -> list[Row]:
        """The rows as the store gives them for this run's knowledge time."""
        return report.compute(
            connection,
            first_day=self.first_day,
            last_day=self.last_day,
            by=self.levels,
            profile=self.profile,
            settings=self.settings,
            as_of=self.as_of,
            everything=self.everything,
        )

    @property
    def ripe(self) -> bool:
        """Whether what is pending counts as a breach at this knowledge time."""
        day = self.last_day + timedelta(days=self.profile.unknown_ripens_after_days)
        return to_us(self.as_of) >= day_start_us(day, self.profile.zone)


@dataclass(slots=True)
class Differences:
    """What differs between two runs, and why."""

    figures: list[Row]
    """level, operator_id, id, field, before, after, inputs: the numbers of those that changed it."""
    inputs: list[Row]
    """number, input, what it says of itself, connectors, alone_s and left_out_s: the seconds that it moved."""
    without_effect: int
    """Inputs recorded between the two that changed nothing."""
    not_reproduced: list[Row]
    """Figures of a run in hand that the store does not give for that run's own knowledge time."""


@dataclass(slots=True)
class _Input:
    """An input over all parts: what it says, and the connectors whose account it changed."""

    what: str
    order: tuple[Any, ...]
    change: inputs.Change | None = None
    rows: list[pd.DataFrame] = field(default_factory=list)
    said: Row = field(default_factory=dict)
    connectors: set[tuple[str, str]] = field(default_factory=set)
    alone: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


def compute(connection: psycopg.Connection, before: Run, after: Run) -> Differences:
    """Every figure that differs between two runs of the same period and levels, and the inputs that changed it."""
    old, new = ((run.stated if run.stated is not None else run.computed(connection)) for run in (before, after))
    not_reproduced = [
        {"run": run.named, **row}
        for run in (before, after)
        if run.stated is not None
        for row in changes(run.stated, run.computed(connection))
    ]
    figures = changes(old, new)
    named, places, without = named_inputs(connection, before, after)
    for row in figures:
        row["inputs"] = [
            number
            for number, one in enumerate(named, 1)
            if any(
                (row["operator_id"], row["id"]) in places[row["level"]].get(connector, ())
                for connector in one.connectors
            )
            or (one.what == "time" and row["field"] == "breach")
        ]
    rows = [{"number": number, **_told(one)} for number, one in enumerate(named, 1)]
    return Differences(figures, rows, without, not_reproduced)


def changes(before: Sequence[Row], after: Sequence[Row]) -> list[Row]:
    """Each field of each row that differs: level, operator_id, id, field (none: the whole row), before, after."""
    old, new = ({(row["level"], row["operator_id"] or "", row["id"]): row for row in rows} for rows in (before, after))
    found = []
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        level, operator_id, name = key
        told = {"level": level, "operator_id": operator_id or None, "id": name}
        if a is None or b is None:
            found.append({**told, "field": None, "before": a, "after": b})
            continue
        for column in b:
            if column in a and column not in ("as_of", "level", "operator_id", "id") and a[column] != b[column]:
                found.append({**told, "field": column, "before": a[column], "after": b[column]})
    return found


def named_inputs(
    connection: psycopg.Connection, before: Run, after: Run
) -> tuple[list[_Input], dict[str, dict[tuple[str, str], set[tuple[str | None, str]]]], int]:
    """The inputs that changed an account; per level the things that each connector counts for; the number of others."""
    window = (before.as_of, after.as_of)
    old, new = (snapshot.load(connection, moment) for moment in window)
    until = max(
        worlds.until(one, run.profile, run.settings, run.last_day) for one, run in ((old, before), (new, after))
    )
    changed = inputs.changes(connection, window)
    reached = [inputs.reached(one, (old, new)) for one in changed]
    readings = before.profile != after.profile or before.settings != after.settings
    numbers = set(new.tables["connectors"]["connector_no"]) if readings else set()
    numbers = numbers.union(*reached, inputs.touched(connection, window, until))
    found: dict[tuple[Any, ...], _Input] = {}
    tried: set[tuple[Any, ...]] = set()
    places: dict[str, dict[tuple[str, str], set[tuple[str | None, str]]]] = {level: {} for level in LEVELS}
    for part in facts.parts(np.array(sorted(numbers), dtype=np.int64)):
        comparison = _Part(connection, before, after, old, new, part, until, changed, reached)
        tried.update(key for key, _ in comparison.inputs)
        for index, connector, effect in comparison.effects():
            key, one = comparison.inputs[index]
            one = found.setdefault(key, one)
            one.connectors.add(comparison.names[connector])
            for kept, delta in zip((one.alone, one.left_out), effect, strict=True):
                for name, us in delta.items():
                    kept[name] = kept.get(name, 0) + us
            rows = comparison.items[index]
            if rows is not None:
                one.rows.append(rows[rows["connector"] == connector])
        for level, columns in LEVELS.items():
            comparison.counts_for(places[level], columns)
    named = [found[key] for key in sorted(found)]
    if before.ripe != after.ripe:
        said = {"input": "time", "change": "what is pending became a breach", "cells": {"ripe": ["no", "yes"]}}
        named.append(_Input("time", ("z",), said=said))
    return named, places, len(tried) - len(found)


class _Part:
    """Some connectors between two runs: the inputs that may have changed their accounts, tried one by one."""

    def __init__(
        self, connection: psycopg.Connection, before: Run, after: Run, old: Registry, new: Registry, part: Ints,
        until: datetime, changed: Sequence[inputs.Change], reached: Sequence[set[int]],
    ) -> None:  # fmt: skip
        self.before, self.after, self.old = before, after, old
        table = new.tables["connectors"].drop_duplicates("connector_no")
        mine = table[np.isin(table["connector_no"].to_numpy(dtype=np.int64), part)]
        ids = mine[["operator_id", "connector_id"]].itertuples(index=False, name=None)
        self.names = dict(zip(mine["connector_no"].astype(int), ids, strict=True))
        self.numbers = {name: number for number, name in self.names.items()}
        dsn = database.dsn()
        self.known = facts.load(connection, dsn, part, _NO_AGREEMENTS, until, before.as_of)
        self.new_items = inputs.items(
            connection, dsn, new, part, (before.as_of, after.as_of), until, self.known.sessions
        )
        self.inputs: list[tuple[tuple[Any, ...], _Input]] = []
        self.items: list[pd.DataFrame | None] = []
        self.touches: list[set[int]] = []
        self.groups: dict[tuple[str, int], int] = {}
        self.rows: dict[int, tuple[str, dict[str, Any], int | None]] = {}
        everyone = set(part.tolist())
        for kind_items in self.new_items:
            for group, rows in kind_items.rows.groupby("group"):
                self.groups[kind_items.kind, int(group)] = len(self.inputs)
                first = rows.iloc[0]
                boot = "" if first["order"] else first["boot_id"]
                own = (first["operator_id"], boot, int(first["earlier_receipt"]), first["order"])
                key: tuple[Any, ...] = ("b", kind_items.kind, *own)
                self._add(key, _Input(kind_items.kind, key), set(rows["connector"]), rows)
        numbers = table.set_index(["operator_id", "connector_id"])["connector_no"]
        for one, connectors in zip(changed, reached, strict=True):
            name = one.story.table.name
            number = int(numbers[one.after["operator_id"], one.after["connector_id"]]) if name == "connectors" else None
            if connectors & everyone:
                self.rows[len(self.inputs)] = (name, one.after, number)
                key = ("a", name, *(str(cell or "") for cell in one.story.key))
                self._add(key, _Input(name, key, change=one), connectors & everyone)
        self.readings: dict[str, int] = {}
        for what in ("profile", "settings"):
            a, b = getattr(before, what), getattr(after, what)
            if a != b:
                self.readings[what] = len(self.inputs)
                said = {"input": what, "change": "changed", "cells": {"id": [a.id, b.id]}}
                self._add(("c", what), _Input(what, ("c", what), said=said), everyone)

    def _add(
        self, key: tuple[Any, ...], one: _Input, touches: Collection[int], rows: pd.DataFrame | None = None
    ) -> None:
        self.inputs.append((key, one))
        self.items.append(rows)
        self.touches.append(set(touches))

    def evaluate(self, chosen: Collection[int], about: Facts) -> Mapping[int, Account]:
        """The account of each connector of `about` (what was known before) with these inputs taken in."""
        taken = set(chosen)
        registry = worlds.with_rows(self.old, [row for index, row in self.rows.items() if index in taken])
        empty = worlds.about(about, np.zeros(0, dtype=np.int64))
        more = inputs.facts_of(self.new_items, lambda kind, group: self.groups[kind, group] in taken, empty)
        known = worlds.joined(about, worlds.about(more, about.connectors))
        use = {name: self.after if index in taken else self.before for name, index in self.readings.items()}
        world = worlds.World(
            registry,
            known,
            use.get("profile", self.before).profile,
            use.get("settings", self.before).settings,
            self.before.first_day,
            self.before.last_day,
        )
        return self._accounts(worlds.tallies(world))

    def _accounts(self, tallies: pd.DataFrame) -> dict[int, Account]:
        sums = tallies.groupby(_PLACE, sort=True).sum().reset_index()
        causes = [name for name in sums.columns if name not in (*_PLACE, "up", "down", "unknown", "long_out")]
        sums["deducted"] = sums[causes].sum(axis=1)
        found: dict[int, list[tuple[Any, ...]]] = {}
        for row in sums[[*_PLACE, "up", "down", "unknown", "deducted", *causes, "long_out"]].itertuples(index=False):
            found.setdefault(self.numbers[row[0], row[1]], []).append(tuple(row))
        return {number: tuple(rows) for number, rows in found.items()}

    def effects(self) -> Iterator[tuple[int, int, tuple[dict[str, int], dict[str, int]]]]:
        """Each (input, connector, what it moves alone and what leaving it out moves) where it changed an account."""
        before = self.evaluate((), self.known)
        after = self.evaluate(range(len(self.inputs)), self.known)
        changed = sorted(one for one in {*before, *after} if before.get(one) != after.get(one))
        self.found = Attribution({}, {})
        if not changed:
            return
        about = worlds.about(self.known, np.array(changed, dtype=np.int64))
        self.found = attribute(self.touches, lambda chosen: self.evaluate(chosen, about))
        for index, connector in sorted(self.found.named):
            own = (index, connector)
            first, last = self.found.before.get(connector), self.found.after.get(connector)
            alone = _moved(first, self.found.alone[own]) if own in self.found.alone else {}
            left_out = _moved(self.found.without[own], last) if own in self.found.without else {}
            yield index, connector, (alone, left_out)

    def counts_for(self, places: dict[tuple[str, str], set[tuple[str | None, str]]], columns: list[str]) -> None:
        """Adds which thing of a level (operator_id, id) each changed connector counts for, before or after."""
        at = [_PLACE.index(name) for name in columns]
        for accounts in (self.found.before, self.found.after):
            for number, account in accounts.items():
                for row in account:  # type: ignore[attr-defined]
                    ids = [row[one] for one in at]
                    operator = ids[0] if columns and columns[0] == "operator_id" else None
                    places.setdefault(self.names[number], set()).add((operator, ids[-1] if ids else "city"))


_SUMS = ("up", "down", "unknown", "deducted")


def _moved(before: Any, after: Any) -> dict[str, int]:
    """Microseconds by which each sum of an account moved, where it did."""
    first = len(_PLACE)
    moved = {
        name: sum(row[first + nth] for row in after or ()) - sum(row[first + nth] for row in before or ())
        for nth, name in enumerate(_SUMS)
    }
    return {name: int(us) for name, us in moved.items() if us}


def _told(one: _Input) -> Row:
    said = one.said
    if one.change is not None:
        said = inputs.said_of_change(one.change)
    elif one.rows:
        said = inputs.said_of_items(one.what, pd.concat(one.rows))
    return {
        **said,
        "connectors": [f"{operator} {connector}" for operator, connector in sorted(one.connectors)],
        "alone_s": {name: seconds(us) for name, us in one.alone.items() if us},
        "left_out_s": {name: seconds(us) for name, us in one.left_out.items() if us},
    }
