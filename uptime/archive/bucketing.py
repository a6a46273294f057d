"""Bucketing: a day's rows out of the store, bucket by bucket, each in the order in which its file has them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from uptime.archive import registering, store
from uptime.archive.layout import SESSION, Series

AT_ONCE = 8_000
"""Connectors whose rows of a day are read at a time: bounds memory, whatever the size of the city."""

Read = Callable[[str], pa.Table]


def by_bucket(read: Read, wanted: store.Wanted, homes: pd.DataFrame) -> Iterator[tuple[int, pa.Table, tuple[int, ...]]]:
    """Rows of a day's series, bucket by bucket, in their order; and the other buckets that they are about."""
    series = wanted.series
    ids = {one: pa.array(homes[one].tolist(), pa.string()) for one in ("operator_id", "connector_id")}
    number = homes["connector_no"].to_numpy()
    by_number = np.argsort(number)
    at_several = store.rows(read, wanted, None) if series is SESSION else None
    for group in _groups(homes):
        found = store.rows(read, wanted, number[np.isin(homes["bucket"].to_numpy(), group)])
        at_one = len(found)
        if at_several is not None:
            found = pa.concat_tables([found, at_several])
        row = by_number[np.searchsorted(number, found["connector_no"].to_numpy(), sorter=by_number)]
        also: dict[int, tuple[int, ...]] = {}
        if series is SESSION:
            row, also = _first_named(found, homes, at_one)
        bucket = homes["bucket"].to_numpy()[row]
        order = _order(found, row, bucket, series)
        others = {
            one: {other for place, told in also.items() if bucket[place] == one for other in told} for one in group
        }
        found, row, bucket = found.take(pa.array(order)).combine_chunks(), row[order], bucket[order]
        if series is not SESSION:
            for column, values in ids.items():
                found = found.append_column(column, values.take(pa.array(row)))
        found = found.select(series.schema.names)
        for one in group:
            start, end = (int(np.searchsorted(bucket, one, side=side)) for side in ("left", "right"))
            if start < end:
                yield int(one), found.slice(start, end - start), tuple(sorted(others[one] - {one}))


def _first_named(found: pa.Table, homes: pd.DataFrame, single: int) -> tuple[Any, dict[int, tuple[int, ...]]]:
    """Row in `homes` of each session's first connector, by id; and the buckets of all, of those at several."""
    numbers, bucket = registering.numbers(homes), homes["bucket"].to_numpy()
    told = zip(found["operator_id"].to_pylist(), found["connector_ids"].to_pylist(), strict=True)
    rows = [[numbers[operator, one] for one in connectors] for operator, connectors in told]
    also = {place: tuple(int(bucket[one]) for one in rows[place]) for place in range(single, len(rows))}
    return np.array([one[0] for one in rows], dtype=np.int64), also


def _order(rows: pa.Table, connector: Any, bucket: Any, series: Series) -> Any:
    """The order of rows: bucket by bucket, in it connector by connector, or session by session, then by time."""
    if series is SESSION:
        keys = [("bucket", "ascending"), *((name, "ascending") for name in series.order)]
        return pc.sort_indices(rows.append_column("bucket", pa.array(bucket)), keys).to_numpy()
    rest = [rows[name] for name in reversed(series.order) if name not in ("operator_id", "connector_id", "at")]
    least = [one.to_numpy() if one.type == pa.int64() else pd.factorize(one.to_numpy(), sort=True)[0] for one in rest]
    return np.lexsort([*least, rows["at"].cast(pa.int64()).to_numpy(), connector, bucket])


def _groups(homes: pd.DataFrame) -> Iterator[list[int]]:
    """Buckets that are read at a time."""
    group: list[int] = []
    held = 0
    for bucket, connectors in homes["bucket"].value_counts().sort_index().items():
        if group and held + connectors > AT_ONCE:
            yield group
            group, held = [], 0
        group.append(bucket)
        held += connectors
    if group:
        yield group
