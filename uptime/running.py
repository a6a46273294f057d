"""The running month as its operator sees it first: how each connector stands, and what would change it."""

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit

if TYPE_CHECKING:
    import psycopg


def running(
    operator: Annotated[str, typer.Option("--operator", help="operator_id whose connectors are shown.")],
    outages: Annotated[int, typer.Option("--outages", min=0, help="How many of the costliest outages.")] = 10,
    format: Annotated[Format, typer.Option("--format", help="How the rows are printed.")] = Format.table,
) -> None:
    """The month so far: what may still be lost before the figure falls below the threshold, and what cost most.

    Example: chargewatch uptime running --operator OP1
    """
    from chargewatch import database
    from uptime.commands import percent

    with database.connect() as connection:
        found = compute(connection, operator, database.watermark(connection))
    found["outages"] = found["outages"][:outages]
    if format is Format.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    rows = found["figures"]
    columns = ["level", "id", "outlook", "ratio", "may_lose_s", "may_lose_if_proven_s", "rest_s", "down_s", "unknown_s"]
    rehearsal = "  REHEARSAL" if found["rehearsal"] else ""
    title = f"{operator}, {found['from']} to {found['to']} (exclusive), as of {found['as_of']}{rehearsal}"
    shown = rows if format is Format.csv else [{**row, **percent({"ratio": row["ratio"]})} for row in rows]
    emit(shown, format, columns, title, right=[name for name in columns if name.endswith("_s")])
    if format is not Format.csv:
        names = ["connector_id", "from", "to", "lasts", "states", "lost_s", "unknown_s"]
        told = [{**one, "states": ", ".join(one["states"])} for one in found["outages"]]
        emit(told, format, names, "What cost most so far", right=["lost_s", "unknown_s"])


def compute(connection: "psycopg.Connection", operator_id: str, as_of: datetime) -> dict[str, Any]:
    """The running month of one operator under the default profile: figures (the operator's first) and outages.

    Refusal for an operator that the registry does not know.
    """
    import numpy as np
    import pandas as pd

    from chargewatch import database
    from chargewatch.instants import day_start_us, from_us, iso, to_us
    from registry import snapshot
    from uptime import outlook, report, settings
    from uptime import profile as profiles
    from uptime.account import account
    from uptime.contests import undecided
    from uptime.declarations import reach

    profile, limits = profiles.load(), settings.load()
    today = as_of.astimezone(profile.zone).date()
    first_day = today.replace(day=1)
    end_day = date(first_day.year + first_day.month // 12, first_day.month % 12 + 1, 1)
    start, end, now = day_start_us(first_day, profile.zone), day_start_us(end_day, profile.zone), to_us(as_of)
    registry = snapshot.load(connection, as_of)
    connectors = registry.tables["connectors"]
    mine = connectors[connectors["operator_id"] == operator_id]["connector_no"].to_numpy(dtype=np.int64)
    known = sorted(set(registry.tables["operators"]["operator_id"]))
    if operator_id not in known:
        raise Refusal(f"the registry knows no operator {operator_id!r}", f"one of {', '.join(known) or 'none'}")
    declared = report.declarations(registry, profile, first_day, end_day)
    standings: list[pd.DataFrame] = []
    lost: list[dict[str, Any]] = []
    for part in report.parts(connection, registry, end_day, [(profile, limits)], as_of, mine):
        measured = part.measured(profile, limits)
        life = measured.life
        pieces = account(measured.timeline, life, reach(declared, life, profile), profile, start, now)
        standings.append(outlook.standings(pieces, life, profile, end, now))
        lost += outlook.outages(pieces, life, start, now)
    rows = pd.concat(standings) if standings else pd.DataFrame(columns=["connector_id", *_SUMS])
    rows = rows.sort_values("connector_id", kind="stable")
    total = outlook.row("operator", operator_id, rows[_SUMS].sum(), profile)
    own = [outlook.row("connector", row["connector_id"], row, profile) for _, row in rows.iterrows()]
    lost.sort(key=lambda one: -float(one["lost_s"]))
    contested = undecided(connection, from_us(start), from_us(end), as_of)
    return {
        "operator_id": operator_id,
        "from": first_day.isoformat(),
        "to": end_day.isoformat(),
        "as_of": iso(as_of),
        "profile": profile.id,
        "settings": limits.id,
        "threshold": str(profile.threshold.value),
        "rehearsal": database.is_rehearsal(connection),
        "figures": [total, *own],
        "outages": lost,
        "contested": [one for one in contested if one.startswith(f"{operator_id} ")],
    }


_SUMS = ["up", "down", "unknown", "rest"]
