"""Bulk reads into arrays: ADBC, which brings millions of rows a second where a cursor brings a hundred thousand."""

import re
import warnings
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np

from chargewatch.errors import Refusal

Columns = dict[str, np.ndarray[Any, np.dtype[Any]]]


def read(dsn: str, sql: str) -> Columns:
    """Columns of a query by name, as numpy arrays (integers as they are, text as object arrays).

    Write SQL that yields integers and text: ADBC hands numerics and enums over opaque. Times go as
    `(extract(epoch FROM t) * 1000000)::bigint`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with adbc.connect(_uri(dsn)) as connection, connection.cursor() as cursor:
                cursor.execute(sql)
                table = cursor.fetch_arrow_table()
        except adbc.Error as error:
            raise Refusal(f"the database did not answer: {' '.join(str(error).split())}") from None
    return {name: table.column(name).to_numpy() for name in table.column_names}


def _uri(dsn: str) -> str:
    """ADBC takes URIs only, psycopg key-value strings too."""
    if re.match(r"postgres(ql)?://", dsn):
        return dsn
    from urllib.parse import quote, urlencode

    from psycopg.conninfo import conninfo_to_dict

    parts = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    user, database = quote(parts.pop("user", "")), quote(parts.pop("dbname", ""))
    return f"postgresql://{user + '@' if user else ''}/{database}?{urlencode(parts)}"
