"""The truth of status computed from the store: findings about connectors in a period, as known at `as_of`."""

from collections.abc import Callable
from dataclasses import replace as copied
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from msgspec.structs import replace

from chargewatch import bulk, database
from chargewatch.errors import Refusal
from chargewatch.instants import day_start_us, from_us, iso
from registry import snapshot
from uptime import report
from uptime.evidence import Ints
from uptime.intervals import service_intervals
from uptime.observed import observe
from uptime.profile import Profile
from uptime.settings import IntervalSettings
from uptime.truth import by_connector, by_operator, found
from uptime.truth_limits import Limits


def compute(
    connection: psycopg.Connection,
    *,
    first_day: date,
    last_day: date,
    by: str,
    operator: str | None,
    profile: Profile,
    settings: IntervalSettings,
    limits: Limits,
    as_of: datetime,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> list[dict[str, Any]]:
    """What the rules found in the policy days [first_day, last_day): by `finding`, `connector` or `operator`.

    Every connector with a service life is judged, whether the profile binds it or not; the profile gives the policy's
    days. Rows name the period, the limits and `as_of`. Refusal for an operator that the registry does not know.
    """
    registry = snapshot.load(connection, as_of)
    known = sorted(set(registry.tables["operators"]["operator_id"]))
    if operator is not None and operator not in known:
        raise Refusal(f"the registry knows no operator {operator!r}", f"one of {', '.join(known) or 'none'}")
    connectors = registry.tables["connectors"]
    mine = connectors[connectors["operator_id"] == operator] if operator is not None else connectors
    only: Ints = np.unique(mine["connector_no"].to_numpy(dtype=np.int64))
    # A station's connectors are judged against each other, so they are read together.
    views = [(replace(profile, unit="station"), settings)]
    start, end = (day_start_us(day, profile.zone) for day in (first_day, last_day))
    rows: list[dict[str, Any]] = []
    judged: list[pd.Series] = []
    for part in report.parts(connection, registry, last_day, views, as_of, only):
        life = part.life[(part.life["to_us"] > start) & (part.life["from_us"] < end) & ~part.life["away"]]
        if len(life):
            spans = life.groupby("connector_no", as_index=False).agg({"from_us": "min", "to_us": "max"})
            announcing = copied(part.facts, sessions=part.facts.sessions.iloc[:0])
            timeline = service_intervals(announcing, settings, spans.rename(columns={"connector_no": "connector"}))
            meters = _meters(part.facts.connectors, start, end, as_of)
            observed = observe(part.facts, meters, timeline, life, settings, start, end)
            rows += found(observed, limits)
            judged.append(observed.places["operator_id"])
        advance(len(part.facts.connectors), total=part.of)
    rows = [row for row in rows if operator in (None, row["operator_id"])]
    rows.sort(key=lambda row: (row["operator_id"], row["connector_id"]))
    if by == "connector":
        rows = by_connector(rows)
    elif by == "operator":
        rows = by_operator(rows, pd.concat(judged)) if judged else []
    said_once = {
        "from": first_day.isoformat(),
        "to": last_day.isoformat(),
        "limits": limits.id,
        "settings": settings.id,
        "rehearsal": database.is_rehearsal(connection),
        "as_of": iso(as_of),
    }
    return [{**row, **said_once} for row in rows]


def _meters(numbers: Ints, start: int, end: int, as_of: datetime) -> pd.DataFrame:
    """Samples with their values as whole numbers; µWh, W and hundredths of a percent would be finer than any meter."""
    rows = bulk.read(
        database.dsn(),
        f"SELECT connector_no::bigint AS connector, {_us('at')} AS at_us, {_us('received_at')} AS received_us,"
        " round(energy_kwh * 1000000)::bigint AS energy_mwh, coalesce(round(power_kw * 1000)::bigint, -1) AS power_w,"
        " coalesce(round(soc_pct * 100)::bigint, -1) AS soc_bp, boot_id, seq FROM meter_fact"
        f" WHERE connector_no = ANY('{{{','.join(map(str, numbers))}}}') AND recorded_at <= '{iso(as_of)}'"
        f" AND at >= '{iso(from_us(start))}' AND at < '{iso(from_us(end))}'",
    )
    return pd.DataFrame(rows)


def _us(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"
