"""Charging sessions as evidence: which revision counts, and which sessions prove that the connector served.

Both are read by availability (semantics 2.3) and by the subsidies (semantics 7). A table of sessions has one row a
stored version and the columns operator_id, session_id, revision, content_sha256 (hex), received_us, started_us,
ended_us, connector_nos (tuple of int), energy_kwh, meter_start_kwh, meter_end_kwh (Decimal or None), void (bool).
"""

from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H
from uptime.settings import IntervalSettings

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def counting(sessions: pd.DataFrame, settings: IntervalSettings) -> Mask:
    """True for the one version of each order that counts, a void one included; of a contradictory id every order's.

    Of one session_id the highest revision, then the latest receipt, then the content's hash counts.
    """
    result = np.ones(len(sessions), dtype=np.bool_)
    # Almost every id has one version, which counts.
    several = sessions.duplicated(["operator_id", "session_id"], keep=False).to_numpy()
    if several.any():
        result[several] = _counting(sessions[several], settings)
    return result


def _counting(sessions: pd.DataFrame, settings: IntervalSettings) -> Mask:
    order = pd.DataFrame({"operator_id": sessions["operator_id"], "session_id": sessions["session_id"]})
    order["part"] = _parts(sessions, settings)
    versions = order.assign(
        revision=sessions["revision"], received=sessions["received_us"], content=sessions["content_sha256"]
    )
    one = ["operator_id", "session_id", "part"]
    # Of equal items the first received counts (semantics 2.5), so a repeated version does not become the latest.
    versions = versions.sort_values("received", kind="stable").drop_duplicates([*one, "revision", "content"])
    ranked = versions.sort_values([*one, "revision", "received", "content"])
    last = ~ranked.duplicated(one, keep="last")
    return np.asarray(last.reindex(sessions.index, fill_value=False), dtype=np.bool_)


def contradictory(sessions: pd.DataFrame, settings: IntervalSettings) -> Mask:
    """True for every version of an id that was used at another connector too, or for starts too far apart (24 h)."""
    if sessions.empty:
        return np.zeros(0, dtype=np.bool_)
    parts = pd.Series(_parts(sessions, settings), index=sessions.index)
    several = parts.groupby([sessions["operator_id"], sessions["session_id"]], sort=False).transform("nunique") > 1
    return np.asarray(several, dtype=np.bool_)


def proven(sessions: pd.DataFrame, settings: IntervalSettings) -> Mask:
    """True for sessions that prove serving (semantics 2.3): not too long, energy positive, registers differ by it.

    Limits and tolerances are those of `settings.proof`. A void version proves nothing.
    """
    if sessions.empty:
        return np.zeros(0, dtype=np.bool_)
    proof = settings.proof
    length = sessions["ended_us"].to_numpy() - sessions["started_us"].to_numpy()
    read = sessions["meter_start_kwh"].notna().to_numpy() & sessions["meter_end_kwh"].notna().to_numpy()
    result = np.asarray((length <= proof.longest_h * US_PER_H) & read & ~sessions["void"].to_numpy(dtype=np.bool_))
    energy = sessions["energy_kwh"].to_numpy()[result]
    advance = sessions["meter_end_kwh"].to_numpy()[result] - sessions["meter_start_kwh"].to_numpy()[result]
    tolerance: Any = np.fmax(energy * proof.tolerance_ratio, np.full(len(energy), proof.tolerance_kwh, dtype=object))
    result[result] = ((energy > 0) & (np.abs(advance - energy) <= tolerance)).astype(np.bool_)
    return result


def _parts(sessions: pd.DataFrame, settings: IntervalSettings) -> Any:
    """Label of the order within its id: versions at the same connectors, starting within the limit of its earliest.

    Almost every id has one version, so only those with several are looked at.
    """
    keys = ["operator_id", "session_id"]
    parts = pd.Series(0, index=sessions.index)
    rest = sessions[sessions.duplicated(keys, keep=False)]
    place = rest.groupby([*keys, "connector_nos"], sort=False).ngroup() + 1
    label = 0
    while len(rest):  # once for almost all: a turn more only for ids whose versions lie further apart
        away = rest["started_us"] - rest.groupby(place, sort=False)["started_us"].transform("min")
        same = away <= settings.same_order_h * US_PER_H
        parts.loc[rest.index[same]] = place[same] + label
        label += int(place.max())
        rest, place = rest[~same], place[~same]
    return parts.to_numpy()
