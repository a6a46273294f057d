"""Declarations under control, from the store: what the commission should look at, as known at `as_of`."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import psycopg
from msgspec.structs import replace

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.instants import day_start_us, iso
from registry import snapshot
from registry.history import differences, stories
from registry.tables import DECLARATIONS
from registry.values import plain
from uptime import report
from uptime.declaration_control import by_operator, fault_time, listed, seen
from uptime.observed import orders
from uptime.profile import Profile
from uptime.settings import IntervalSettings

_SUBSTANCE = ("scope", "scope_id", "cause", "start", "end", "filed_at")


def compute(
    connection: psycopg.Connection,
    *,
    first_day: date,
    last_day: date,
    by: str,
    operator: str | None,
    profile: Profile,
    settings: IntervalSettings,
    as_of: datetime,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> list[dict[str, Any]]:
    """Declarations that touch the policy days [first_day, last_day), by `declaration` or by `operator`, with findings.

    Of one operator, or of all and the platform. Refusal for an operator that the registry does not know.
    """
    registry = snapshot.load(connection, as_of)
    known = sorted(set(registry.tables["operators"]["operator_id"]))
    if operator is not None and operator not in known:
        raise Refusal(f"the registry knows no operator {operator!r}", f"one of {', '.join(known) or 'none'}")
    connectors = registry.tables["connectors"]
    mine = connectors[connectors["operator_id"] == operator] if operator is not None else connectors
    start, end = (day_start_us(day, profile.zone) for day in (first_day, last_day))
    declared = report.declarations(registry)
    found: list[pd.DataFrame] = []
    faults: list[pd.DataFrame] = []
    views = [(replace(profile, unit="connector"), settings)]
    only = mine["connector_no"].to_numpy(dtype="int64")
    for part in report.parts(connection, registry, last_day, views, as_of, only):
        timeline = part.timeline(settings)
        used = orders(part.facts, settings, part.facts.connectors, start, end)
        found.append(seen(declared, part.life, timeline, used, profile, start, end))
        faults.append(fault_time(declared, part.life, timeline, profile, start, end))
        advance(len(part.facts.connectors), total=part.of)
    some = [one for one in found if len(one)]
    nothing = pd.DataFrame(columns=["declaration", "code", "connector", "us", "note"])
    rows = listed(
        declared, pd.concat(some) if some else nothing, _changes(connection, as_of, profile.zone), profile, start, end
    )
    rows = [row for row in rows if operator in (None, row["operator_id"])]
    if by == "operator":
        rows = by_operator(rows, pd.concat(faults) if faults else pd.DataFrame())
    said_once = {
        "from": first_day.isoformat(),
        "to": last_day.isoformat(),
        "profile": profile.id,
        "settings": settings.id,
        "rehearsal": database.is_rehearsal(connection),
        "as_of": iso(as_of),
    }
    return [{**row, **said_once} for row in rows]


def _changes(connection: psycopg.Connection, as_of: datetime, zone: ZoneInfo) -> dict[tuple[str, str], list[str]]:
    """By operator and id what was changed of a declaration after it was recorded first, by whom and when."""
    found: dict[tuple[str, str], list[str]] = {}
    for story in stories(connection, tables=(DECLARATIONS,), until=as_of):
        for before, after in zip(story.versions, story.versions[1:], strict=False):
            for name, (old, new) in differences(before, after, story.table).items():
                if name in _SUBSTANCE:
                    said = f"{name}: {plain(old, zone) or 'empty'} → {plain(new, zone) or 'empty'}"
                    by = f"by {after.imported_by} at {iso(after.recorded_at)}"
                    found.setdefault((story.key[0] or "", story.key[1]), []).append(f"{said} {by}")
    return found
