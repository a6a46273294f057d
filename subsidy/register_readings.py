"""Loading: the sums of each connector-month's register, added up by the database, never sample by sample."""

from datetime import datetime

import pandas as pd
import psycopg

from chargewatch.instants import US_PER_H, from_us
from subsidy.triangle.advances import SUMMED

AT_A_TIME = 2_000
"""Windows in one question: bounds what the database and this process hold at once."""


def summed(connection: psycopg.Connection, windows: pd.DataFrame, within_h: int, as_of: datetime) -> pd.DataFrame:
    """The windows with the columns SUMMED, from what was recorded by `as_of`.

    `windows`: connector_no, since_us, until_us, changed_from_us, changed_to_us (days of meter exchanges, or 0, 0);
    readings up to `within_h` before and after a window enclose it.
    """
    rows = []
    for first in range(0, len(windows), AT_A_TIME):
        part = windows.iloc[first : first + AT_A_TIME]
        asked = {
            "numbers": [int(one) for one in part["connector_no"]],
            **{
                name: [from_us(int(one)) for one in part[f"{name}_us"]]
                for name in ("since", "until", "changed_from", "changed_to")
            },
            "slack": f"{within_h * US_PER_H} microseconds",
            "as_of": as_of,
        }
        rows += connection.execute(_SUMS.encode(), asked).fetchall()
    found = pd.DataFrame(rows, columns=SUMMED, dtype=object, index=windows.index)
    return pd.concat([windows, found.astype({"samples": "int64"})], axis=1)


def _us(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


# One connector-month after the other, each a range of the index on (connector_no, at). Of several copies of a reading
# the first received speaks, as everywhere.
_SUMS = f"""
    SELECT samples, first_us, last_us, inside_kwh, steps
    FROM unnest(%(numbers)s::int[], %(since)s::timestamptz[], %(until)s::timestamptz[],
                %(changed_from)s::timestamptz[], %(changed_to)s::timestamptz[])
      WITH ORDINALITY AS asked(number, since, until, changed_from, changed_to, nth)
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE at > since AND at <= until) AS samples,
        {_us("coalesce(min(before_at), min(at))")} AS first_us,
        {_us("max(at)")} AS last_us,
        sum(kwh - before_kwh) FILTER (WHERE plain) AS inside_kwh,
        string_agg({_us("before_at")} || ' ' || before_kwh || ' ' || {_us("at")} || ' ' || kwh, ';')
          FILTER (WHERE NOT plain) AS steps
      FROM (
        SELECT *, kwh >= before_kwh AND before_at >= since AND at <= until
            AND NOT (before_at < changed_to AND at >= changed_from) AS plain
        FROM (
          SELECT at, kwh, lag(at) OVER (ORDER BY at) AS before_at, lag(kwh) OVER (ORDER BY at) AS before_kwh
          FROM (
            SELECT DISTINCT ON (at) at, energy_kwh AS kwh FROM meter_fact
            WHERE connector_no = number AND at >= since - %(slack)s::interval AND at <= until + %(slack)s::interval
              AND recorded_at <= %(as_of)s
            ORDER BY at, received_at, boot_id COLLATE "C", seq, place, copy DESC
          ) AS reading
        ) AS pair
      ) AS step
      WHERE before_at IS NULL OR (at > since AND before_at < until)
    ) AS sums
    ORDER BY nth
"""
