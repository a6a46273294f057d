"""Facts of some days of all connectors, in their order: what need not fit into memory.

The database sorts what it reads by connector and time, on disk where need be; what is in memory here is a block of
connectors at a time, whatever the size of the city.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import pandas as pd
import psycopg

from chargewatch import bulk
from chargewatch.instants import iso
from uptime import facts
from uptime.evidence import Facts, Ints


def blocks(
    connection: psycopg.Connection,
    dsn: str,
    groups: Sequence[Ints],
    reporting: pd.DataFrame,
    since: datetime,
    until: datetime,
    as_of: datetime,
) -> Iterator[Facts]:
    """Facts about each group of connectors from `since` on, before `until`, recorded at or before `as_of`.

    `groups`: ascending, every connector of one below all of the next. Sessions: that ended at or after `since` and
    started before `until`, with all versions of their ids.
    """
    if sum(map(len, groups)) <= FEW:
        for group in groups:
            yield _few(connection, dsn, group, reporting, since, until, as_of)
        return
    limits = f"WHERE at >= '{iso(since)}' AND at < '{iso(until)}' AND recorded_at <= '{iso(as_of)}'"
    selects = (facts.STATUS, facts.SIGN.format("meter_fact"), facts.SIGN.format("heartbeat_fact"))
    queries = [f"{select} {limits} ORDER BY connector_no, at" for select in selects]
    readers = [_Reader(bulk.stream(dsn, query)) for query in (*queries, facts.order_stream(since, until, as_of))]
    for group in groups:
        statuses, meters, heartbeats, orders = (reader.of(group) for reader in readers)
        yield facts.gathered(group, statuses, meters, heartbeats, facts.orders_of(orders), reporting)


FEW = 2_000
"""So many connectors are sought in the store's index; more are read as one stream."""


def _few(
    connection: psycopg.Connection,
    dsn: str,
    group: Ints,
    reporting: pd.DataFrame,
    since: datetime,
    until: datetime,
    as_of: datetime,
) -> Facts:
    limits = (
        f"WHERE connector_no = ANY('{{{','.join(map(str, group))}}}') AND recorded_at <= '{iso(as_of)}'"
        f" AND at >= '{iso(since)}' AND at < '{iso(until)}'"
    )
    selects = (facts.STATUS, facts.SIGN.format("meter_fact"), facts.SIGN.format("heartbeat_fact"))
    statuses, meters, heartbeats = (bulk.read(dsn, f"{select} {limits}") for select in selects)
    orders = facts.sessions(connection, as_of, group, until, ended_from=since)
    return facts.gathered(group, statuses, meters, heartbeats, orders, reporting)


class _Reader:
    """A stream in the order of connectors, taken group by group."""

    def __init__(self, stream: Iterator[bulk.Columns]) -> None:
        self.stream = stream
        self.rest: list[bulk.Columns] = []

    def of(self, group: Ints) -> bulk.Columns:
        """The rows of these connectors; those of others before the last of them are left out."""
        last = int(group[-1])
        while (batch := next(self.stream, None)) is not None:
            self.rest.append(batch)
            if len(batch["connector"]) and batch["connector"][-1] > last:
                break
        whole = _joined(self.rest)
        cut = int(np.searchsorted(whole["connector"], last, side="right"))
        self.rest = [{name: column[cut:] for name, column in whole.items()}]
        mine = np.isin(whole["connector"][:cut], group)
        return {name: column[:cut][mine] for name, column in whole.items()}


def _joined(parts: list[bulk.Columns]) -> bulk.Columns:
    return parts[0] if len(parts) == 1 else {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
