"""Units: what a profile measures by itself, where that is more than one connector.

A unit of several connectors is, at each instant, in the best or in the worst of their states, among those that are in
service life. Everything after this step takes units for connectors.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from uptime import states
from uptime.evidence import Bools, Calendar, Ints, Stretches, distinct
from uptime.intervals import Timeline
from uptime.profile import Profile
from uptime.settings import IntervalSettings
from uptime.sharing import companies, one_at_a_time

_SIZE = {"evse": "charger_id", "charger": "charger_id", "station": "station_id"}


@dataclass(frozen=True, slots=True)
class Units:
    """Units as uptime.segments takes connectors."""

    timeline: Timeline
    life: pd.DataFrame
    """As of uptime.life.service_life, `connector_no` and `connector_id` being the unit's own; only_connector_id is the
    registry's id where the unit consists of one connector, else * (which no id can be)."""
    members: pd.DataFrame
    """connector_no, from_us, to_us, unit: which connector belonged to which unit, and when."""


def units(timeline: Timeline, life: pd.DataFrame, profile: Profile) -> Units:
    """The profile's units out of connectors: `timeline` and `life` as of service_intervals and service_life."""
    joint = _joint(life, profile)
    number, name = _named(life, joint, profile)
    members = life[["connector_no", "from_us", "to_us"]].assign(unit=number)
    if not joint.any():
        return Units(timeline, life.assign(only_connector_id=life["connector_id"]), members)
    pieces = _pieces(timeline.intervals, life).assign(unit=lambda table: number[table["place"]])
    proven = _pieces(timeline.proven, life).assign(unit=lambda table: number[table["place"]])
    places = life.assign(unit=number, connector_id=name, place=np.arange(len(life)), member=life["connector_id"])
    calendar = Calendar.over(np.unique(number), int(life["from_us"].min()), int(life["to_us"].max()))
    served = _swept(calendar, pieces, places, profile)
    proof = Stretches.union(*_ends(calendar, proven))
    told = pd.DataFrame(
        {
            "connector": calendar.connector(proof.start),
            "from_us": calendar.at_us(proof.start),
            "to_us": calendar.at_us(proof.end),
        }
    )
    return Units(Timeline(served, told), _lives(calendar, places), members)


def told_together(places: pd.DataFrame, views: Iterable[tuple[Profile, IntervalSettings]]) -> Ints:
    """A label per place, equal for all places of connectors whose time cannot be told apart under some of the views.

    Those of a station where a unit may have several, those of a charger that serves one at a time (uptime.sharing).
    """
    asked = list(views)
    if any(profile.unit != "connector" for profile, _ in asked):
        return neighbours(places)
    if any(settings.sharing is not None for _, settings in asked) and one_at_a_time(places).any():
        return neighbours(places, companies(places))
    return np.asarray(places["connector_no"], dtype=np.int64)


def neighbours(places: pd.DataFrame, company: pd.Series | None = None) -> Ints:
    """A label per place, equal for all places of connectors that ever share a company, by default their station."""
    where = places["operator_id"] + "/" + places["station_id"] if company is None else company
    station = pd.factorize(where)[0]
    label = places["connector_no"].reset_index(drop=True)
    while True:
        least = label.groupby(station).transform("min")
        least = least.groupby(places["connector_no"].to_numpy()).transform("min")
        if least.equals(label):
            return np.asarray(label, dtype=np.int64)
        label = least


def _joint(places: pd.DataFrame, profile: Profile) -> Bools:
    """Where the unit is more than the connector."""
    if profile.unit == "connector":
        return np.zeros(len(places), dtype=np.bool_)
    if profile.unit == "evse":
        return np.array([one is not None and not one for one in places["simultaneous"]], dtype=np.bool_)
    return np.ones(len(places), dtype=np.bool_)


def _named(places: pd.DataFrame, joint: Bools, profile: Profile) -> tuple[Ints, Ints]:
    """Number and id of the unit of each place. A connector by itself keeps its own; of others the id ends in /*."""
    number, name = places["connector_no"].to_numpy(dtype=np.int64).copy(), places["connector_id"].to_numpy().copy()
    if joint.any():
        size = places.loc[joint, ["operator_id", _SIZE[profile.unit]]]
        number[joint] = number.max() + 1 + size.groupby(list(size.columns), sort=True).ngroup().to_numpy()
        name[joint] = (size[_SIZE[profile.unit]] + "/*").to_numpy()
    return number, name


def _pieces(table: pd.DataFrame, life: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table (connector, from_us, to_us, …) cut by service life, with the place that each falls in."""
    both = table.reset_index(names="row").merge(
        life.reset_index(names="place").rename(columns={"connector_id": "member"})[_PLACE],
        left_on="connector",
        right_on="connector_no",
        suffixes=("", "_life"),
    )
    both["from_us"] = np.maximum(both["from_us"], both["from_us_life"])
    both["to_us"] = np.minimum(both["to_us"], both["to_us_life"])
    return both[both["from_us"] < both["to_us"]].sort_values(["connector", "from_us"], ignore_index=True)


_PLACE = ["place", "connector_no", "member", "from_us", "to_us"]


def _ends(calendar: Calendar, table: pd.DataFrame) -> tuple[Ints, Ints]:
    unit = table["unit"].to_numpy(dtype=np.int64)
    return calendar.place(unit, table["from_us"].to_numpy()), calendar.place(unit, table["to_us"].to_numpy())


def _slots(calendar: Calendar, table: pd.DataFrame) -> list[tuple[Stretches, pd.DataFrame]]:
    """The first connector of every unit, by its id, then the second …: each as stretches with their rows."""
    order = pd.Series(pd.factorize(table["member"], sort=True)[0], index=table.index)
    nth = order.groupby(table["unit"]).rank("dense").to_numpy(dtype=np.int64)
    found = []
    for slot in range(1, int(nth.max(initial=0)) + 1):
        mine = table[nth == slot]
        start, end = _ends(calendar, mine)
        order = np.argsort(start)
        found.append((Stretches(start[order], end[order]), mine.iloc[order]))
    return found


def _swept(calendar: Calendar, pieces: pd.DataFrame, places: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Intervals of units: the state of the best, or the worst, of their connectors."""
    slots = _slots(calendar, pieces)
    points = distinct(np.concatenate([edge for one, _ in slots for edge in (one.start, one.end)]))
    rank = states.BADNESS.astype(np.int64) * (1 if profile.combine == "best" else -1)
    least = np.full(len(points), np.iinfo(np.int64).max)
    row = np.full(len(points), -1)
    for stretches, mine in slots:
        index = stretches.holding(points)
        there = index >= 0
        mine_rank = rank[mine["state"].to_numpy()][index]
        better = there & (mine_rank < least)
        least = np.where(better, mine_rank, least)
        row = np.where(better, mine.index.to_numpy()[index], row)
    inside = row >= 0
    until = np.append(points[1:], points[-1:])[inside]
    points, chosen = points[inside], pieces.loc[row[inside]]
    return pd.DataFrame(
        {
            "connector": calendar.connector(points),
            "from_us": calendar.at_us(points),
            "to_us": calendar.at_us(until),
            **{name: chosen[name].to_numpy() for name in ("state", "reason", "status_row")},
        }
    )


def _lives(calendar: Calendar, places: pd.DataFrame) -> pd.DataFrame:
    """Service life of units: as long as any of its connectors has one, and bound as long as any is."""
    slots = _slots(calendar, places)
    points = distinct(np.concatenate([edge for one, _ in slots for edge in (one.start, one.end)]))
    row, members = np.full(len(points), -1), np.zeros(len(points), dtype=np.int64)
    bound = np.zeros(len(points), dtype=np.bool_)
    for stretches, mine in slots:
        index = stretches.holding(points)
        there = index >= 0
        row = np.where(there & (row < 0), mine.index.to_numpy()[index], row)
        members += there
        bound |= there & mine["bound"].to_numpy()[index].astype(np.bool_)
    inside = row >= 0
    until = np.append(points[1:], points[-1:])[inside]
    points = points[inside]
    life = places.loc[row[inside]].reset_index(drop=True)
    return life.assign(
        connector_no=life["unit"],
        from_us=calendar.at_us(points),
        to_us=calendar.at_us(until),
        bound=bound[inside],
        only_connector_id=np.where(members[inside] == 1, life["member"], "*"),
    ).drop(columns=["unit", "place", "member"])
