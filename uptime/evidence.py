"""The facts about some connectors as tables: what availability is computed from, and nothing else."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands at an instant: all that the time before it still says about the time after it (uptime.standing).

    `late` tells what the items received in time say by themselves (True) from what all say (False; semantics 2.4).
    """

    at_us: int
    statuses: pd.DataFrame
    """Rows of Facts.statuses before `at_us`: those in force, and where a run of them began."""
    heard: pd.DataFrame
    """connector, at_us, late: the last sign of life that counts."""
    used: pd.DataFrame
    """connector, from_us, late: the use of another connector of its charger that lasts on, and since when."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about `connectors`, one table a kind; times are µs since 1970 UTC, tables in any order, copies included.

    Of equal items the one received first counts (semantics 2.5); the tables may hold the others too.
    """

    connectors: Ints
    """connector_no, ascending."""
    statuses: pd.DataFrame
    """connector, at_us, status (index into states.STATUSES), boot_id, seq, place, received_us"""
    meters: pd.DataFrame
    """connector, at_us, received_us"""
    heartbeats: pd.DataFrame
    """connector, at_us, received_us"""
    sessions: pd.DataFrame
    """Every stored version, columns as in uptime.sessions."""
    reporting: pd.DataFrame
    """connector, from_us, interval_us: the reporting interval agreed from that instant on; none before the first."""
    standing: Standing | None = None
    """What stood when the facts begin; None where they begin with the first ever. Its statuses are in `statuses` too,
    and sessions that ended at or after its instant are here with all versions of their ids, whenever they started."""


def distinct(positions: Ints) -> Ints:
    """Each value once, ascending. What comes in ascending runs is merged, which is faster than hashing."""
    ordered = np.sort(positions, kind="stable")
    first = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Instants of many connectors as one ascending axis: connector by connector, so that one search finds all."""

    connectors: Ints
    origin_us: int
    width_us: int

    @classmethod
    def over(cls, connectors: Ints, first_us: int, last_us: int) -> "Calendar":
        """An axis for these connectors and all instants in [first_us, last_us]."""
        width = last_us - first_us + 2
        if (len(connectors) + 1) * width >= 2**61:
            raise OverflowError("too many connectors for so long a time: compute them in parts")
        return cls(connectors, first_us, width)

    def known(self, connector: Ints) -> Bools:
        """Which of these connectors are on the axis."""
        return np.isin(connector, self.connectors)

    def place(self, connector: Ints, at_us: Ints) -> Ints:
        """Position of instants; those outside the axis' time are moved to its ends."""
        inside = np.clip(at_us - self.origin_us, 0, self.width_us - 1)
        return self._nth(connector) * self.width_us + inside

    def _nth(self, connector: Ints) -> Ints:
        """Where each of these connectors stands on the axis."""
        most = int(self.connectors[-1]) if len(self.connectors) else 0
        if len(connector) * 4 < most:
            return np.searchsorted(self.connectors, connector)
        # A table to look up is ten times faster than a search, for many rows.
        nth = np.zeros(most + 1, dtype=np.int64)
        nth[self.connectors] = np.arange(len(self.connectors))
        return nth[connector]

    def end(self, position: Ints) -> Ints:
        """Last position of the connector that each position belongs to."""
        return (position // self.width_us + 1) * self.width_us - 1

    def connector(self, position: Ints) -> Ints:
        """connector_no that positions belong to."""
        return self.connectors[position // self.width_us]

    def at_us(self, position: Ints) -> Ints:
        """Instants of positions."""
        return position % self.width_us + self.origin_us

    def last_of_each(self, positions: Ints) -> Ints:
        """Index of the last of the ascending `positions` of each connector that has any, ascending."""
        ends = np.arange(1, len(self.connectors) + 1) * self.width_us
        until = np.searchsorted(positions, ends)
        return until[np.diff(until, prepend=0) > 0] - 1

    def last_before(self, positions: Ints, wanted: Ints) -> Ints:
        """Index of the last of the ascending `positions` at or before each wanted one, of its connector; -1 if none."""
        if not len(positions):
            return np.full(len(wanted), -1)
        index = np.searchsorted(positions, wanted, side="right") - 1
        same = (index >= 0) & (positions[index] // self.width_us == wanted // self.width_us)
        return np.where(same, index, -1)


@dataclass(frozen=True, slots=True)
class Stretches:
    """Disjoint stretches of a calendar, ascending, half-open."""

    start: Ints
    end: Ints

    @classmethod
    def union(cls, start: Ints, end: Ints) -> "Stretches":
        """The union of any stretches; those that touch become one."""
        some = start < end
        order = np.argsort(start[some], kind="stable")
        start, end = start[some][order], end[some][order]
        reach = np.maximum.accumulate(end) if len(end) else end
        opens = np.ones(len(start), dtype=np.bool_)
        opens[1:] = start[1:] > reach[:-1]
        closes = np.append(np.flatnonzero(opens)[1:] - 1, len(start) - 1) if len(start) else np.zeros(0, dtype=np.int64)
        return cls(start[opens], reach[closes])

    def holding(self, wanted: Ints) -> Ints:
        """Index of the stretch that holds each position, -1 if none."""
        if not len(self.start):
            return np.full(len(wanted), -1)
        index = np.searchsorted(self.start, wanted, side="right") - 1
        return np.where((index >= 0) & (wanted < self.end[index]), index, -1)
