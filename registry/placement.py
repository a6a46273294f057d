"""Where a connector stands on which days, and how often its operator agreed to report.

A second belongs to the charger, station, operator and district that the registry gives for its policy day
(semantics 4). Rows with `valid_from` hold from that day on, beside the earlier row of the same id; without it, since
ever; before its first row an id does not exist, and neither does what stands on it.
"""

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_MIN, day_start_us
from registry.contents import Registry
from registry.returns import EVER as _EVER
from registry.returns import NEVER as _NEVER
from registry.returns import Return, returns

SINCE_EVER_US = -(2**62)
"""Start of what holds since ever, before every instant that a fact can have."""

_PLACE = ["charger_id", "station_id", "district", "category", "open_to_public", "kind", "rated_kw", "simultaneous"]
_COLUMNS = [
    *("connector_no", "operator_id", "connector_id", "from_us", "to_us", "charger_id", "station_id"),
    *("district", "category", "open_to_public", "kind", "rated_kw", "simultaneous", "commissioned_on", "retired_on"),
    *("away_days", "away_from_us", "back_days"),
]


def placements(registry: Registry, time_zone: str | ZoneInfo, first_day: date, last_day: date) -> pd.DataFrame:
    """One row a connector and run of days on which nothing about its place changes, within [first_day, last_day).

    Columns: connector_no (int64), operator_id, connector_id, from_us and to_us (int64, starts of policy days),
    charger_id, station_id, district, category, open_to_public (bool), kind and rated_kw
    (Decimal, kW) of the connector, simultaneous (bool or None: all its connectors can serve at once), commissioned_on
    and retired_on (date or None) of the charger; away_days (int64), where its serial number is out of service and comes
    back (registry.returns), and back_days, where it has come back on commissioned_on: for how many days it was or had
    been away, else -1; away_from_us (int64): since when it is away. Sorted by operator, connector and time. Days on
    which connector, charger, station or operator does not exist have no row.
    """
    chargers, stations = ["operator_id", "charger_id"], ["operator_id", "station_id"]
    connector = [*chargers, "connector_id", "connector_no", "kind", "rated_kw"]
    runs = _versions(registry.tables["connectors"], ["operator_id", "connector_id"], connector)
    runs = _within(runs, first_day.toordinal(), last_day.toordinal())
    for table, key, more in (
        ("chargers", chargers, ["station_id", "simultaneous", "commissioned_on", "retired_on"]),
        ("stations", stations, ["district", "category", "open_to_public"]),
        ("operators", ["operator_id"], []),
    ):
        runs = _overlap(runs, _versions(registry.tables[table], key, [*key, *more]), key)
    runs["open_to_public"] = runs["open_to_public"] == True  # noqa: E712 (it may be empty)
    runs = _with_returns(runs, returns(registry.tables["chargers"]))
    runs = _joined(runs.sort_values(["operator_id", "connector_id", "from_day"], ignore_index=True))
    zone = ZoneInfo(time_zone) if isinstance(time_zone, str) else time_zone
    for name in ("from", "to", "away_from"):
        runs[f"{name}_us"] = _starts(runs[f"{name}_day"], zone)
    return runs[_COLUMNS]


def reporting_intervals(registry: Registry, time_zone: str | ZoneInfo) -> pd.DataFrame:
    """What each operator agreed to, and from when: operator_id, from_us (int64), interval_us (Int64).

    `interval_us` is NA where nothing is agreed, so that the settings' default holds; a row without `valid_from`
    holds from SINCE_EVER_US on. Sorted by operator and time.
    """
    zone = ZoneInfo(time_zone) if isinstance(time_zone, str) else time_zone
    rows = _versions(registry.tables["operators"], ["operator_id"], ["operator_id", "reporting_interval_min"])
    agreed = [None if minutes is None else int(minutes * US_PER_MIN) for minutes in rows["reporting_interval_min"]]
    frame = pd.DataFrame({"operator_id": rows["operator_id"], "interval_us": pd.array(agreed, dtype="Int64")})
    frame.insert(1, "from_us", np.where(rows["from_day"] == _EVER, SINCE_EVER_US, _starts(rows["from_day"], zone)))
    return frame.sort_values(["operator_id", "from_us"], ignore_index=True)


def _versions(frame: pd.DataFrame, key: list[str], columns: list[str]) -> pd.DataFrame:
    """The rows of a table with the days [from_day, to_day) on which each holds: until the next row of its id."""
    starts = [_EVER if day is None else day.toordinal() for day in frame["valid_from"]]
    rows = frame[columns].assign(from_day=np.array(starts, dtype="int64")).sort_values([*key, "from_day"])
    following = rows.groupby(key, sort=False)["from_day"].shift(-1, fill_value=_NEVER)
    return rows.assign(to_day=following.astype("int64"))


def _overlap(runs: pd.DataFrame, rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Every run cut where the row that it stands on changes, and dropped where there is none."""
    both = runs.merge(rows, on=key, suffixes=("", "_below"))
    both["from_day"] = both[["from_day", "from_day_below"]].max(axis=1)
    both["to_day"] = both[["to_day", "to_day_below"]].min(axis=1)
    return both[both["from_day"] < both["to_day"]].drop(columns=["from_day_below", "to_day_below"])


def _with_returns(runs: pd.DataFrame, found: list[Return]) -> pd.DataFrame:
    """Every run cut where its charger goes away to come back, with away_days and back_days."""
    key = ["operator_id", "charger_id"]
    away: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for one in found:
        for charger in one.gone if one.from_day < one.to_day else ():
            away.setdefault((one.operator_id, charger), []).append((one.from_day, one.to_day))
    came = {
        (one.operator_id, charger, date.fromordinal(one.to_day)): one.to_day - one.from_day
        for one in found
        for charger in one.back
    }
    of_day = zip(runs["operator_id"], runs["charger_id"], runs["commissioned_on"], strict=True)
    runs = runs.assign(back_days=np.array([came.get(one, -1) for one in of_day], dtype="int64") if came else -1)
    runs = runs.assign(away_days=-1, away_from_day=_EVER)
    if not away:
        return runs
    days = [(*charger, *stretch) for charger, absences in away.items() for stretch in _stretches(absences)]
    cuts = pd.DataFrame(days, columns=[*key, "from_day", "to_day", "away_days", "away_from_day"])
    cut = np.array([one in away for one in zip(runs["operator_id"], runs["charger_id"], strict=True)], dtype=bool)
    mine = runs[cut].drop(columns=["away_days", "away_from_day"])
    return pd.concat([runs[~cut], _overlap(mine, cuts, key)], ignore_index=True)


def _stretches(absences: list[tuple[int, int]]) -> Iterator[tuple[int, int, int, int]]:
    """All days, cut at the absences: from, to, and for how many days and since when it is away then."""
    reached = _EVER
    for since, until in sorted(absences):
        yield reached, since, -1, _EVER
        yield since, until, until - since, since
        reached = until
    yield reached, _NEVER, -1, _EVER


def _within(runs: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    clipped = runs.assign(from_day=runs["from_day"].clip(lower=first), to_day=runs["to_day"].clip(upper=last))
    return clipped[clipped["from_day"] < clipped["to_day"]]


def _joined(runs: pd.DataFrame) -> pd.DataFrame:
    """Neighbouring runs of one connector that differ in nothing a placement tells, as one."""
    told = ["connector_no", *_PLACE, "commissioned_on", "retired_on", "away_days", "away_from_day", "back_days"]
    codes = np.column_stack([pd.factorize(runs[name], use_na_sentinel=True)[0] for name in told])
    same = (codes[1:] == codes[:-1]).all(axis=1)
    same &= runs["from_day"].to_numpy()[1:] == runs["to_day"].to_numpy()[:-1]
    begins = np.concatenate([[True], ~same])[: len(runs)]
    ends = np.concatenate([~same, [True]])[: len(runs)]
    joined = runs[begins].reset_index(drop=True)
    joined["to_day"] = runs["to_day"].to_numpy()[ends]
    return joined


def _starts(days: pd.Series, zone: ZoneInfo) -> np.ndarray:
    """Starts of days given by ordinal (µs); days are few, so each is worked out once."""
    unique, place = np.unique(days.to_numpy(), return_inverse=True)
    of = [0 if day == _EVER else day_start_us(date.fromordinal(int(day)), zone) for day in unique]
    return np.array(of, dtype="int64")[place]
