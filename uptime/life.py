"""Service life: from when to when a connector's time counts at all (semantics 2.6)."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from chargewatch.instants import day_start_us
from uptime.evidence import Bools, Facts

NEVER = np.iinfo(np.int64).max
"""Stands for 'not yet' and 'no such item' in columns of instants."""


def commissioning_days(placements: pd.DataFrame, zone: ZoneInfo) -> pd.DataFrame:
    """Per placement the bounds of its charger's commissioning day: day_from_us, day_to_us; NEVER where it has none."""
    first = {day: day_start_us(day, zone) for day in _days(placements["commissioned_on"])}
    after = {day: day_start_us(day + timedelta(days=1), zone) for day in first}
    return pd.DataFrame(
        {
            "day_from_us": _mapped(placements["commissioned_on"], first),
            "day_to_us": _mapped(placements["commissioned_on"], after),
        },
        index=placements.index,
    )


def first_items(facts: Facts, placements: pd.DataFrame, zone: ZoneInfo) -> tuple[pd.Series, pd.Series]:
    """Per placement the first item on its charger's commissioning day, and the connector's first item ever (or NEVER).

    A session is an item at its start and at its end.
    """
    day = commissioning_days(placements, zone)
    guns = facts.sessions[["connector_nos", "started_us", "ended_us"]].explode("connector_nos")
    items = [(table["connector"], table["at_us"]) for table in (facts.statuses, facts.meters, facts.heartbeats)]
    items += [(guns["connector_nos"].astype(np.int64), guns[end]) for end in ("started_us", "ended_us")]
    on_day, ever = np.full(len(placements), NEVER), np.full(len(placements), NEVER)
    # The nth placement of every connector at a time: almost every connector has one.
    nth = placements.groupby("connector_no", sort=False).cumcount().to_numpy()
    for turn in range(int(nth.max(initial=-1)) + 1):
        rows = np.flatnonzero(nth == turn)
        number = placements["connector_no"].to_numpy(dtype=np.int64)[rows]
        rows = rows[np.argsort(number)]
        number = np.sort(number)
        since, until = (day[name].to_numpy()[rows] for name in ("day_from_us", "day_to_us"))
        for connector, at in items:
            of = np.minimum(np.searchsorted(number, connector.to_numpy()), len(number) - 1)
            mine, instant = number[of] == connector.to_numpy(), at.to_numpy(dtype=np.int64)
            np.minimum.at(ever, rows[of[mine]], instant[mine])
            mine &= (instant >= since[of]) & (instant < until[of])
            np.minimum.at(on_day, rows[of[mine]], instant[mine])
    return pd.Series(on_day, index=placements.index), pd.Series(ever, index=placements.index)


def service_life(
    placements: pd.DataFrame,
    first_on_day_us: pd.Series,
    first_ever_us: pd.Series,
    zone: ZoneInfo,
    returns_within_days: int | None = None,
) -> pd.DataFrame:
    """The part of each placement (registry.placement) that is service life: its columns with from_us and to_us cut.

    It begins with the connector's first accepted item on its charger's commissioning day (`first_on_day_us`), or at
    that day's end if there is none; without a commissioning day with the connector's first item ever
    (`first_ever_us`); it ends where the retirement day begins. Both series are aligned with placements, NEVER where
    there is no such item. Placements that have no service life are left out.

    A serial number that returns `returns_within_days` after its retirement or sooner is one charger, and has been in
    its service life all the while: column `away` is true of that time (uptime.returning), which belongs to where the
    charger stood, and from the start of the day of its return to where it stands.
    """
    day = commissioning_days(placements, zone)
    commissioned = day["day_to_us"] != NEVER
    begins = first_on_day_us.where(first_on_day_us != NEVER, day["day_to_us"]).where(commissioned, first_ever_us)
    retired = {day: day_start_us(day, zone) for day in _days(placements["retired_on"])}
    ends = _mapped(placements["retired_on"], retired)
    since, until = placements["from_us"].to_numpy(), placements["to_us"].to_numpy()
    cut = placements.assign(
        from_us=np.maximum(since, begins.to_numpy()), to_us=np.minimum(until, ends), away=np.zeros(len(since), np.bool_)
    )
    if returns_within_days is not None:
        away, back = (_within(placements[name], returns_within_days) for name in ("away_days", "back_days"))
        gone = _served_until(cut, placements[away]).reindex(placements.index, fill_value=False).to_numpy()
        on_the_day = np.minimum(begins.to_numpy(), np.minimum(until, ends))
        pieces = [
            cut,
            placements[gone].assign(away=True),
            placements[back].assign(
                from_us=np.maximum(since, day["day_from_us"].to_numpy())[back], to_us=on_the_day[back], away=True
            ),
        ]
        cut = pd.concat(pieces, ignore_index=True)
    return cut[cut["from_us"] < cut["to_us"]].sort_values(["connector_no", "from_us"], ignore_index=True)


def _served_until(lives: pd.DataFrame, away: pd.DataFrame) -> pd.Series:
    """Whether the connector served at its charger, which is away now, until that went away."""
    lives = lives[(lives["from_us"] < lives["to_us"]) & lives["connector_no"].isin(away["connector_no"])]
    served = set(zip(lives["connector_no"], lives["charger_id"], lives["to_us"], strict=True))
    asked = zip(away["connector_no"], away["charger_id"], away["away_from_us"], strict=True)
    return pd.Series([one in served for one in asked], index=away.index, dtype=bool)


def _within(days: pd.Series, most: int) -> Bools:
    within: Bools = days.between(0, most).to_numpy(dtype=np.bool_)
    return within


def _days(column: pd.Series) -> set[date]:
    return {day for day in column.unique() if isinstance(day, date)}


def _mapped(column: pd.Series, instants: dict[date, int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([instants.get(day, NEVER) for day in column], dtype=np.int64)
