"""Chargers that come back: a serial number taken out of service and put into it again, under whatever id.

Ids are the operator's to give; a serial number is the machine's. Read per operator: what one operator registers says
nothing of another one's time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from registry.serials import normal

EVER, NEVER = 0, date.max.toordinal() + 1
"""Days by ordinal: before and after all others."""


@dataclass(frozen=True, slots=True)
class Return:
    """A serial number's days out of service, by ordinal, half-open: from one id's retirement to another's first day.

    Empty where it comes back on the very day. `gone` and `back` are the charger ids of the operator.
    """

    operator_id: str
    gone: tuple[str, ...]
    back: tuple[str, ...]
    from_day: int
    to_day: int


@dataclass(frozen=True, slots=True)
class _Run:
    """Days on which a charger serves by one row of the registry."""

    start: int
    end: int
    charger_id: str
    retired: bool
    """It ends by a retirement, not by a later row."""
    commissioned: bool
    """It begins by a commissioning."""


def returns(chargers: pd.DataFrame) -> list[Return]:
    """Every return that the registry's chargers tell of; a charger without a commissioning day has ever been there."""
    retired = chargers[chargers["retired_on"].notna()]
    if retired.empty:
        return []
    operators = chargers[chargers["operator_id"].isin(retired["operator_id"].unique())]
    gone = {
        (operator, normal(serial))
        for operator, serial in zip(retired["operator_id"], retired["serial_no"], strict=True)
    }
    keys = [
        (operator, normal(serial))
        for operator, serial in zip(operators["operator_id"], operators["serial_no"], strict=True)
    ]
    # All rows of the chargers that ever had such a number: a row ends where the next of its id begins.
    asked = operators[[key in gone and key[1] != "" for key in keys]]
    mine = operators[operators["charger_id"].isin(asked["charger_id"].unique())]
    runs: dict[tuple[str, str], list[_Run]] = {}
    for serial, operator, run in _runs(mine):
        if serial and (operator, serial) in gone:
            runs.setdefault((operator, serial), []).append(run)
    return [found for (operator, _), of in sorted(runs.items()) for found in _between(operator, of)]


def _runs(chargers: pd.DataFrame) -> Iterator[tuple[str, str, _Run]]:
    columns = ["operator_id", "charger_id", "valid_from", "serial_no", "commissioned_on", "retired_on"]
    of_charger: dict[tuple[str, str], list[tuple[int, Any, Any, Any]]] = {}
    for operator, charger, since, serial, commissioned, retired in chargers[columns].itertuples(index=False, name=None):
        row = (EVER if since is None else since.toordinal(), serial, commissioned, retired)
        of_charger.setdefault((operator, charger), []).append(row)
    for (operator, charger), rows in of_charger.items():
        rows.sort(key=lambda row: row[0])
        until = [*(row[0] for row in rows[1:]), NEVER]
        before: tuple[str, _Run] | None = None
        for (since, serial_no, commissioned, retired), ends in zip(rows, until, strict=True):
            first = EVER if commissioned is None else commissioned.toordinal()
            last = NEVER if retired is None else retired.toordinal()
            serial, run = (
                normal(serial_no),
                _Run(max(since, first), min(ends, last), charger, ends >= last, since <= first),
            )
            if run.start >= run.end:
                continue
            if before is not None and (before[0], before[1].end) == (serial, run.start):
                run = replace(run, start=before[1].start, commissioned=before[1].commissioned)
            elif before is not None:
                yield before[0], operator, before[1]
            before = serial, run
        if before is not None:
            yield before[0], operator, before[1]


def _between(operator: str, runs: list[_Run]) -> Iterator[Return]:
    """The returns of one serial number: wherever nothing with it serves between two runs, or they only touch."""
    runs = sorted(runs, key=lambda run: (run.start, run.end, run.charger_id))
    reached = runs[0].end
    for start in sorted({run.start for run in runs[1:]}):
        if start < reached:
            reached = max(reached, *(run.end for run in runs if run.start == start))
            continue
        gone = tuple(sorted({run.charger_id for run in runs if run.end == reached and run.retired}))
        back = tuple(sorted({run.charger_id for run in runs if run.start == start and run.commissioned}))
        if gone and (start > reached or back):
            yield Return(operator, gone, back, reached, start)
        reached = max(run.end for run in runs if run.start == start)
