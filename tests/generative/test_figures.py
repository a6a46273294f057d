"""Figures: under every profile the engine and the slow reference agree, to the microsecond and the verdict.

Histories are drawn around a day on which something turns: the clocks, the year.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from tests.generative import strategies
from tests.generative.figures_adapter import Days, engine_rows, reference_units
from tests.generative.reference_account import Connector, Declaration, Place, Regime, regime
from tests.generative.reference_availability import DAY, Item, Receipt, Session, Settings
from tests.generative.reference_figures import Amounts, amounts, figure, is_out_7d, together, truncated, verdict
from tests.generative.reference_life import item_instants
from tests.generative.strategies import LIMIT, START, Registered, told
from uptime import profile as profiles
from uptime.profile import Profile

SETTINGS = strategies.settings()
LEVELS = ("connector", "charger", "station", "operator", "district", "city")
FIRST_DAYS = {
    "cn-wenzhou-2022-137": date(2023, 6, 1),
    "us-nevi": date(2023, 11, 3),  # 5 November has 25 hours
    "us-ca-cec": date(2023, 12, 30),  # the year of the allowance turns, and the first chargers are bound
    "uk-pcpr-2023": date(2024, 3, 29),  # 31 March has 23 hours
    "fr-afirev": date(2024, 10, 25),  # 27 October has 25 hours
}
PROFILES = sorted(path.stem for path in profiles.FOLDER.glob("*.yaml"))
LONG_AFTER = 70
"""The reference looks at all there is: a day after every instant that is drawn."""


def test_every_profile_is_drawn() -> None:
    assert sorted(FIRST_DAYS) == PROFILES


def seconds(us: int) -> str:
    """Exact, six decimals."""
    return f"{'-' if us < 0 else ''}{abs(us) // 10**6}.{abs(us) % 10**6:06d}"


def key(level: str, unit: Connector, place: Place) -> str:
    """The id that a second at this place counts for."""
    ids = {"connector": unit.connector_id, "operator": "op", "city": "city"}
    return ids.get(level) or str(getattr(place, level))


def reference_rows(
    units: Iterable[Connector], declared: Sequence[Declaration], level: str, start: int, end: int, rules: Regime
) -> list[dict[str, Any]]:
    """What the rules say of one level."""
    shares: dict[str, dict[str, Amounts]] = {}
    members: dict[str, dict[str, tuple[Amounts, bool]]] = {}
    for unit in units:
        bound = {place: sums for place, sums in amounts(unit, declared, start, end, rules).items() if place.bound}
        own = (together(bound.values()), is_out_7d(unit, start, end, rules))
        for place, sums in bound.items():
            of = shares.setdefault(key(level, unit, place), {})
            of[unit.connector_id] = of.get(unit.connector_id, Amounts()) + sums
            members.setdefault(key(level, unit, place), {})[unit.connector_id] = own
    rows = []
    for name in sorted(shares):
        total, counted = together(shares[name].values()), members[name].values()
        judged = figure(shares[name].values(), rules)
        rows.append(
            {
                "id": name,
                "required_s": seconds(total.required),
                "up_s": seconds(total.up),
                "down_s": seconds(total.down),
                "unknown_s": seconds(total.unknown),
                "deducted_s": {cause: seconds(us) for cause, us in sorted(total.deducted.items()) if us},
                "ratio": truncated(judged.ratio),
                "ratio_upper": truncated(judged.ratio_upper),
                "verdict": verdict(judged, rules),
                "breach": verdict(judged, rules) == "fail",
                "connectors": len(counted),
                "connectors_below": sum(verdict(own, rules) == "fail" for own, _ in counted),
                "connectors_pending": sum(verdict(own, rules) == "pending" for own, _ in counted),
                "connectors_out_7d": sum(out for _, out in counted),
            }
        )
    return rows


def plain(row: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """The engine's row with the reference's columns; causes that took nothing are the same as none."""
    taken = {cause: took for cause, took in sorted(row["deducted_s"].items()) if took != "0.000000"}
    return {**{name: row[name] for name in like}, "deducted_s": taken}


City = tuple[dict[int, list[Item]], dict[int, list[Registered]], list[Declaration]]


@st.composite
def cities(draw: st.DrawFn) -> City:
    """A few connectors: what was received, what the registry says, what was declared."""
    histories = draw(strategies.neighbours(most=8))
    registered = {connector: draw(strategies.registrations()) for connector in histories}
    instants = {at + after for history in histories.values() for at in item_instants(history) for after in (0, LIMIT)}
    declared = draw(st.lists(strategies.declarations(sorted(instants | {START, START + DAY})), max_size=4))
    return histories, registered, declared


def moved(city: City, limits: Settings, days: Days) -> tuple[City, Settings]:
    """The same city some years and time zones away: all that was drawn around START lies around the first day."""
    by = days.start(0) - START

    def item(one: Item) -> Item:
        receipt = Receipt(one.receipt.received_us + by, one.receipt.boot_id, one.receipt.seq, one.receipt.place)
        if isinstance(one, Session):
            return replace(one, start_us=one.start_us + by, end_us=one.end_us + by, receipt=receipt)
        return cast(Item, replace(one, at_us=one.at_us + by, receipt=receipt))

    histories, registered, declared = city
    there = [
        replace(
            one, from_us=one.from_us + by, to_us=one.to_us + by, filed_us=one.filed_us + by,
            withdrawn_us=None if one.withdrawn_us is None else one.withdrawn_us + by,
        )
        for one in declared
    ]  # fmt: skip
    agreed = tuple((since + by if since else 0, every) for since, every in limits.reporting)
    moved_histories = {number: [item(one) for one in history] for number, history in histories.items()}
    return (moved_histories, registered, there), replace(limits, reporting=agreed)


INSTEAD = ("", "", "vandalism", "force_majeure", "grid_outage")


def renamed(city: City, instead: str) -> City:
    """The same city with another cause where maintenance was declared, which is drawn most."""
    histories, registered, declared = city
    causes = {"routine_maintenance": instead or "routine_maintenance"}
    return histories, registered, [replace(one, cause=causes.get(one.cause, one.cause)) for one in declared]


SMALL_CAPS = (
    {},
    {},
    {"routine_maintenance": {"cap_per_year_h": 7}, "vandalism": {"cap_per_outage_h": 5}},
    {"grid_outage": {"cap_per_month_h": 3, "cap_per_year_h": 4}, "vandalism": {"cap_per_outage_h": 1}},
    {
        "vandalism": {"cap_per_outage_h": 5, "cap_per_year_h": 8},
        "force_majeure": {"cap_per_outage_h": 3, "cap_per_month_h": 4},
    },
    {"routine_maintenance": {"notice_h": 24, "filed": "before_start"}, "force_majeure": {"cap_per_month_h": 30}},
)
"""Drawn onto the causes that a profile has, so that caps of days are met in histories of days."""


def capped(profile: Profile, rules: Regime, caps: Mapping[str, Mapping[str, Any]]) -> tuple[Profile, Regime]:
    """Both views of a profile with these caps on its credited causes."""

    def wanted(cause: str, effect: str) -> Mapping[str, Any]:
        return caps.get(cause, {}) if effect == "credit" else {}

    own = tuple(changed(one, **wanted(one.cause, one.effect)) for one in profile.causes)
    theirs = [{**one, **wanted(one["cause"], one["effect"])} for one in rules["causes"]]
    return changed(profile, causes=own), {**rules, "causes": theirs}


VARIANTS = ("", "charger", "station", "worst", "mean", "excluded")


def varied(profile: Profile, rules: Regime, variant: str) -> tuple[Profile, Regime]:
    """Both views of a profile with one thing that another regime might say."""
    changes: dict[str, dict[str, Any]] = {
        "charger": {"unit": "charger"},
        "station": {"unit": "station"},
        "worst": {"combine": "worst", "unit": "evse"},
        "mean": {"aggregation": "mean_of_ratios"},
        "excluded": {"states": {**rules["states"], "no_data": "excluded"}},
    }
    change = changes.get(variant, {})
    return changed(profile, **change), {**rules, **change}


def tell(city: City) -> None:
    """Print the example if it fails."""
    histories, registered, declared = city
    for connector, history in histories.items():
        note(f"connector {connector}:\n{told(history)}")
        note("\n".join(str(row) for row in registered[connector]))
    for one in declared:
        note(
            f"{one.cause} {strategies.clock(one.from_us)} to {strategies.clock(one.to_us)},"
            f" filed {strategies.clock(one.filed_us)}, {one}"
        )


# One example takes several tables of pandas, and there are five profiles: a part of the intervals' own examples each.
SHARE = {"cn-wenzhou-2022-137": 4}


@pytest.mark.parametrize("name", PROFILES)
def test_figures_equal_the_reference(name: str) -> None:
    profile, rules = profiles.load(name), regime(name)
    days = Days(FIRST_DAYS[name], ZoneInfo(rules["time_zone"]))
    default = settings.default
    assert default is not None
    examples = default.max_examples if default.max_examples >= 10_000 else default.max_examples // SHARE.get(name, 8)

    # A period of days; or, for a denominator of twelve months, those that end there.
    lengths = (1, 2, 8, 20, *((None, None) if "denominator" in rules else ()))

    @settings(max_examples=examples)
    @given(
        cities(), SETTINGS, st.integers(0, 3), st.sampled_from(lengths), st.sampled_from(LEVELS),
        st.sampled_from(SMALL_CAPS), st.sampled_from(("", "", *VARIANTS)), st.sampled_from(INSTEAD),
    )  # fmt: skip
    def agree(
        city: City, limits: Settings, first_day: int, length: int | None, level: str,
        caps: Mapping[str, Mapping[str, Any]], variant: str, instead: str,
    ) -> None:  # fmt: skip
        tell(city)
        (histories, registered, declared), there = moved(renamed(city, instead), limits, days)
        view, reading = varied(*capped(profile, rules, caps), variant)
        end = days.start(first_day + (length or 8))
        start = days.start(first_day)
        if length is None:
            last = days.on(first_day + 8)
            start = days.start((last.replace(year=last.year - 1) - days.first).days)
        until = max(LONG_AFTER, first_day + 20) if view.ahead_us else days.after(end)
        units = reference_units(histories, registered, there, until, reading, days)
        (engine,) = engine_rows(histories, registered, declared, there, view, [level], [start, end], days=days)
        expected = reference_rows(units, declared, level, start, end, reading)
        assert [row["id"] for row in engine[level]] == [row["id"] for row in expected]
        for row, like in zip(engine[level], expected, strict=True):
            assert plain(row, like) == like

    agree()


SUMMED = ("required_s", "up_s", "down_s", "unknown_s")


@pytest.mark.parametrize("name", PROFILES)
def test_the_seconds_of_a_period_are_the_sum_of_the_seconds_of_its_parts(name: str) -> None:
    profile, rules = profiles.load(name), regime(name)
    days = Days(FIRST_DAYS[name], ZoneInfo(rules["time_zone"]))
    default = settings.default
    assert default is not None

    @settings(max_examples=default.max_examples // (16 if name in SHARE else 32))
    @given(
        cities(),
        SETTINGS,
        st.sets(st.integers(1, 11), min_size=1, max_size=1),
        st.sampled_from(SMALL_CAPS),
        st.sampled_from(INSTEAD),
    )
    def add_up(
        city: City, limits: Settings, cuts: set[int], caps: Mapping[str, Mapping[str, Any]], instead: str
    ) -> None:
        tell(city)
        (histories, registered, declared), there = moved(renamed(city, instead), limits, days)
        view, _ = capped(profile, rules, caps)
        instants = [days.start(day) for day in sorted({0, 12} | cuts)]

        def summed(periods: Sequence[int]) -> dict[str, int]:
            sums: dict[str, int] = {}
            # Each period is computed from what is known up to its own end.
            for period in pairwise(periods):
                (rows,) = engine_rows(histories, registered, declared, there, view, ["connector"], period, days=days)
                for row in rows["connector"]:
                    for one in SUMMED:
                        at = f"{row['id']} {one}"
                        sums[at] = sums.get(at, 0) + int(row[one].replace(".", ""))
            return sums

        assert summed(instants) == summed([instants[0], instants[-1]])

    add_up()
