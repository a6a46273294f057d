"""Signs of life: every accepted item about a connector is one; a session is one at its start and at its end."""

from itertools import chain

import numpy as np
import pandas as pd

from uptime.evidence import Calendar, Facts, Ints


def of(facts: Facts, calendar: Calendar) -> tuple[Ints, int]:
    """Positions of all signs of life, and how many of them, the first, are strong: a status, a meter sample, a session.

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
    return sign, len(sign) - len(beats)


def of_connectors(sessions: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """One row a session version and connector of the calendar: connector, started_us, ended_us."""
    places = sessions["connector_nos"].to_numpy()
    row = np.repeat(np.arange(len(places)), np.fromiter(map(len, places), dtype=np.int64, count=len(places)))
    connector = np.fromiter(chain.from_iterable(places), dtype=np.int64, count=len(row))
    known = calendar.known(connector)
    ends = {name: sessions[name].to_numpy(dtype=np.int64)[row[known]] for name in ("started_us", "ended_us")}
    return pd.DataFrame({"connector": connector[known], **ends})


def counting(sign: Ints, strong: int, calendar: Calendar, stale_limit_us: int) -> Ints:
    """The signs that count, one an instant, ascending; the first `strong` of those given are strong.

    After more than the stale limit without a sign heartbeats do not count until a strong sign came.
    """
    # Stable, and the strong ones stand first: at one instant a strong sign comes before a heartbeat.
    row: Ints = np.argsort(sign, kind="stable")
    ordered: Ints = sign[row]
    gap = ordered[1:] - ordered[:-1]
    if len(gap) and not gap.all():
        first = np.append(True, gap != 0)
        ordered, row = ordered[first], row[first]
        gap = ordered[1:] - ordered[:-1]
    first_of_each = np.append(0, calendar.last_of_each(ordered)[:-1] + 1)[: len(ordered)]
    long = np.append(False, gap > stale_limit_us)[: len(ordered)]
    long[first_of_each] = False
    unheard = np.flatnonzero(long)
    unheard = unheard[row[unheard] >= strong]
    if not len(unheard):
        return ordered
    opens = row < strong
    opens[first_of_each] = True
    last_strong = np.maximum.accumulate(np.where(opens, np.arange(len(ordered)), 0))
    turns = np.zeros(len(ordered), dtype=np.int64)
    turns[unheard] = 1
    turns = np.cumsum(turns)
    counts = turns == turns[last_strong]
    counted: Ints = ordered[counts]
    return counted
