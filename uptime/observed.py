"""What was announced, metered and billed at some connectors in one period: what the truth of status is judged from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from uptime import states
from uptime.evidence import Calendar, Facts, Ints, Stretches, distinct
from uptime.intervals import Timeline
from uptime.sessions import counting
from uptime.settings import IntervalSettings
from uptime.statuses import announced

MWH_PER_KWH = 1_000_000
BUSY = ("preparing", "occupied", "charging", "suspended_ev", "suspended_evse", "finishing")


@dataclass(frozen=True, slots=True)
class Observed:
    """Some connectors, with all neighbours at their stations, in one period. All times are µs, energies mWh."""

    places: pd.DataFrame
    """connector, operator_id, connector_id, group: a number for all of one kind and rating at a station; ascending."""
    announced: pd.DataFrame
    """connector, from_us, to_us, status (name), boot_id, seq: what was announced while it served; by time."""
    meters: pd.DataFrame
    """connector, at_us, energy_mwh, power_w and soc_bp (-1 where not told), boot_id, seq; one a moment, by time."""
    orders: pd.DataFrame
    """connector, session_id, started_us, ended_us, energy_mwh, boot_id, seq: those that count; by start."""
    from_us: int
    to_us: int

    @property
    def calendar(self) -> Calendar:
        """An axis of the connectors and the period."""
        return Calendar.over(self.places["connector"].to_numpy(dtype=np.int64), self.from_us, self.to_us)

    def stretches(self, calendar: Calendar, *statuses: str) -> Stretches:
        """When one of these was announced, while it served; those that follow each other as one."""
        chosen = self.announced[self.announced["status"].isin(statuses)]
        connector = chosen["connector"].to_numpy()
        return Stretches.union(
            calendar.place(connector, chosen["from_us"].to_numpy()),
            calendar.place(connector, chosen["to_us"].to_numpy()),
        )

    def used(self, calendar: Calendar, widened_us: int = 0) -> Stretches:
        """When there was an order, made longer at both ends."""
        connector = self.orders["connector"].to_numpy()
        return Stretches.union(
            calendar.place(connector, self.orders["started_us"].to_numpy() - widened_us),
            calendar.place(connector, self.orders["ended_us"].to_numpy() + widened_us),
        )


class Measure:
    """How much of disjoint, ascending stretches lies before any position."""

    def __init__(self, stretches: Stretches) -> None:
        self.start, self.end = stretches.start, stretches.end
        self.before = np.concatenate([[0], np.cumsum(self.end - self.start)])

    def until(self, position: Ints) -> Ints:
        """Length that lies before each position."""
        index = np.searchsorted(self.start, position, side="right")
        if not len(self.start):
            return np.zeros(len(position), dtype=np.int64)
        beyond = np.where(index > 0, np.maximum(self.end[index - 1] - position, 0), 0)
        return np.asarray(self.before[index] - beyond, dtype=np.int64)

    def within(self, start: Ints, end: Ints) -> Ints:
        """Length that lies within each [start, end)."""
        return self.until(end) - self.until(start)


def common(one: Stretches, other: Stretches) -> Stretches:
    """What lies in both."""
    points = distinct(np.concatenate([one.start, one.end, other.start, other.end]))
    inside = (one.holding(points) >= 0) & (other.holding(points) >= 0)
    until = np.append(points[1:], points[-1:])
    return Stretches.union(points[inside], until[inside])


def outside(one: Stretches, other: Stretches) -> Stretches:
    """What lies in the one and not in the other."""
    points = distinct(np.concatenate([one.start, one.end, other.start, other.end]))
    inside = (one.holding(points) >= 0) & (other.holding(points) < 0)
    until = np.append(points[1:], points[-1:])
    return Stretches.union(points[inside], until[inside])


def observe(
    facts: Facts, meters: pd.DataFrame, timeline: Timeline, life: pd.DataFrame, settings: IntervalSettings,
    from_us: int, to_us: int,
) -> Observed:  # fmt: skip
    """What is known of [from_us, to_us). `meters`: connector, at_us, energy_mwh, power_w, soc_bp, received_us, boot_id,
    seq, copies included; `facts.sessions` with boot_id and seq; `life` as of uptime.life, with kind and rated_kw;
    `timeline` from all facts but sessions: an order that comes late says nothing of what was announced."""
    places = life.rename(columns={"connector_no": "connector"}).drop_duplicates("connector", keep="last")
    places = places.sort_values("connector", ignore_index=True)
    group = places.groupby(["operator_id", "station_id", "kind", "rated_kw"], sort=True, dropna=False).ngroup()
    numbers = places["connector"].to_numpy(dtype=np.int64)
    calendar = Calendar.over(numbers, min(from_us, _earliest(facts)), to_us)
    return Observed(
        places[["connector", "operator_id", "connector_id"]].assign(group=group),
        _announced(facts, timeline, calendar, from_us, to_us),
        _meters(meters, numbers, from_us, to_us),
        orders(facts, settings, numbers, from_us, to_us),
        from_us,
        to_us,
    )


def _earliest(facts: Facts) -> int:
    return int(facts.statuses["at_us"].min()) if len(facts.statuses) else 0


def _announced(facts: Facts, timeline: Timeline, calendar: Calendar, from_us: int, to_us: int) -> pd.DataFrame:
    """Statuses in force within service intervals that serve: a status is believed no longer than the intervals are."""
    at, _, row = announced(facts.statuses[calendar.known(facts.statuses["connector"].to_numpy())], calendar)
    mine = facts.statuses[calendar.known(facts.statuses["connector"].to_numpy())]
    whole = timeline.intervals
    serving = whole[(whole["state"] == states.SERVING) & (whole["to_us"] > from_us) & (whole["from_us"] < to_us)]
    start = calendar.place(serving["connector"].to_numpy(), np.maximum(serving["from_us"].to_numpy(), from_us))
    end = calendar.place(serving["connector"].to_numpy(), np.minimum(serving["to_us"].to_numpy(), to_us))
    served = Stretches.union(start, end)
    points = distinct(np.concatenate([served.start, served.end, at]))
    until = np.append(points[1:], points[-1:])
    last = calendar.last_before(at, points)
    inside = (served.holding(points) >= 0) & (last >= 0)
    points, until, row = points[inside], until[inside], row[last[inside]] if len(row) else row
    names = np.array(states.STATUSES, dtype=object)
    found = pd.DataFrame(
        {
            "connector": calendar.connector(points),
            "from_us": calendar.at_us(points),
            "to_us": calendar.at_us(until),
            "status": names[mine["status"].to_numpy(dtype=np.int64)[row]],
            "boot_id": mine["boot_id"].to_numpy()[row],
            "seq": mine["seq"].to_numpy()[row],
        }
    )
    return found[found["from_us"] < found["to_us"]].reset_index(drop=True)


def _meters(meters: pd.DataFrame, numbers: Ints, from_us: int, to_us: int) -> pd.DataFrame:
    mine = meters[np.isin(meters["connector"], numbers) & (meters["at_us"] >= from_us) & (meters["at_us"] < to_us)]
    first = mine.sort_values(["connector", "at_us", "received_us", "boot_id", "seq"])
    return first.drop_duplicates(["connector", "at_us"]).reset_index(drop=True)


def orders(facts: Facts, settings: IntervalSettings, numbers: Ints, from_us: int, to_us: int) -> pd.DataFrame:
    """The orders that count and were not taken back, and touch [from_us, to_us): one row an order and connector.

    connector, session_id, started_us, ended_us, energy_mwh, boot_id, seq, by connector and start.
    """
    counts = facts.sessions[counting(facts.sessions, settings) & ~facts.sessions["void"].to_numpy(dtype=np.bool_)]
    counts = counts[(counts["ended_us"] > from_us) & (counts["started_us"] < to_us)]
    energy = np.array([int(one * MWH_PER_KWH) for one in counts["energy_kwh"]], dtype=np.int64)
    names = ["connector_nos", "session_id", "started_us", "ended_us", "boot_id", "seq"]
    guns = counts[names].assign(energy_mwh=energy).explode("connector_nos")
    guns = guns.rename(columns={"connector_nos": "connector"}).astype({"connector": np.int64})
    guns = guns[np.isin(guns["connector"], numbers)]
    return guns.sort_values(["connector", "started_us", "session_id"], ignore_index=True)
