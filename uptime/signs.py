"""Signs of life: every accepted item about a connector is one; a session is one at its start and at its end."""

import numpy as np
import pandas as pd

from uptime.evidence import Bools, Calendar, Facts, Ints


def of(facts: Facts, calendar: Calendar) -> tuple[Ints, Bools]:
    """Positions of all signs of life in no order, and which are strong: a status, a meter sample, a session.

    A strong one revives a connector after any length of silence, a heartbeat does not (semantics 2.2). What stood
    when the facts begin is strong: it did count.
    """
    guns = of_connectors(facts.sessions, calendar)
    strong = [(table["connector"], table["at_us"]) for table in (facts.statuses, facts.meters)]
    strong += [(guns["connector"], guns["started_us"]), (guns["connector"], guns["ended_us"])]
    if facts.standing is not None:
        strong.append((facts.standing.heard["connector"], facts.standing.heard["at_us"]))
    signs = [calendar.place(connector.to_numpy(), at.to_numpy()) for connector, at in strong]
    beats = calendar.place(facts.heartbeats["connector"].to_numpy(), facts.heartbeats["at_us"].to_numpy())
    sign = np.concatenate([*signs, beats])
    return sign, np.arange(len(sign)) < len(sign) - len(beats)


def of_connectors(sessions: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """One row a session version and connector of the calendar: connector, started_us, ended_us."""
    guns = sessions[["connector_nos", "started_us", "ended_us"]].explode("connector_nos")
    guns = guns.rename(columns={"connector_nos": "connector"}).astype(np.int64)
    return guns[calendar.known(guns["connector"].to_numpy())]


def counting(sign: Ints, strong: Bools, calendar: Calendar, stale_limit_us: int) -> tuple[Ints, Ints]:
    """The signs that count, one an instant, ascending; and the row in `sign` of each.

    After more than the stale limit without a sign heartbeats do not count until a strong sign came.
    """
    # Stable, and the strong ones stand first: at one instant a strong sign comes before a heartbeat.
    row = np.argsort(sign, kind="stable")
    ordered = sign[row]
    first = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    if not first.all():
        ordered, row = ordered[first], row[first]
    first_of_each = np.append(0, calendar.last_of_each(ordered)[:-1] + 1)
    long = np.zeros(len(ordered), dtype=np.bool_)
    np.greater(ordered[1:] - ordered[:-1], stale_limit_us, out=long[1:])
    long[first_of_each[: len(ordered)]] = False
    unheard = np.flatnonzero(long)
    unheard = unheard[~strong[row[unheard]]]
    if not len(unheard):
        return ordered, row
    opens = strong[row]
    opens[first_of_each] = True
    last_strong = np.maximum.accumulate(np.where(opens, np.arange(len(ordered)), 0))
    turns = np.zeros(len(ordered), dtype=np.int64)
    turns[unheard] = 1
    turns = np.cumsum(turns)
    counts = turns == turns[last_strong]
    return ordered[counts], row[counts]
