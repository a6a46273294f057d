"""Facts, registry rows and declarations of the tests as the engine's figures, and as the reference's."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from tests.generative import reference_availability as reference
from tests.generative.adapter import engine_timeline, table
from tests.generative.reference_availability import DAY, Item, Settings
from tests.generative.reference_figures import Connector, Declaration, Place
from tests.generative.strategies import START, Registered
from uptime.account import account
from uptime.declarations import reach
from uptime.figures import figures, tally
from uptime.life import NEVER, service_life
from uptime.profile import Profile

FIRST = date(2023, 6, 1)
ZONE = ZoneInfo("Asia/Shanghai")
END_OF_TIME = 60
"""The registry's last day here, counted from START."""


def runs_of_days(rows: Sequence[Registered], until_day: int) -> list[tuple[Registered, int, int]]:
    """Each row with the instants from and to which it holds."""
    ends = [*(row.from_day for row in rows[1:]), until_day]
    runs = [
        (row, START + row.from_day * DAY, START + min(end, until_day) * DAY)
        for row, end in zip(rows, ends, strict=True)
    ]
    return [run for run in runs if run[1] < run[2]]


def reference_connector(
    connector: int, history: Sequence[Item], rows: Sequence[Registered], settings: Settings, until_day: int
) -> Connector:
    """The reference's view of one connector up to the start of that day."""
    life = []
    for row, start, end in runs_of_days(rows, until_day):
        day = None if row.commissioned_day is None else START + row.commissioned_day * DAY
        retired = None if row.retired_day is None else START + row.retired_day * DAY
        lived = reference.service_life(history, None if day is None else (day, day + DAY), retired)
        if lived is not None:
            begin, to = max(lived[0], start), end if lived[1] is None else min(lived[1], end)
            if begin < to:
                life.append(Place(begin, to, row.charger, row.station, row.district, row.bound))
    since = min((place.from_us for place in life), default=START)
    runs = reference.intervals(history, settings, since, max(since + DAY, START + until_day * DAY))
    everything = reference.first_received(history)
    return Connector(f"g{connector}", runs, life, reference.proven_sessions(everything))


def _placements(registered: Mapping[int, Sequence[Registered]], until_day: int) -> pd.DataFrame:
    def day(number: int | None) -> date | None:
        return None if number is None else FIRST + timedelta(days=number)

    rows = [
        {
            "connector_no": connector,
            "operator_id": "op",
            "connector_id": f"g{connector}",
            "from_us": start,
            "to_us": end,
            "charger_id": row.charger,
            "station_id": row.station,
            "district": row.district,
            "category": "public",
            "bound": row.bound,
            "kind": "dc",
            "rated_kw": None,
            "commissioned_on": day(row.commissioned_day),
            "retired_on": day(row.retired_day),
        }
        for connector in sorted(registered)
        for row, start, end in runs_of_days(registered[connector], until_day)
    ]
    types = dict.fromkeys(rows[0], "object") if rows else {}
    whole = dict.fromkeys(("connector_no", "from_us", "to_us"), "int64")
    return table([tuple(row.values()) for row in rows], {**types, **whole, "bound": "bool"})


def _declared(declarations: Sequence[Declaration]) -> pd.DataFrame:
    rows = [
        ("" if one.scope == "platform" else "op", f"d{number}", one.scope, one.scope_id, one.cause, one.approved,
         one.from_us, one.to_us, one.filed_us, NEVER if one.withdrawn_us is None else one.withdrawn_us)
        for number, one in enumerate(declarations)
    ]  # fmt: skip
    return table(rows, {
        "operator_id": "object", "declaration_id": "object", "scope": "object", "scope_id": "object",
        "cause": "object", "approved": "bool", "start_us": "int64", "end_us": "int64", "filed_us": "int64",
        "withdrawn_us": "int64"})  # fmt: skip


def engine_rows(
    histories: Mapping[int, Sequence[Item]],
    registered: Mapping[int, Sequence[Registered]],
    declarations: Sequence[Declaration],
    settings: Settings,
    profile: Profile,
    levels: Sequence[str],
    cuts: Sequence[int],
    as_of_us: int = 0,
) -> list[dict[str, list[dict[str, Any]]]]:
    """The engine's rows of each period between these instants, by level; everything known up to the last of them."""
    until_day = -((START - cuts[-1]) // DAY)
    places = _placements(registered, until_day)
    on_day, ever = [], []
    for row in places.itertuples(index=False):
        heard = reference.item_instants(histories[row.connector_no])
        start = None if row.commissioned_on is None else START + (row.commissioned_on - FIRST).days * DAY
        that_day = [] if start is None else [at for at in heard if start <= at < start + DAY]
        on_day.append(that_day[0] if that_day else NEVER)
        ever.append(heard[0] if heard else NEVER)
    first_items = (pd.Series(on_day, dtype=np.int64), pd.Series(ever, dtype=np.int64))
    life = service_life(places, *first_items, ZONE)
    spans = {
        int(number): (int(of["from_us"].min()), int(of["to_us"].max())) for number, of in life.groupby("connector_no")
    }
    timeline = engine_timeline(histories, settings, spans)
    reached = reach(_declared(declarations), life, profile)
    answers = []
    for start, end in pairwise(cuts):
        ripe = as_of_us >= end + profile.unknown_ripens_after_days * DAY
        pieces = account(timeline, life, reached, profile, start, end)
        sums = tally(pieces, life, profile)
        answers.append({level: figures(sums, profile, level, ripe=ripe, everything=False) for level in levels})
    return answers
