"""The lines that a report's figures are added up from: intervals, and sums where nobody needs to see each.

A connector that does not pass, or was out of service for long, has every interval of the period; any other has one line
for each place and effect, unless every interval is asked for. All time that a figure sums is in exactly one line.
"""

from typing import Any

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H
from uptime.account import DEDUCTED, EFFECTS
from uptime.evidence import Ints
from uptime.figures import figures
from uptime.life import NEVER
from uptime.profile import Profile
from uptime.states import REASONS, STATES

IDS = ["operator_id", "connector_id", "charger_id", "station_id", "district"]
COLUMNS = [
    *("kind", *IDS, "from_us", "to_us", "us", "effect", "cause", "state", "reason", "outage_us", "outage_end_us")
]
KINDS = ("interval", "sum", "denominator")
"""denominator: what a statutory length of the year adds to what is up."""


def bound(segments: pd.DataFrame, life: pd.DataFrame) -> pd.DataFrame:
    """The segments (uptime.account) that a figure sums: those at a place that the profile binds."""
    held: np.ndarray[Any, np.dtype[np.bool_]] = life["bound"].to_numpy(dtype=np.bool_)[segments["place"].to_numpy()]
    return segments[held]


def lines(
    segments: pd.DataFrame, life: pd.DataFrame, tallies: pd.DataFrame, profile: Profile, *, every_interval: bool = False
) -> pd.DataFrame:
    """The lines of some units: `segments` of uptime.account, `life` of these units, `tallies` of uptime.figures.tally.

    Columns COLUMNS; us is the length in µs; from_us and to_us, outage_us and outage_end_us are NEVER where a line has
    none; cause is that of the declaration, or the excluded state, else empty. By operator, connector and time.
    """
    told = _told(bound(segments, life), life, profile)
    rows = figures(tallies, profile, "connector", ripe=False, everything=False)
    shown = {(row["operator_id"], row["id"]) for row in rows if row["verdict"] != "pass" or row["connectors_out_7d"]}
    keys = zip(told["operator_id"], told["connector_id"], strict=True)
    each = np.array([every_interval or key in shown for key in keys], dtype=np.bool_)
    sums = told[~each].groupby([*IDS, "effect", "cause"], as_index=False, sort=True)["us"].sum()
    found = [
        told[each].assign(kind="interval"),
        _timeless(sums).assign(kind="sum"),
        _timeless(_statutory(told, tallies)).assign(kind="denominator"),
    ]
    some = [one[COLUMNS] for one in found if len(one)] or [found[0][COLUMNS]]
    return ordered(pd.concat(some, ignore_index=True))


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Lines in the order in which they are shown."""
    return table.sort_values(
        ["operator_id", "connector_id", "from_us", "kind", *IDS[2:], "effect", "cause"], ignore_index=True
    )


def added_up(table: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """What each connector has to its account at each place, from the lines alone."""
    us, effect = table["us"].to_numpy(dtype=np.int64), table["effect"].to_numpy()
    sums = table[IDS].copy()
    for name in EFFECTS[:DEDUCTED]:
        sums[name] = np.where(effect == name, us, 0)
    for cause in profile.deducting:
        sums[cause] = np.where((effect == EFFECTS[DEDUCTED]) & (table["cause"].to_numpy() == cause), us, 0)
    out = (table["outage_end_us"] - table["outage_us"]).to_numpy(dtype=np.int64)
    sums["long_out"] = out > profile.long_outage_days * 24 * US_PER_H
    return whole(sums.assign(bound=True), profile)


def whole(tallies: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Tallies of what is bound, one row a connector and place; figures follow from these alone."""
    sums = tallies[tallies["bound"].astype(bool)].groupby(IDS, as_index=False, sort=True)
    counted = ["up", "down", "unknown", *profile.deducting, "long_out"]
    return (
        sums[counted]
        .sum()
        .astype(dict.fromkeys(counted, np.int64))
        .assign(long_out=lambda table: table["long_out"] > 0)
    )


def _told(segments: pd.DataFrame, life: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Segments in words, with their place's ids."""
    effect, rule, state = (segments[name].to_numpy(dtype=np.int64) for name in ("effect", "rule", "state"))
    causes = np.array([*(one.cause for one in profile.causes), ""], dtype=object)[rule]
    excluded = (effect == DEDUCTED) & (rule < 0)
    start, end = segments["from_us"].to_numpy(), segments["to_us"].to_numpy()
    return life.iloc[segments["place"].to_numpy()][IDS].assign(
        from_us=start,
        to_us=end,
        us=end - start,
        effect=_named(EFFECTS, effect),
        cause=np.where(excluded, _named(STATES, state), causes),
        state=_named(STATES, state),
        reason=_named(REASONS, segments["reason"].to_numpy(dtype=np.int64)),
        outage_us=segments["outage_us"].to_numpy(),
        outage_end_us=segments["outage_end_us"].to_numpy(),
    )


def _named(names: tuple[str, ...], index: Ints) -> np.ndarray[Any, np.dtype[np.object_]]:
    return np.array(names, dtype=object)[index]


def _statutory(told: pd.DataFrame, tallies: pd.DataFrame) -> pd.DataFrame:
    """What the tallies count as up beyond what was."""
    counted = tallies[tallies["bound"].astype(bool)].groupby(IDS, sort=True)["up"].sum()
    was = told[told["effect"] == "up"].groupby(IDS, sort=True)["us"].sum()
    more = counted - was.reindex(counted.index, fill_value=0)
    return more[more != 0].rename("us").reset_index().assign(effect="up", cause="")


def _timeless(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(from_us=NEVER, to_us=NEVER, state="", reason="", outage_us=NEVER, outage_end_us=NEVER)
