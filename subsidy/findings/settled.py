"""Findings and what people decided of them: open, accepted (it holds nothing any more) or rejected.

A decision belongs to a finding by its number. Where later facts change what a finding rests on, it is another finding,
and open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from subsidy.findings.found import Findings, Looked, Mask
from subsidy.findings.identity import finding_id, rows_of


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided of a finding, as it was recorded."""

    finding_id: str
    rule: str
    operator_id: str
    subject: str
    accepted: bool
    decided_by: str
    reason: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """One rule's findings. `open`: sessions under one that nobody decided; `rejected`: under one that was rejected."""

    found: Findings
    open: Mask
    rejected: Mask
    decided: Mapping[int, Decision]
    """By number: a session's position, or that of a group."""

    @property
    def accepted(self) -> Mask:
        """Sessions of which all that this rule found was accepted."""
        return np.asarray(self.found.at & ~self.open & ~self.rejected)

    @property
    def open_count(self) -> int:
        """How many findings nobody decided."""
        return self.found.count - len(self.decided)


def settled(found: Findings, decisions: Iterable[Decision], looked: Looked) -> Settled:
    """The findings of a rule with the decisions that are about them."""
    mine = [one for one in decisions if one.rule == found.rule]
    if not mine:
        return Settled(found, found.at, np.zeros(looked.count, dtype=np.bool_), {})
    by_id = {one.finding_id: one for one in mine}
    subjects = {(one.operator_id, one.subject) for one in mine}
    decided = {
        number: by_id[name]
        for number in _numbers(found, subjects, looked)
        if (name := finding_id(found, number, looked)) in by_id
    }
    undecided, rejected = found.at.copy(), np.zeros(looked.count, dtype=np.bool_)
    for number, one in decided.items():
        undecided[rows_of(found, number)] = False
        if not one.accepted:
            rejected[rows_of(found, number)] = True
    if found.groups is not None:  # an order at several connectors can be touched twice
        for number, group in enumerate(found.groups):
            if number not in decided:
                undecided[group.rows] = True
    return Settled(found, undecided, rejected, decided)


def _numbers(found: Findings, subjects: set[tuple[str, str]], looked: Looked) -> list[int]:
    """Numbers of the findings about these subjects (operator, what): only their content is looked at."""
    if found.groups is not None:
        return [n for n, group in enumerate(found.groups) if (group.operator_id, group.subject) in subjects]
    rows = np.flatnonzero(found.at)
    names = looked.sessions[["operator_id", "session_id"]].iloc[rows]
    near = names["session_id"].isin({subject for _, subject in subjects}).to_numpy()
    return [
        int(row)
        for row, key in zip(rows[near], names[near].itertuples(index=False, name=None), strict=True)
        if key in subjects
    ]
