"""Loading what is known around the orders: vehicles, the meter's samples and the connectors' states near each of them.

Samples are read for some connectors at a time, as many as fit, and become one row of whole numbers an order; so memory
follows the orders and not the samples.
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from chargewatch import bulk, database
from chargewatch.instants import US_PER_S, iso
from subsidy.findings.found import Ints
from subsidy.findings.observed import COLUMNS, by_connector, by_session, observe
from subsidy.policy import Policy

SAMPLES = 3_000_000
"""Samples and statuses in memory at a time, about; one connector's are never divided."""
BAD = ("faulted", "unavailable")


def vehicles(sessions: pd.DataFrame, as_of: datetime) -> pd.Categorical:
    """The operator's pseudonym for the vehicle of each version, by position of `sessions`."""
    told = bulk.read(
        database.dsn(),
        "SELECT message_id::bigint AS message_id, place::bigint AS place, vehicle FROM session_fact"
        f" WHERE vehicle IS NOT NULL AND recorded_at <= '{iso(as_of)}'",
    )
    names = pd.Categorical(told["vehicle"])
    known = pd.DataFrame({"message_id": told["message_id"], "place": told["place"], "code": names.codes})
    known = known.drop_duplicates(["message_id", "place"])
    keys = sessions[["message_id", "place"]]
    code = keys.merge(known, on=["message_id", "place"], how="left")["code"].fillna(-1).to_numpy(np.int64)
    return pd.Categorical.from_codes(code, categories=names.categories)


def seen(sessions: pd.DataFrame, policy: Policy, as_of: datetime) -> pd.DataFrame:
    """Columns of subsidy.findings.observed by position of `sessions`: of one at several connectors their sums.

    What only one connector can tell (power, state of charge, the register before) is left out for several.
    """
    orders = by_connector(sessions)
    slack_us = int(policy.findings.no_sign_inside.slack.value * US_PER_S)
    parts = [
        observe(orders[np.isin(orders["connector"], numbers)], *_read(numbers, as_of), slack_us)
        for numbers in _parts(orders, as_of)
    ]
    if not parts:
        return pd.DataFrame(-1, index=range(len(sessions)), columns=list(COLUMNS), dtype=np.int64)
    return by_session(pd.concat(parts).sort_index(), orders, len(sessions))


def _parts(orders: pd.DataFrame, as_of: datetime) -> Iterator[Ints]:
    """The orders' connectors, ascending, some at a time: by how many samples and statuses each has."""
    numbers = np.unique(orders["connector"].to_numpy())
    if not len(numbers):
        return
    told = bulk.read(
        database.dsn(),
        "SELECT connector, sum(items)::bigint AS items FROM ("
        + " UNION ALL ".join(
            f"SELECT connector_no::bigint AS connector, count(*) AS items FROM {table}"
            f" WHERE recorded_at <= '{iso(as_of)}' GROUP BY connector_no"
            for table in ("meter_fact", "status_fact")
        )
        + ") AS counted GROUP BY connector",
    )
    counts = pd.Series(told["items"], index=told["connector"]).reindex(numbers, fill_value=0).to_numpy()
    part = np.cumsum(counts) // SAMPLES
    for one in np.unique(part):
        yield numbers[part == one]


def _read(numbers: Ints, as_of: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples and statuses of these connectors, one a moment: of equals what was received first, the worst at last."""
    where = f"connector_no = ANY('{{{','.join(map(str, numbers))}}}') AND recorded_at <= '{iso(as_of)}'"
    dsn = database.dsn()
    meters = pd.DataFrame(
        bulk.read(
            dsn,
            "SELECT connector_no::bigint AS connector, at AS at_us, copy::bigint AS copy,"
            " round(energy_kwh * 1000000)::bigint AS energy_mwh, coalesce(round(soc_pct * 100)::bigint, -1) AS soc_bp"
            f" FROM meter_fact WHERE {where}",
        )
    )
    meters = meters.sort_values(["connector", "at_us", "copy"], kind="stable", ignore_index=True)
    meters = meters.drop_duplicates(["connector", "at_us"], keep="last", ignore_index=True)
    bad = ", ".join(f"'{one}'" for one in BAD)
    statuses = pd.DataFrame(
        bulk.read(
            dsn,
            "SELECT connector_no::bigint AS connector, at AS at_us, seq::bigint AS seq, place::bigint AS place,"
            f" (status IN ({bad}))::int::bigint AS bad FROM status_fact WHERE {where}",
        )
    )
    statuses = statuses.sort_values(["connector", "at_us", "seq", "place", "bad"], kind="stable", ignore_index=True)
    statuses = statuses.drop_duplicates(["connector", "at_us"], keep="last", ignore_index=True)
    return meters, statuses
