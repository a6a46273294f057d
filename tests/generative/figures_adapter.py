"""Facts, registry rows and declarations of the tests as the engine's figures, and as the reference's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from chargewatch.instants import day_start_us
from tests.generative import reference_availability as reference
from tests.generative.adapter import engine_timeline, table
from tests.generative.reference_account import (
    WENZHOU,
    Connector,
    Declaration,
    Place,
    Regime,
    is_bound,
    local,
    unit_of,
    units,
)
from tests.generative.reference_availability import Company, Item, Settings
from tests.generative.reference_life import item_instants
from tests.generative.reference_life import service_life as service_life_of
from tests.generative.strategies import Registered
from uptime import units as engine_units
from uptime.account import account
from uptime.declarations import reach
from uptime.figures import figures, tally
from uptime.life import NEVER, service_life
from uptime.profile import Profile
from uptime.sharing import shared


@dataclass(frozen=True)
class Days:
    """Policy days counted from one of them, in a time zone: some have 23 or 25 hours."""

    first: date = date(2023, 6, 1)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))

    def on(self, number: int) -> date:
        """The day of that number."""
        return self.first + timedelta(days=number)

    def start(self, number: int) -> int:
        """Where it begins (µs)."""
        return day_start_us(self.on(number), self.zone)

    def date_of(self, t: int) -> date:
        """The day that an instant lies in."""
        return local(t, self.zone).date()

    def after(self, t: int) -> int:
        """The first day that begins at that instant or later."""
        day = self.date_of(t)
        return (day - self.first).days + (day_start_us(day, self.zone) < t)


SHANGHAI = Days()


def runs_of_days(rows: Sequence[Registered], until_day: int, days: Days) -> list[tuple[Registered, int, int]]:
    """Each row with the instants from and to which it holds."""
    ends = [*(row.from_day for row in rows[1:]), until_day]
    both = zip(rows, ends, strict=True)
    runs = [(row, days.start(row.from_day), days.start(min(end, until_day))) for row, end in both]
    return [run for run in runs if run[1] < run[2]]


def reference_life(
    history: Sequence[Item], rows: Sequence[Registered], until_day: int, days: Days
) -> list[tuple[Registered, int, int]]:
    """Each row of the registry with the service life [from, to) that lies in it; it may be empty."""
    life = []
    for row, start, end in runs_of_days(rows, until_day, days):
        day = row.commissioned_day
        commissioned = None if day is None else (days.start(day), days.start(day + 1))
        retired = None if row.retired_day is None else days.start(row.retired_day)
        lived = service_life_of(history, commissioned, retired)
        if lived is not None:
            life.append((row, max(lived[0], start), end if lived[1] is None else min(lived[1], end)))
    return life


def reference_company(
    number: int,
    histories: Mapping[int, Sequence[Item]],
    registered: Mapping[int, Sequence[Registered]],
    until_day: int,
    days: Days,
) -> list[Company]:
    """The other connectors of a connector's chargers, where one of them serves at a time, while both stood there."""
    found = []
    for row, start, end in reference_life(histories[number], registered[number], until_day, days):
        for other in histories:
            if other == number or row.simultaneous is not False:
                continue
            for place, since, until in reference_life(histories[other], registered[other], until_day, days):
                both = (max(start, since), min(end, until))
                if place.simultaneous is False and place.charger == row.charger and both[0] < both[1]:
                    found.append(Company(histories[other], *both))
    return found


def reference_connector(
    connector: int,
    history: Sequence[Item],
    rows: Sequence[Registered],
    settings: Settings,
    until_day: int,
    rules: Regime = WENZHOU,
    days: Days = SHANGHAI,
    company: Sequence[Company] = (),
) -> Connector:
    """The reference's view of one connector up to the start of that day."""
    life = []
    for row, begin, to in reference_life(history, rows, until_day, days):
        on = None if row.commissioned_day is None else days.on(row.commissioned_day)
        name = unit_of(rules, f"g{connector}", row)
        cuts = {begin, to}
        if on and rules["binds"].get("for_years"):
            years = rules["binds"]["for_years"]
            there_is = (on.month, on.day) != (2, 29)
            last = on.replace(year=on.year + years) if there_is else date(on.year + years, 3, 1)
            cuts.add(day_start_us(last, days.zone))
        for since, until in pairwise(sorted(cuts)):
            if begin <= since < until <= to:
                bound = is_bound(rules, row, on, since)
                life.append(Place(since, until, row.charger, row.station, row.district, bound, name, f"g{connector}"))
    since = min((place.from_us for place in life), default=days.start(0))
    until = max(days.start(1), days.start(until_day), since + 1)
    runs = reference.intervals(history, settings, since, until, company)
    everything = reference.first_received(history)
    return Connector(f"g{connector}", runs, life, reference.proven_sessions(everything))


def reference_units(
    histories: Mapping[int, Sequence[Item]],
    registered: Mapping[int, Sequence[Registered]],
    settings: Settings,
    until_day: int,
    rules: Regime = WENZHOU,
    days: Days = SHANGHAI,
) -> list[Connector]:
    """The reference's units of some connectors."""
    connectors = [
        reference_connector(
            number,
            histories[number],
            registered[number],
            settings,
            until_day,
            rules,
            days,
            reference_company(number, histories, registered, until_day, days),
        )
        for number in histories
    ]
    return connectors if rules["unit"] == "connector" else units(rules, connectors)


def _placements(registered: Mapping[int, Sequence[Registered]], until_day: int, days: Days) -> pd.DataFrame:
    def day(number: int | None) -> date | None:
        return None if number is None else days.on(number)

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
            "category": row.category,
            "open_to_public": row.open_to_public,
            "kind": row.kind,
            "rated_kw": row.rated_kw,
            "simultaneous": row.simultaneous,
            "commissioned_on": day(row.commissioned_day),
            "retired_on": day(row.retired_day),
        }
        for connector in sorted(registered)
        for row, start, end in runs_of_days(registered[connector], until_day, days)
    ]
    types = dict.fromkeys(rows[0], "object") if rows else {}
    whole = dict.fromkeys(("connector_no", "from_us", "to_us"), "int64")
    return table([tuple(row.values()) for row in rows], {**types, **whole, "open_to_public": "bool"})


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
    days: Days = SHANGHAI,
) -> list[dict[str, list[dict[str, Any]]]]:
    """The engine's rows of each period between these instants, by level.

    Everything is known up to the last of them, and as far beyond as the profile has to look.
    """
    horizon = cuts[-1] + profile.ahead_us
    places = _placements(registered, days.after(horizon), days)
    if profile.ahead_us:
        places["to_us"] = np.minimum(places["to_us"], horizon)
        places = places[places["from_us"] < places["to_us"]].reset_index(drop=True)
    places = profile.binds.bound(places, days.zone)
    on_day, ever = [], []
    for row in places.itertuples(index=False):
        heard = item_instants(histories[row.connector_no])
        day = None if row.commissioned_on is None else (row.commissioned_on - days.first).days
        that_day = [] if day is None else [at for at in heard if days.start(day) <= at < days.start(day + 1)]
        on_day.append(that_day[0] if that_day else NEVER)
        ever.append(heard[0] if heard else NEVER)
    first_items = (pd.Series(on_day, dtype=np.int64), pd.Series(ever, dtype=np.int64))
    life = service_life(places, *first_items, days.zone)
    spans = {
        int(number): (int(of["from_us"].min()), int(of["to_us"].max())) for number, of in life.groupby("connector_no")
    }
    alternating = list(shared(life).itertuples(index=False, name=None))
    measured = engine_units.units(engine_timeline(histories, settings, spans, shared=alternating), life, profile)
    reached = reach(_declared(declarations), measured.life, profile)
    answers = []
    for start, end in pairwise(cuts):
        ripe = as_of_us >= days.start(days.after(end) + profile.unknown_ripens_after_days)
        pieces = account(measured.timeline, measured.life, reached, profile, start, end)
        whole_days = days.start(days.after(start)) == start and days.start(days.after(end)) == end
        twelve = profile.twelve_months_us(days.date_of(start), days.date_of(end)) if whole_days else None
        sums = tally(pieces, measured.life, profile, twelve)
        answers.append({level: figures(sums, profile, level, ripe=ripe, everything=False) for level in levels})
    return answers
