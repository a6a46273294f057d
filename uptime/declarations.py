"""Declared time: which stretches a declaration covers, laid over what was observed (semantics 3).

A declaration never removes what was observed. Each is judged for itself; then those of one cause are merged; where
causes overlap, the first in the profile's order applies.
"""

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_H
from uptime import states
from uptime.evidence import Bools, Calendar, Ints
from uptime.life import NEVER
from uptime.profile import Profile, Rule

_SCOPES = {"operator": "operator_id", "station": "station_id", "charger": "charger_id", "connector": "connector_id"}


def reach(declarations: pd.DataFrame, life: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Where valid declarations apply: connector, from_us, to_us, rule, declaration, start_us, filed_us.

    rule is the index of the cause in the profile, declaration the row in `declarations`, which has the registry's
    columns with start_us, end_us, filed_us, withdrawn_us; `life` is uptime.life.service_life's, or that of the
    profile's units (uptime.units). A declaration reaches each unit whose place lies wholly in its scope at the time.
    """
    parts = []
    for index, rule in enumerate(profile.causes):
        if rule.effect == "none":
            continue
        valid = declarations[_valid(declarations, rule)]
        for scope, chosen in valid.groupby("scope", sort=True):
            parts.append(_reached(chosen, life, str(scope)).assign(rule=index))
    empty = pd.DataFrame({name: np.zeros(0, dtype=np.int64) for name in _REACH})
    found = pd.concat([part[_REACH] for part in parts], ignore_index=True) if parts else empty
    return found[found["from_us"] < found["to_us"]].sort_values(_REACH, ignore_index=True)


_REACH = ["connector", "from_us", "to_us", "rule", "declaration", "start_us", "filed_us"]


def covering(segments: pd.DataFrame, reached: pd.DataFrame, profile: Profile) -> Bools:
    """Which of the profile's rules cover each segment, before caps: one row a rule, one column a segment.

    `segments` (connector, from_us, to_us, state, outage_us, proven) are disjoint, ascending, and cut at every edge of
    `reached`; outage_us is where the outage began that the segment belongs to (NEVER for none). Time inside a proven
    session is never covered; where the rule says so, nor is an outage that began before the filing, or before the
    declared start.
    """
    position, chosen = _overlaps(segments, reached)
    state = segments["state"].to_numpy()[position]
    outage = segments["outage_us"].to_numpy()[position]
    holds = ~segments["proven"].to_numpy()[position]
    rule = reached["rule"].to_numpy()[chosen]
    for index, one in enumerate(profile.causes):
        mine = rule == index
        if one.states:
            holds &= ~mine | np.isin(state, [states.STATES.index(name) for name in one.states])
        if not one.renews_outage:
            holds &= ~mine | (outage >= reached["filed_us"].to_numpy()[chosen])
        if one.begins_outage:
            holds &= ~mine | (outage >= reached["start_us"].to_numpy()[chosen])
    result = np.zeros((len(profile.causes), len(segments)), dtype=np.bool_)
    result[rule[holds], position[holds]] = True
    return result


def _valid(declarations: pd.DataFrame, rule: Rule) -> Bools:
    valid = (declarations["cause"] == rule.cause) & (declarations["withdrawn_us"] == NEVER)
    if rule.approved:
        valid &= declarations["approved"].astype(bool)
    if rule.filed == "before_start":
        valid &= declarations["filed_us"] <= declarations["start_us"] - rule.notice_h * US_PER_H
    return np.asarray(valid, dtype=np.bool_)


def _reached(declarations: pd.DataFrame, life: pd.DataFrame, scope: str) -> pd.DataFrame:
    chosen = declarations.assign(declaration=declarations.index)[
        ["declaration", "operator_id", "scope_id", "start_us", "end_us", "filed_us"]
    ]
    if scope == "platform":
        pairs = chosen.drop(columns="operator_id").merge(life, how="cross")
    elif scope == "operator":
        pairs = chosen.merge(life, on="operator_id")
    else:
        # One connector of a unit of several is not that unit.
        column = "only_connector_id" if scope == "connector" and "only_connector_id" in life else _SCOPES[scope]
        pairs = chosen.merge(life, left_on=["operator_id", "scope_id"], right_on=["operator_id", column])
    return pd.DataFrame(
        {
            "connector": pairs["connector_no"].to_numpy(dtype=np.int64),
            "from_us": np.maximum(pairs["start_us"], pairs["from_us"]).to_numpy(dtype=np.int64),
            "to_us": np.minimum(pairs["end_us"], pairs["to_us"]).to_numpy(dtype=np.int64),
            "declaration": pairs["declaration"].to_numpy(dtype=np.int64),
            "start_us": pairs["start_us"].to_numpy(dtype=np.int64),
            "filed_us": pairs["filed_us"].to_numpy(dtype=np.int64),
        }
    )


def _overlaps(segments: pd.DataFrame, reached: pd.DataFrame) -> tuple[Ints, Ints]:
    """Pairs (segment, row of reached) that overlap, by position."""
    if segments.empty or reached.empty:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    ends = [table[name].to_numpy() for table in (segments, reached) for name in ("from_us", "to_us")]
    calendar = Calendar.over(
        np.unique(np.concatenate([segments["connector"], reached["connector"]])),
        int(min(end.min() for end in ends)),
        int(max(end.max() for end in ends)),
    )
    starts = calendar.place(segments["connector"].to_numpy(), segments["from_us"].to_numpy())
    connector = reached["connector"].to_numpy()
    first = np.searchsorted(starts, calendar.place(connector, reached["from_us"].to_numpy()))
    last = np.searchsorted(starts, calendar.place(connector, reached["to_us"].to_numpy()))
    count = last - first
    chosen = np.repeat(np.arange(len(reached)), count)
    nth = np.arange(len(chosen)) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(first, count) + nth, chosen
