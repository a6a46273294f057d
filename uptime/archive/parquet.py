"""Tables as Parquet files that every reader can read, and that come out the same whenever they are written."""

import pyarrow as pa
import pyarrow.parquet as pq

from uptime.archive import manifests
from uptime.archive.layout import Kind, Series
from uptime.archive.manifests import File
from uptime.archive.storage import Storage

_GROUP = 65_536
"""Rows of a row group: few enough that one connector's can be read without the rest."""


def parquet(table: pa.Table, series: Series | None = None) -> bytes:
    """A table as a Parquet file; the same table gives the same bytes with the same version of Arrow."""
    kinds = series.columns if series else {}
    steps = [name for name, kind in kinds.items() if kind in (Kind.INSTANT, Kind.WHOLE)]
    others = [
        f"{name}.list.element" if kind is Kind.TEXTS else name for name, kind in kinds.items() if name not in steps
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="zstd", row_group_size=_GROUP, store_schema=False, store_decimal_as_integer=True,
        use_dictionary=others or True, column_encoding=dict.fromkeys(steps, "DELTA_BINARY_PACKED") or None,
    )  # fmt: skip
    return bytes(sink.getvalue())


def put(storage: Storage, path: str, table: pa.Table, series: Series | None = None) -> File:
    """Write a table to its place."""
    content = parquet(table, series)
    storage.write(path, content)
    return File(path, len(content), manifests.sha256(content), len(table))
