"""The outlook of a period that is still running: what may yet be lost before it fails, and what cost most so far.

All the time that is still to come is taken as serving; what is unknown counts as down until somebody proves it.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd

from chargewatch.instants import iso, seconds
from uptime.account import DOWN, UNKNOWN, UP
from uptime.figures import LEVELS, truncated
from uptime.profile import Profile
from uptime.states import STATES

Outlook = Literal["passes", "open", "fails_unless_proven", "fails"]


def outlook(lose_us: int, unknown_us: int, rest_us: int) -> Outlook:
    """Whether the period passes or fails whatever comes; `lose_us` as of may_lose."""
    if lose_us >= rest_us:
        return "passes"
    if lose_us >= 0:
        return "open"
    return "fails_unless_proven" if lose_us + unknown_us >= 0 else "fails"


def may_lose(up_us: int, required_us: int, rest_us: int, profile: Profile) -> int:
    """How much of the rest may be lost at most so that the period's ratio still reaches the threshold (µs).

    Negative: by so much it is missed though nothing more is lost. More than the rest: nothing can make it fail.
    """
    over = (up_us + rest_us) * profile.least.denominator - profile.least.numerator * (required_us + rest_us)
    return (over if profile.threshold.comparison == "at_least" else over - 1) // profile.least.denominator


def standings(pieces: pd.DataFrame, life: pd.DataFrame, profile: Profile, end_us: int, now_us: int) -> pd.DataFrame:
    """Per connector that is bound: operator_id, connector_id, and up, down, unknown so far and rest to come (µs).

    `pieces` are the account (uptime.account) of the period up to now, `life` the service life up to its end.
    """
    bound = life[life["bound"].astype(bool)]
    length = (pieces["to_us"] - pieces["from_us"]).to_numpy()
    told = pd.DataFrame(
        {
            name: pd.Series(np.where(pieces["effect"] == effect, length, 0)).groupby(pieces["place"].to_numpy()).sum()
            for name, effect in (("up", UP), ("down", DOWN), ("unknown", UNKNOWN))
        }
    )
    rest = np.clip(np.minimum(bound["to_us"], end_us) - np.maximum(bound["from_us"], now_us), 0, None)
    sums = bound[LEVELS["connector"]].join(told).fillna(0).assign(rest=rest)
    sums = sums.groupby(LEVELS["connector"], sort=True).sum().astype(np.int64).reset_index()
    return sums[sums[["up", "down", "unknown", "rest"]].any(axis="columns")].reset_index(drop=True)


def row(level: str, id: str, sums: "pd.Series[Any]", profile: Profile) -> dict[str, Any]:
    """One line of `uptime running`; `sums` up, down, unknown, rest (µs)."""
    up, down, unknown, rest = (int(sums[name]) for name in ("up", "down", "unknown", "rest"))
    required = up + down + unknown
    lose = may_lose(up, required, rest, profile)
    return {
        "level": level,
        "id": id,
        "outlook": outlook(lose, unknown, rest),
        "ratio": truncated(up, required),
        "may_lose_s": seconds(lose),
        "may_lose_if_proven_s": seconds(lose + unknown),
        "rest_s": seconds(rest),
        "up_s": seconds(up),
        "down_s": seconds(down),
        "unknown_s": seconds(unknown),
    }


def outages(pieces: pd.DataFrame, life: pd.DataFrame, start_us: int, now_us: int) -> list[dict[str, Any]]:
    """Each outage of bound connectors with what it took of the period so far, the costliest first."""
    lost = pieces[pieces["effect"].isin([DOWN, UNKNOWN]) & life.loc[pieces["place"], "bound"].to_numpy(dtype=bool)]
    found = []
    for (_, begin), parts in lost.groupby(["connector", "outage_us"], sort=True):
        length = parts["to_us"] - parts["from_us"]
        until = int(parts["outage_end_us"].iloc[0])
        found.append(
            {
                "connector_id": life.loc[parts["place"].iloc[0], "connector_id"],
                "from": iso(max(int(begin), start_us)),
                "to": iso(min(until, now_us)),
                "lasts": until >= now_us,
                "states": [STATES[state] for state in dict.fromkeys(parts["state"])],
                "lost_us": int(length.sum()),
                "unknown_s": seconds(int(length[parts["effect"] == UNKNOWN].sum())),
            }
        )
    found.sort(key=lambda one: (-one["lost_us"], one["connector_id"], one["from"]))
    return [{**one, "lost_s": seconds(one.pop("lost_us"))} for one in found]
