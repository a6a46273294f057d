"""Where each session took place, as of its policy day: connector, charger, station and what holds for them that day.

A session belongs to the policy day of its last instant before `end` (semantics 7).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from subsidy import qualification
from subsidy.policy import Policy
from subsidy.versions import Versions

EPOCH = date(1970, 1, 1)
SINCE_EVER = -1_000_000
NEVER = 10_000_000

Days = np.ndarray[Any, np.dtype[np.int64]]


def policy_days(ended_us: "pd.Series[int]", zone: ZoneInfo) -> Days:
    """Policy day (days since 1970) of the last instant before each end."""
    last = pd.to_datetime(ended_us - 1, unit="us", utc=True).dt.tz_convert(zone).dt.tz_localize(None)
    return np.asarray(last.to_numpy().astype("datetime64[D]").astype(np.int64))


def of_sessions(
    sessions: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    first_receipts: pd.DataFrame,
    policy: Policy,
) -> pd.DataFrame:
    """One row a session (`row`, its position) and connector, with what the registry says of it as of the session's day.

    Columns: row, connector_no, day, operator_id, connector_id, charger_id, station_id, kind, rated_kw, category,
    district, opening_hours, registered, managed (bool), in_life (bool), operator_failures (tuple of codes).
    `first_receipts` (operator_id, station_id, day): policy day of each station's first receipt.
    """
    each = pd.DataFrame(
        {
            "row": np.arange(len(sessions)),
            "connector_no": sessions["connector_nos"].to_numpy(),
            "day": policy_days(sessions["ended_us"], policy.zone),
        }
    ).explode("connector_no", ignore_index=True)
    each["connector_no"] = each["connector_no"].astype("int64")
    pairs = each[["connector_no", "day"]].drop_duplicates(ignore_index=True)
    return each.merge(_of_days(pairs, tables, first_receipts, policy), on=["connector_no", "day"], how="left")


def _of_days(
    pairs: pd.DataFrame, tables: Mapping[str, pd.DataFrame], first_receipts: pd.DataFrame, policy: Policy
) -> pd.DataFrame:
    connectors, chargers, stations = tables["connectors"], tables["chargers"], tables["stations"]
    found = _as_of_day(
        pairs, connectors, ["connector_no"], ["operator_id", "connector_id", "charger_id", "kind", "rated_kw"]
    )
    found = _as_of_day(found, chargers, ["operator_id", "charger_id"], ["station_id", "commissioned_on", "retired_on"])
    found = _as_of_day(
        found,
        stations,
        ["operator_id", "station_id"],
        ["category", "district", "platform_managed_from", "opening_hours"],
    )
    runs = qualification.runs(Versions(tables["operators"], "operator_id"), policy)
    operators = pd.DataFrame(runs, columns=["operator_id", "valid_from", "operator_failures"])
    operators["valid_from"] = [None if day == date.min else day for day in operators["valid_from"]]
    found = _as_of_day(found, operators, ["operator_id"], ["operator_failures"])
    receipts = first_receipts.rename(columns={"day": "first_receipt"})
    found = found.merge(receipts, on=["operator_id", "station_id"], how="left")
    day = found["day"].to_numpy()
    managed = np.maximum(
        _numbers(found["platform_managed_from"], NEVER),
        found["first_receipt"].fillna(NEVER).to_numpy().astype(np.int64),
    )
    found["managed"] = managed <= day
    found["in_life"] = (_numbers(found["commissioned_on"], SINCE_EVER) <= day) & (
        day < _numbers(found["retired_on"], NEVER)
    )
    return found.drop(columns=["commissioned_on", "retired_on", "platform_managed_from", "first_receipt"])


def _as_of_day(left: pd.DataFrame, versions: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """`left` with the columns of the version in force on its day; before the first one with those of the first.

    `registered` becomes False where there was none yet: the session keeps its place, and earns nothing.
    """
    right = versions[[*by, *columns]].assign(since=_numbers(versions["valid_from"], SINCE_EVER))
    right = right.sort_values("since", kind="stable")
    ordered = left.assign(_order=np.arange(len(left))).sort_values("day", kind="stable")
    for name in by:  # registry columns are object, and merge_asof wants equal dtypes
        if name != "connector_no":
            right[name], ordered[name] = right[name].astype("str"), ordered[name].astype("str")
    found = pd.merge_asof(ordered, right, left_on="day", right_on="since", by=by, direction="backward")
    missing = found["since"].isna()
    if missing.any():
        early = found.loc[missing, [*ordered.columns]]
        later = pd.merge_asof(early, right, left_on="day", right_on="since", by=by, direction="forward")
        later.index = early.index
        found.loc[missing, columns] = later[columns]
    before = found.get("registered", pd.Series(True, index=found.index))
    return (
        found.assign(registered=before & ~missing)
        .sort_values("_order", ignore_index=True)
        .drop(columns=["_order", "since"])
    )


def _numbers(days: "pd.Series[Any]", empty: int) -> Days:
    """Days since 1970; `empty` where there is none."""
    return np.array([empty if pd.isna(day) else (day - EPOCH).days for day in days], dtype=np.int64)
