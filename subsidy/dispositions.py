"""Every session's one disposition: admitted, held or rejected, with its reasons (semantics 7).

Rejected is what is impossible, taken back, at a place or time that earns nothing, or rejected by a person; held is what
a finding holds until a person decides; the rest is admitted. All that applies stands among the reasons, so that nothing
hides behind another.
"""

from typing import Any

import numpy as np
import pandas as pd

from subsidy import findings as rules
from subsidy.findings.settled import Settled
from subsidy.place import EPOCH
from subsidy.policy import Policy

ADMITTED, HELD, REJECTED = "admitted", "held", "rejected"


def of_sessions(sessions: pd.DataFrame, place: pd.DataFrame, found: list[Settled], policy: Policy) -> pd.DataFrame:
    """By session: operator_id, session_id, station_id, connector_ids, day, energy_kwh, disposition, reasons, notes.

    `day` counts from 1970; reasons and notes are tuples of codes. A session at several connectors is at the station of
    the least connector id, and what one of them fails the session fails.
    """
    count = len(sessions)
    rejecting = [
        ("void", sessions["void"].to_numpy(dtype=np.bool_)),
        ("impossible", rules.impossible(sessions)),
        *_place_reasons(place, count, policy),
    ]
    decided = [(one.found.rule, one.rejected) for one in found]
    held = [(one.found.rule, one.open) for one in found if one.found.effect == "hold"]
    noted = [(one.found.rule, one.open) for one in found if one.found.effect == "note"]
    rejected = _any([*rejecting, *decided], count)
    holds = _any(held, count)
    given = [(one.found.rule, one.rejected | (one.open if one.found.effect == "hold" else False)) for one in found]
    first = place.sort_values(["row", "connector_id"], kind="stable").drop_duplicates("row")
    return pd.DataFrame(
        {
            "operator_id": sessions["operator_id"].to_numpy(),
            "session_id": sessions["session_id"].to_numpy(),
            "station_id": first["station_id"].to_numpy(),
            "day": first["day"].to_numpy(),
            "energy_kwh": sessions["energy_kwh"].to_numpy(),
            "disposition": np.where(rejected, REJECTED, np.where(holds, HELD, ADMITTED)),
            "reasons": _codes([*rejecting, *given], count),
            "notes": _codes(noted, count),
        }
    )


def _place_reasons(place: pd.DataFrame, count: int, policy: Policy) -> list[tuple[str, Any]]:
    window = policy.operating.window
    first, last = ((day - EPOCH).days for day in (window.first_day, window.last_day))
    registered = place["registered"].to_numpy(dtype=np.bool_)
    day = place["day"].to_numpy()
    failed = [
        ("outside_window", (day < first) | (day > last)),
        ("not_registered", ~registered),
        ("not_public", ~place["category"].isin(policy.categories.values).to_numpy(dtype=np.bool_)),
        ("outside_scope", ~place["district"].isin(policy.districts.values).to_numpy(dtype=np.bool_)),
        ("not_managed", ~place["managed"].to_numpy(dtype=np.bool_)),
        ("outside_service_life", ~place["in_life"].to_numpy(dtype=np.bool_)),
    ]
    codes, which = pd.factorize(pd.Series(place["operator_failures"].to_numpy(), dtype=object))
    for code in sorted({code for failures in which for code in failures}):
        having = np.array([code in failures for failures in which], dtype=np.bool_)
        failed.append((code, having[codes]))
    return [(code, _by_session(place, mask, count)) for code, mask in failed]


def _by_session(place: pd.DataFrame, mask: Any, count: int) -> Any:
    result = np.zeros(count, dtype=np.bool_)
    result[place["row"].to_numpy()[mask]] = True
    return result


def _any(masks: list[tuple[str, Any]], count: int) -> Any:
    result = np.zeros(count, dtype=np.bool_)
    for _, mask in masks:
        result |= mask
    return result


def _codes(masks: list[tuple[str, Any]], count: int) -> Any:
    """By session the tuple of codes that apply, made once for each combination that occurs."""
    masks = [(code, mask) for code, mask in masks if mask.any()]
    combined = np.zeros(count, dtype=np.int64)
    for bit, (_, mask) in enumerate(masks):
        combined |= mask.astype(np.int64) << bit
    kinds, which = np.unique(combined, return_inverse=True)
    tuples = np.empty(len(kinds), dtype=object)
    for number, kind in enumerate(kinds):
        tuples[number] = tuple(code for bit, (code, _) in enumerate(masks) if int(kind) >> bit & 1)
    return tuples[which]
