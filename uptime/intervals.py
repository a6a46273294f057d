"""Service intervals: a connector's time as a gap-free partition into states (semantics 2, rules 1 to 5)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from uptime import standing, states
from uptime.evidence import Calendar, Facts, Standing, Stretches, distinct
from uptime.known import known
from uptime.settings import IntervalSettings


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is known of some connectors' time."""

    intervals: pd.DataFrame
    """connector, from_us, to_us, state, reason (indices into states.STATES and states.REASONS), status_row: the row of
    facts.statuses that spoke last at from_us, -1 before the first; by connector and time, neighbours differ."""
    proven: pd.DataFrame
    """connector, from_us, to_us: the union of proven sessions; by connector and time."""


def service_intervals(
    facts: Facts,
    settings: IntervalSettings,
    spans: pd.DataFrame,
    shared: pd.DataFrame | None = None,
    lifted: pd.DataFrame | None = None,
) -> Timeline:
    """The service intervals of each span (connector, from_us, to_us; one or none a connector, of facts.connectors).

    `shared` as of uptime.sharing: chargers that serve one connector at a time, all of whose connectors are in `facts`.
    `lifted`: connector, from_us, to_us where a granted contest lets what came late count.

    Made twice (semantics 2.4): from the items received in time and from all. The second counts, except that what the
    first holds as faulted, out of service or offline never becomes serving by it.
    """
    return told(facts, settings, spans, shared, lifted)[0]


def told(
    facts: Facts,
    settings: IntervalSettings,
    spans: pd.DataFrame,
    shared: pd.DataFrame | None = None,
    lifted: pd.DataFrame | None = None,
    instants: Sequence[int] = (),
) -> tuple[Timeline, list[Standing]]:
    """The service intervals, and what stands at each of `instants`: whoever goes on from there needs no more."""
    spans = spans[spans["from_us"] < spans["to_us"]]
    first_us, last_us = _extent(facts, spans)
    if instants:
        first_us, last_us = min(first_us, *(one - 1 for one in instants)), max(last_us, *instants)
    calendar = Calendar.over(facts.connectors, first_us, last_us)
    start = calendar.place(spans["connector"].to_numpy(), spans["from_us"].to_numpy())
    end = calendar.place(spans["connector"].to_numpy(), spans["to_us"].to_numpy())
    order = np.argsort(start)
    lives = Stretches(start[order], end[order])

    whole, punctual = _makings(facts, settings.late_limit_us)
    every = known(whole, calendar, settings, shared)
    in_time = every if punctual is whole else known(punctual, calendar, settings, shared)

    freed = _freed(calendar, lifted)
    edges = [lives.start, freed.start, freed.end, *every.points(), *(in_time.points() if in_time is not every else ())]
    points = distinct(np.concatenate(edges))
    points = points[lives.holding(points) >= 0]
    state, reason, row = every.at(calendar, points)
    if in_time is not every:
        earlier, _, earlier_row = in_time.at(calendar, points)
        bad = (earlier == states.FAULTED) | (earlier == states.OUT_OF_SERVICE) | (earlier == states.OFFLINE)
        kept = bad & (state == states.SERVING) & (freed.holding(points) < 0)
        state = np.where(kept, earlier, state)
        reason = np.where(kept, states.LATE_GOOD_NEWS, reason)
        row = np.where(kept, earlier_row, row)

    life = lives.holding(points)
    changes = np.ones(len(points), dtype=np.bool_)
    changes[1:] = (state[1:] != state[:-1]) | (reason[1:] != reason[:-1]) | (life[1:] != life[:-1])
    points, life = points[changes], life[changes]
    until = lives.end[life]
    until[:-1] = np.minimum(until[:-1], points[1:])
    intervals = pd.DataFrame(
        {
            "connector": calendar.connector(points),
            "from_us": calendar.at_us(points),
            "to_us": calendar.at_us(until),
            "state": state[changes].astype(np.int8),
            "reason": reason[changes].astype(np.int8),
            "status_row": row[changes],
        }
    )
    stands = [standing.at(facts, calendar, every, in_time, one) for one in instants]
    return Timeline(intervals, _table(calendar, every.proven)), stands


def _freed(calendar: Calendar, lifted: pd.DataFrame | None) -> Stretches:
    if lifted is None:
        return Stretches(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    mine = lifted[calendar.known(lifted["connector"].to_numpy())]
    ends = [calendar.place(mine["connector"].to_numpy(), mine[end].to_numpy()) for end in ("from_us", "to_us")]
    return Stretches.union(*ends)


def _makings(facts: Facts, limit_us: int) -> tuple[Facts, Facts]:
    """All facts, and those received within the limit of their `at` (a session: of its end); once if all were."""
    stood = facts.standing
    whole = facts if stood is None else replace(facts, standing=standing.made(stood, late=False))
    parts = {
        "statuses": facts.statuses["received_us"] - facts.statuses["at_us"] <= limit_us,
        "meters": facts.meters["received_us"] - facts.meters["at_us"] <= limit_us,
        "heartbeats": facts.heartbeats["received_us"] - facts.heartbeats["at_us"] <= limit_us,
        "sessions": facts.sessions["received_us"] - facts.sessions["ended_us"] <= limit_us,
    }
    stood = facts.standing
    if all(bool(part.all()) for part in parts.values()) and (stood is None or standing.is_one(stood)):
        return whole, whole
    statuses = facts.statuses.assign(row=np.arange(len(facts.statuses)))[parts["statuses"].to_numpy()]
    return whole, Facts(
        facts.connectors,
        statuses,
        facts.meters[parts["meters"]],
        facts.heartbeats[parts["heartbeats"]],
        facts.sessions[parts["sessions"]],
        facts.reporting,
        None if stood is None else standing.made(stood, late=True),
    )


def _extent(facts: Facts, spans: pd.DataFrame) -> tuple[int, int]:
    """First and last instant that any fact or span names."""
    columns = [
        spans["from_us"],
        spans["to_us"],
        *(table["at_us"] for table in (facts.statuses, facts.meters, facts.heartbeats)),
        facts.sessions["started_us"],
        facts.sessions["ended_us"],
        *([facts.standing.heard["at_us"], facts.standing.used["from_us"]] if facts.standing is not None else []),
    ]
    named = [column.to_numpy() for column in columns if len(column)]
    if not named:
        return 0, 0
    return int(min(column.min() for column in named)), int(max(column.max() for column in named))


def _table(calendar: Calendar, stretches: Stretches) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "connector": calendar.connector(stretches.start),
            "from_us": calendar.at_us(stretches.start),
            "to_us": calendar.at_us(stretches.end),
        }
    )
