"""What one set of items says about connectors' time, rule by rule: statuses in force, silences, proven sessions, use.

Every rule yields change points or stretches on one axis of all connectors (`Calendar`); the states are then looked up
at all of them at once. There is no loop over events.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from uptime import sharing, signs, states
from uptime.evidence import Calendar, Facts, Ints, Standing, Stretches, distinct
from uptime.sessions import counting, proven
from uptime.settings import IntervalSettings, Sharing
from uptime.silence import silent
from uptime.statuses import announced


@dataclass(frozen=True, slots=True)
class Known:
    """What one set of items says."""

    announced_at: Ints
    """Ascending positions at which a status speaks."""
    announced: Ints
    """Its state."""
    row: Ints
    """Its row in facts.statuses."""
    heard: Ints
    """Ascending positions of the signs of life that count."""
    silences: Stretches
    proven: Stretches
    company: "Company | None" = None

    def points(self) -> tuple[Ints, ...]:
        """Everywhere that the state may change."""
        stretches = (self.silences, self.proven, *([self.company.others_use] if self.company else []))
        return (self.announced_at, *(edge for one in stretches for edge in (one.start, one.end)))

    def at(self, calendar: Calendar, points: Ints) -> tuple[Ints, Ints, Ints]:
        """State, reason and status row at each point."""
        last = calendar.last_before(self.announced_at, points)
        ever = last >= 0
        state = np.where(ever, self.announced[last] if len(self.announced) else 0, states.NO_DATA)
        reason = np.where(ever, states.BY_STATUS, states.BEFORE_FIRST_STATUS)
        row = np.where(ever, self.row[last] if len(self.row) else -1, -1)

        quiet = (self.silences.holding(points) >= 0) & (state == states.SERVING)
        state = np.where(quiet, states.NO_DATA, state)
        reason = np.where(quiet, states.SILENCE, reason)

        proof = (self.proven.holding(points) >= 0) & ((state == states.NO_DATA) | (state == states.OFFLINE))
        state = np.where(proof, states.SERVING, state)
        reason = np.where(proof, states.PROVEN_SESSION, reason)

        if self.company is not None and len(self.company.others_use.start):
            use = self.company.others_use.holding(points)
            since = np.where(ever, self.company.began[last] if len(self.company.began) else -1, -1)
            because = (use >= 0) & (since >= 0) & (since >= self.company.others_use.start[use] - self.company.ahead_us)
            because &= reason == states.BY_STATUS
            state = np.where(because, states.SERVING, state)
            reason = np.where(because, states.CHARGER_IN_USE, reason)
        return state, reason, row


@dataclass(frozen=True, slots=True)
class Company:
    """What keeps connectors from serving: the use of others on their charger (uptime.sharing)."""

    others_use: Stretches
    began: Ints
    """Per status in force where the run of those that say so began, -1 for others."""
    ahead_us: int


def known(facts: Facts, calendar: Calendar, settings: IntervalSettings, shared: pd.DataFrame | None) -> Known:
    """What these facts say (semantics 2, rules 1 to 3); `shared` as of uptime.sharing."""
    announced_at, state, row = announced(facts.statuses, calendar)
    said = facts.statuses["status"].to_numpy()[row]
    if "row" in facts.statuses:
        row = facts.statuses["row"].to_numpy()[row]
    heard = signs.counting(*signs.of(facts, calendar), calendar, settings.stale_limit_us)
    silences = silent(calendar, heard, facts.reporting, settings)

    proving = facts.sessions[counting(facts.sessions, settings)]
    proving = signs.of_connectors(proving[proven(proving, settings)], calendar)
    connector = proving["connector"].to_numpy()
    proof = Stretches.union(
        calendar.place(connector, proving["started_us"].to_numpy()),
        calendar.place(connector, proving["ended_us"].to_numpy()),
    )
    alone = Known(announced_at, state, row, heard, silences, proof)
    if settings.sharing is None or shared is None or shared.empty:
        return alone
    return replace(alone, company=_company(alone, said, calendar, settings.sharing, shared, facts))


def _company(
    alone: Known, said: Ints, calendar: Calendar, rule: Sharing, shared: pd.DataFrame, facts: Facts
) -> Company:
    points = distinct(np.concatenate(alone.points()))
    points = points[np.isin(calendar.connector(points), shared["connector"].to_numpy())]
    state, _, _ = alone.at(calendar, points)
    last = calendar.last_before(alone.announced_at, points)
    in_use = (last >= 0) & sharing.is_one(said, rule.in_use)[last] if len(said) else np.zeros(len(points), dtype=bool)
    in_use |= alone.proven.holding(points) >= 0
    in_use &= state == states.SERVING
    following = calendar.end(points)
    following[:-1] = np.minimum(following[:-1], points[1:])
    used = sharing.use_of_others(calendar, Stretches(points[in_use], following[in_use]), shared)
    if facts.standing is not None:
        used = _lasting(used, facts.standing, calendar)
    began = sharing.began(calendar, alone.announced_at, sharing.is_one(said, rule.announced))
    return Company(used, began, rule.ahead_us)


def _lasting(used: Stretches, standing: Standing, calendar: Calendar) -> Stretches:
    """Use from where the facts begin, and what lasted on then with its true beginning."""
    began = [calendar.place(standing.used["connector"].to_numpy(), standing.used["from_us"].to_numpy())]
    began.append(calendar.place(standing.used["connector"].to_numpy(), np.full(len(standing.used), standing.at_us)))
    here = calendar.place(calendar.connector(used.start), np.full(len(used.start), standing.at_us))
    return Stretches.union(np.append(np.maximum(used.start, here), began[0]), np.append(used.end, began[1]))
