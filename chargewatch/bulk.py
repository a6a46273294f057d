"""Bulk reads into arrays: ADBC, which brings millions of rows a second where a cursor brings a hundred thousand."""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np

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
    """The same in pieces, at least an empty one, for what need not fit into memory; sorted in `work_mem`, then on disk."""
    with _asked(dsn, sql, f"SET work_mem = '{work_mem}'") as cursor:
        reader = cursor.fetch_record_batch()
        yield _columns(reader.schema.empty_table())
        for batch in reader:
            yield _columns(batch)


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
