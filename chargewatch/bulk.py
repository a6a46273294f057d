"""Bulk reads into arrays: ADBC, which brings millions of rows a second where a cursor brings a hundred thousand."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import psycopg

from chargewatch.errors import Refusal

Columns = dict[str, np.ndarray[Any, np.dtype[Any]]]


def read(dsn: str, sql: str) -> Columns:
    """Columns of a query by name, as numpy arrays: integers as they are, times as µs since 1970, text as objects.

    Write SQL that yields integers, times and text: ADBC hands numerics and enums over opaque.
    """
    with _asked(dsn, sql) as cursor:
        return _columns(cursor.fetch_arrow_table())


@contextmanager
def tables(dsn: str) -> Iterator[Callable[[str], Any]]:
    """What gives a query's rows as an Arrow table, times as timestamps in UTC: many queries over one connection.

    Making a connection takes as long as a small query: a tenth of a second.
    """
    with _connected(dsn) as connection:

        def rows(sql: str) -> Any:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetch_arrow_table()

        yield rows


def stream(dsn: str, sql: str, *, work_mem: str = "64MB") -> Iterator[Columns]:
    """The same in pieces, at least an empty one: what need not fit into memory; sorted in `work_mem`, then on disk."""
    with _asked(dsn, sql, f"SET work_mem = '{work_mem}'") as cursor:
        reader = cursor.fetch_record_batch()
        yield _columns(reader.schema.empty_table())
        for batch in reader:
            yield _columns(batch)


_BINARY = {"int2": ">i2", "int4": ">i4", "int8": ">i8", "timestamptz": ">i8"}
_SINCE_2000_US = 946_684_800_000_000


def read_within(connection: psycopg.Connection, sql: str, kinds: Mapping[str, str]) -> Columns:
    """Columns of a query as `read` gives them, within the connection's own transaction.

    `kinds`: each column's name and PostgreSQL type, of fixed width and never null: int2, int4, int8, timestamptz.
    """
    fields = [("fields", ">i2")]
    for name, kind in kinds.items():
        fields += [(f"{name} length", ">i4"), (name, _BINARY[kind])]
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT binary)".encode()) as copy:
        content = b"".join(copy)
    header, trailer = 19, 2
    rows = np.frombuffer(content[header : len(content) - trailer], dtype=np.dtype(fields))
    return {
        name: rows[name].astype(np.int64) + (_SINCE_2000_US if kind == "timestamptz" else 0)
        for name, kind in kinds.items()
    }


@contextmanager
def _asked(dsn: str, sql: str, *before: str) -> Iterator[Any]:
    with _connected(dsn) as connection, connection.cursor() as cursor:
        for setting in before:
            cursor.execute(setting)
        cursor.execute(sql)
        yield cursor


@contextmanager
def _connected(dsn: str) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with adbc.connect(_uri(dsn), autocommit=True) as connection:
                yield connection
        except adbc.Error as error:
            raise Refusal(f"the database did not answer: {' '.join(str(error).split())}") from None


def _columns(table: Any) -> Columns:
    return {name: _array(table.column(place)) for place, name in enumerate(table.schema.names)}


def _array(column: Any) -> np.ndarray[Any, np.dtype[Any]]:
    array = np.asarray(column.to_numpy() if hasattr(column, "num_chunks") else column.to_numpy(zero_copy_only=False))
    return array.view(np.int64) if array.dtype.kind == "M" else array


def _uri(dsn: str) -> str:
    """ADBC takes URIs only, psycopg key-value strings too."""
    if re.match(r"postgres(ql)?://", dsn):
        return dsn
    from urllib.parse import quote, urlencode

    from psycopg.conninfo import conninfo_to_dict

    parts = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    user, database = quote(parts.pop("user", "")), quote(parts.pop("dbname", ""))
    return f"postgresql://{user + '@' if user else ''}/{database}?{urlencode(parts)}"
