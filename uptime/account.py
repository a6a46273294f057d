"""The account of time: every segment of service life with what a profile makes of it, and by which declaration.

Causes apply in the profile's order. A cap lets the first so many hours apply; it is counted from the beginning of the
service life, so that the account of a month is the same as that of the year which holds it.
"""

from datetime import date

import numpy as np
import pandas as pd

from chargewatch.instants import day_of_us, day_start_us
from uptime.declarations import covering
from uptime.evidence import Ints
from uptime.intervals import Timeline
from uptime.profile import Profile
from uptime.segments import segments
from uptime.states import STATES

UP, DOWN, UNKNOWN, DEDUCTED = range(4)
EFFECTS = ("up", "down", "unknown", "deducted")
_MEANS = {"up": UP, "down": DOWN, "unknown": UNKNOWN, "excluded": DEDUCTED}


def account(
    timeline: Timeline, life: pd.DataFrame, reached: pd.DataFrame, profile: Profile, from_us: int, to_us: int
) -> pd.DataFrame:
    """Service life within [from_us, to_us) as segments (uptime.segments) with columns rule and effect.

    `timeline` and `life` are those of the profile's units (uptime.units), `reached` of uptime.declarations.reach on
    this life. rule is the index of the cause that applies, -1 for none; effect UP, DOWN, UNKNOWN or DEDUCTED.
    """
    capped = {within for rule in profile.causes for within, _ in rule.caps_us}
    since = int(life["from_us"].min()) if capped and len(life) else from_us
    turns = {
        within: _turns(within, min(since, from_us), to_us, profile) for within in ("month", "year") if within in capped
    }
    cuts = {from_us, *(int(turn) for each in turns.values() for turn in each)}
    run_of = profile.long_unknown.states if profile.long_unknown else ()
    pieces = segments(timeline, life, reached, min(since, from_us), to_us, cuts=cuts, run_of=run_of)
    observed = _observed(pieces, profile)
    covers = covering(pieces, reached, profile)

    row, start, end = np.arange(len(pieces)), pieces["from_us"].to_numpy(), pieces["to_us"].to_numpy()
    applied = np.full(len(row), -1)
    for index, rule in enumerate(profile.causes):
        holds = covers[index][row] & (applied == -1)
        if rule.effect == "credit":  # what is up needs no credit, and uses up no cap
            holds &= observed[row] != UP
        for within, cap_us in rule.caps_us:
            label = (
                pieces["outage_us"].to_numpy()[row]
                if within == "outage"
                else np.searchsorted(turns[within], start, "right")
            )
            left = _left(pieces["connector"].to_numpy()[row], label, np.where(holds, end - start, 0), cap_us)
            cut = holds & (left > 0) & (left < end - start)
            parts = np.where(cut, 2, 1)
            second = np.flatnonzero(np.repeat(cut, parts))[1::2]
            holds &= left > 0
            at = start + left
            row, start, end, applied, holds = (np.repeat(one, parts) for one in (row, start, end, applied, holds))
            start[second], end[second - 1] = at[cut], at[cut]
            holds[second] = False
        applied[holds] = index
    by_rule = np.array([DEDUCTED if rule.effect == "deduct" else UP for rule in profile.causes] or [UP])
    found = pieces if len(row) == len(pieces) else pieces.iloc[row].reset_index(drop=True)
    effect = np.where(applied >= 0, by_rule[applied], observed[row])
    found = found.assign(from_us=start, to_us=end, rule=applied, effect=effect)
    return found if since >= from_us else found[found["from_us"] >= from_us].reset_index(drop=True)


def _observed(pieces: pd.DataFrame, profile: Profile) -> Ints:
    """The effect of what was observed, whatever was declared."""
    by_state = np.array([_MEANS[profile.states[state]] for state in STATES])  # type: ignore[index]
    effect: Ints = by_state[pieces["state"].to_numpy()]
    if profile.long_unknown:
        long = pieces["run_length_us"].to_numpy() > profile.long_unknown.longer_than_us
        effect = np.where(long, _MEANS[profile.long_unknown.counts], effect)
    return effect


def _left(connector: Ints, label: Ints, length: Ints, cap_us: int) -> Ints:
    """How much of each length, in order, is still within the cap of its connector and label."""
    if not len(length):
        return length
    begins = np.ones(len(length), dtype=np.bool_)
    begins[1:] = (connector[1:] != connector[:-1]) | (label[1:] != label[:-1])
    before = np.cumsum(length) - length
    used = before - before[begins][np.cumsum(begins) - 1]
    return np.asarray(np.clip(cap_us - used, 0, length), dtype=np.int64)


def _turns(within: str, from_us: int, to_us: int, profile: Profile) -> Ints:
    """Where calendar months or years begin within (from_us, to_us)."""
    first, last = (day_of_us(us, profile.zone) for us in (from_us, to_us))
    months = range(1, 13) if within == "month" else (1,)
    days = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in months]
    turns = np.array([day_start_us(day, profile.zone) for day in days], dtype=np.int64)
    return turns[(turns > from_us) & (turns < to_us)]
