"""The registry and the granted contests as tables of the archive: what intervals are computed from besides facts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from chargewatch.errors import Refusal
from registry import tables
from registry.contents import Registry
from uptime.archive.layout import bucket_of

_TYPES = {
    tables.Kind.DATE: pa.date32(),
    tables.Kind.TIME: pa.timestamp("us", tz="UTC"),
    tables.Kind.DECIMAL: pa.decimal128(38, 18),
    tables.Kind.YES_NO: pa.bool_(),
}
_INSTANT, _TEXT = pa.timestamp("us", tz="UTC"), pa.string()

SCHEMAS = {
    **{
        table.name: pa.schema([(column.name, _TYPES.get(column.kind, _TEXT)) for column in table.columns])
        for table in tables.TABLES
    },
    "published_hours": pa.schema(
        [
            ("operator_id", _TEXT), ("station_id", _TEXT), ("valid_from", pa.date32()), ("opening_hours", _TEXT),
            ("recorded_at", _INSTANT),
        ]
    ),
    "granted_contests": pa.schema(
        [("operator_id", _TEXT), ("connector_id", _TEXT), ("from", _INSTANT), ("to", _INSTANT), ("contest", pa.int64())]
    ),
    "buckets": pa.schema([("operator_id", _TEXT), ("connector_id", _TEXT), ("bucket", pa.int64())]),
}  # fmt: skip
"""Tables of contract 3 as they were in force, and three of ours; ids and times, no connector_no."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an archive knows besides facts. Connectors are numbered by operator and id, in the order of code points."""

    registry: Registry
    lifted: pd.DataFrame
    """connector, from_us, to_us, as of uptime.contests."""
    buckets: pd.DataFrame
    """operator_id, connector_id, bucket, ascending by id: the row is the connector's number."""

    def number(self, operator_id: str, connector_id: str) -> int:
        """A connector's number."""
        return int(self._numbers()[operator_id, connector_id])

    def _numbers(self) -> dict[tuple[str, str], int]:
        return numbers(self.buckets)


def numbers(buckets: pd.DataFrame) -> dict[tuple[str, str], int]:
    """The number of every connector, by operator and id."""
    ids = zip(buckets["operator_id"], buckets["connector_id"], strict=True)
    return {one: number for number, one in enumerate(ids)}


def homes(found: Iterable[tuple[int, str, str, str]], buckets: int) -> pd.DataFrame:
    """connector_no, operator_id, connector_id, bucket, ascending by ids, out of each one's first station."""
    rows = sorted((operator, connector, number, station) for number, operator, connector, station in found)
    return pd.DataFrame(
        {
            "connector_no": np.array([number for _, _, number, _ in rows], dtype=np.int64),
            "operator_id": pd.Series([operator for operator, *_ in rows], dtype=object),
            "connector_id": pd.Series([connector for _, connector, *_ in rows], dtype=object),
            "bucket": np.array([bucket_of(one[0], one[3], buckets) for one in rows], dtype=np.int64),
        }
    )


def written(registry: Registry, granted: pd.DataFrame, homes: pd.DataFrame) -> dict[str, pa.Table]:
    """The tables of the archive. `granted` as of uptime.contests, by connector_no; `homes` as above."""
    frames = {name: table for name, table in registry.tables.items() if name in SCHEMAS}
    hours = registry.published_hours
    if hours is not None:
        frames["published_hours"] = hours
    ids = homes.set_index("connector_no")[["operator_id", "connector_id"]]
    told = ids.reindex(granted["connector"]).reset_index(drop=True)
    frames["granted_contests"] = told.assign(
        **{"from": granted["from_us"], "to": granted["to_us"], "contest": granted["contest_no"]}
    )
    frames["buckets"] = homes
    return {name: _table(name, frame, SCHEMAS[name]) for name, frame in frames.items()}


def read(found: Mapping[str, pa.Table]) -> Known:
    """The registry, contests and buckets out of the archive's tables."""
    buckets = pd.DataFrame({name: found["buckets"][name].to_pylist() for name in SCHEMAS["buckets"].names})
    number = numbers(buckets)
    contents = {
        table.name: pd.DataFrame(
            {name: pd.Series(found[table.name][name].to_pylist(), dtype=object) for name in table.names},
            columns=list(table.names),
        )
        for table in tables.TABLES
    }
    contents["connectors"]["connector_no"] = _numbered(contents["connectors"], number)
    hours = found.get("published_hours")
    published = (
        None
        if hours is None
        else pd.DataFrame({name: pd.Series(hours[name].to_pylist(), dtype=object) for name in hours.column_names})
    )
    contests = found["granted_contests"]
    lifted = pd.DataFrame(
        {
            "connector": _numbered(contests.select(["operator_id", "connector_id"]).to_pandas(), number),
            "from_us": contests["from"].cast(pa.int64()).to_numpy(),
            "to_us": contests["to"].cast(pa.int64()).to_numpy(),
        }
    )  # fmt: skip
    return Known(Registry(contents, published), lifted, buckets.astype({"bucket": "int64"}))


def _numbered(frame: pd.DataFrame, number: Mapping[tuple[str, str], int]) -> Any:
    ids = zip(frame["operator_id"], frame["connector_id"], strict=True)
    return np.array([number[one] for one in ids], dtype=np.int64)


def _table(name: str, frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    try:
        return pa.table({field.name: pa.array(frame[field.name].tolist(), field.type) for field in schema})
    except pa.ArrowException as error:
        raise Refusal(
            f"table {name} of the registry cannot be archived: {' '.join(str(error).split())}",
            "numbers of at most 20 digits before the point and 18 after it",
        ) from None
