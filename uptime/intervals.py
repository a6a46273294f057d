"""Service intervals: a connector's time as a gap-free partition into states (semantics 2, rules 1 to 5).

Every rule yields change points or stretches on one axis of all connectors (`Calendar`); the states are then looked up
at all of them at once. There is no loop over events.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from uptime import sharing, states
from uptime.evidence import Calendar, Facts, Ints, Stretches
from uptime.sessions import counting, proven
from uptime.settings import IntervalSettings, Sharing
from uptime.silence import silent
from uptime.statuses import announced


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
    spans = spans[spans["from_us"] < spans["to_us"]]
    calendar = Calendar.over(facts.connectors, *_extent(facts, spans))
    start = calendar.place(spans["connector"].to_numpy(), spans["from_us"].to_numpy())
    end = calendar.place(spans["connector"].to_numpy(), spans["to_us"].to_numpy())
    order = np.argsort(start)
    lives = Stretches(start[order], end[order])

    known = _known(facts, calendar, settings, shared)
    in_time = _in_time(facts, settings.late_limit_us)
    in_time_known = known if in_time is facts else _known(in_time, calendar, settings, shared)

    freed = _freed(calendar, lifted)
    edges = [lives.start, freed.start, freed.end, *known.points(), *in_time_known.points()]
    points = np.unique(np.concatenate(edges))
    points = points[lives.holding(points) >= 0]
    state, reason, row = known.at(calendar, points)
    if in_time_known is not known:
        earlier, _, earlier_row = in_time_known.at(calendar, points)
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
    return Timeline(intervals, _table(calendar, known.proven))


@dataclass(frozen=True, slots=True)
class _Known:
    """What one set of items says: statuses in force, silences, proven sessions."""

    announced_at: Ints
    announced: Ints
    row: Ints
    silences: Stretches
    proven: Stretches
    kept: "_Kept | None" = None

    def points(self) -> tuple[Ints, ...]:
        stretches = (self.silences, self.proven, *([self.kept.others_use] if self.kept else []))
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

        if self.kept is not None and len(self.kept.others_use.start):
            use = self.kept.others_use.holding(points)
            since = np.where(ever, self.kept.began[last] if len(self.kept.began) else -1, -1)
            because = (use >= 0) & (since >= 0) & (since >= self.kept.others_use.start[use] - self.kept.ahead_us)
            because &= reason == states.BY_STATUS
            state = np.where(because, states.SERVING, state)
            reason = np.where(because, states.CHARGER_IN_USE, reason)
        return state, reason, row


@dataclass(frozen=True, slots=True)
class _Kept:
    """What keeps connectors from serving: the use of others on their charger (uptime.sharing)."""

    others_use: Stretches
    began: Ints
    """Per status in force where the run of those that say so began, -1 for others."""
    ahead_us: int


def _known(facts: Facts, calendar: Calendar, settings: IntervalSettings, shared: pd.DataFrame | None) -> _Known:
    announced_at, state, row = announced(facts.statuses, calendar)
    said = facts.statuses["status"].to_numpy()[row]
    if "row" in facts.statuses:
        row = facts.statuses["row"].to_numpy()[row]
    guns = _guns(facts.sessions, calendar)
    strong = [(table["connector"], table["at_us"]) for table in (facts.statuses, facts.meters)]
    strong += [(guns["connector"], guns["started_us"]), (guns["connector"], guns["ended_us"])]
    signs = [calendar.place(connector.to_numpy(), at.to_numpy()) for connector, at in strong]
    beats = calendar.place(facts.heartbeats["connector"].to_numpy(), facts.heartbeats["at_us"].to_numpy())
    sign = np.concatenate([*signs, beats])
    is_strong = np.arange(len(sign)) < len(sign) - len(beats)
    silences = silent(calendar, sign, is_strong, _reporting(facts, calendar, sign, settings), settings)

    proving = facts.sessions[counting(facts.sessions, settings)]
    proving = _guns(proving[proven(proving, settings)], calendar)
    connector = proving["connector"].to_numpy()
    proof = Stretches.union(
        calendar.place(connector, proving["started_us"].to_numpy()),
        calendar.place(connector, proving["ended_us"].to_numpy()),
    )
    known = _Known(announced_at, state, row, silences, proof)
    if settings.sharing is None or shared is None or shared.empty:
        return known
    return replace(known, kept=_kept(known, said, calendar, settings.sharing, shared))


def _kept(known: _Known, said: Ints, calendar: Calendar, rule: Sharing, shared: pd.DataFrame) -> _Kept:
    points = np.unique(np.concatenate(known.points()))
    points = points[np.isin(calendar.connector(points), shared["connector"].to_numpy())]
    state, _, _ = known.at(calendar, points)
    last = calendar.last_before(known.announced_at, points)
    in_use = (last >= 0) & sharing.is_one(said, rule.in_use)[last] if len(said) else np.zeros(len(points), dtype=bool)
    in_use |= known.proven.holding(points) >= 0
    in_use &= state == states.SERVING
    following = calendar.end(points)
    following[:-1] = np.minimum(following[:-1], points[1:])
    used = Stretches(points[in_use], following[in_use])
    began = sharing.began(calendar, known.announced_at, sharing.is_one(said, rule.announced))
    return _Kept(sharing.use_of_others(calendar, used, shared), began, rule.ahead_us)


def _reporting(facts: Facts, calendar: Calendar, sign: Ints, settings: IntervalSettings) -> Ints:
    table = facts.reporting
    since = calendar.place(table["connector"].to_numpy(), table["from_us"].to_numpy())
    order = np.lexsort((table["from_us"].to_numpy(), since))
    agreed = calendar.last_before(since[order], sign)
    interval = table["interval_us"].to_numpy()[order]
    return np.where(agreed >= 0, interval[agreed] if len(interval) else 0, settings.default_interval_us)


def _guns(sessions: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """One row a session version and connector of the calendar."""
    guns = sessions[["connector_nos", "started_us", "ended_us"]].explode("connector_nos")
    guns = guns.rename(columns={"connector_nos": "connector"}).astype(np.int64)
    return guns[calendar.known(guns["connector"].to_numpy())]


def _freed(calendar: Calendar, lifted: pd.DataFrame | None) -> Stretches:
    if lifted is None:
        return Stretches(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    mine = lifted[calendar.known(lifted["connector"].to_numpy())]
    ends = [calendar.place(mine["connector"].to_numpy(), mine[end].to_numpy()) for end in ("from_us", "to_us")]
    return Stretches.union(*ends)


def _in_time(facts: Facts, limit_us: int) -> Facts:
    """The facts received within the limit of their `at` (a session: of its end); `facts` itself if all were."""
    parts = {
        "statuses": facts.statuses["received_us"] - facts.statuses["at_us"] <= limit_us,
        "meters": facts.meters["received_us"] - facts.meters["at_us"] <= limit_us,
        "heartbeats": facts.heartbeats["received_us"] - facts.heartbeats["at_us"] <= limit_us,
        "sessions": facts.sessions["received_us"] - facts.sessions["ended_us"] <= limit_us,
    }
    if all(bool(part.all()) for part in parts.values()):
        return facts
    statuses = facts.statuses.assign(row=np.arange(len(facts.statuses)))[parts["statuses"].to_numpy()]
    return Facts(
        facts.connectors,
        statuses,
        facts.meters[parts["meters"]],
        facts.heartbeats[parts["heartbeats"]],
        facts.sessions[parts["sessions"]],
        facts.reporting,
    )


def _extent(facts: Facts, spans: pd.DataFrame) -> tuple[int, int]:
    """First and last instant that any fact or span names."""
    columns = [
        spans["from_us"],
        spans["to_us"],
        *(table["at_us"] for table in (facts.statuses, facts.meters, facts.heartbeats)),
        facts.sessions["started_us"],
        facts.sessions["ended_us"],
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
