"""Figures of 137-七: the engine and the slow reference agree at every level, to the microsecond and the verdict."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.generative import strategies
from tests.generative.figures_adapter import engine_rows, reference_connector
from tests.generative.reference_availability import DAY, Item, Settings, item_instants
from tests.generative.reference_figures import (
    EFFECTS,
    Amounts,
    Connector,
    Declaration,
    Place,
    amounts,
    is_out_7d,
    together,
    truncated,
    verdict,
)
from tests.generative.strategies import LIMIT, START, Registered, told
from uptime import profile as profiles

WENZHOU = profiles.load("cn-wenzhou-2022-137")
SETTINGS = strategies.settings()
LEVELS = ("connector", "charger", "station", "operator", "district", "city")


def seconds(us: int) -> str:
    """Exact, six decimals."""
    return f"{us // 10**6}.{us % 10**6:06d}"


def key(level: str, connector: Connector, place: Place) -> str:
    """The id that a second at this place counts for."""
    ids = {"connector": connector.connector_id, "operator": "op", "city": "city"}
    return ids.get(level) or str(getattr(place, level))


def reference_rows(
    connectors: Iterable[Connector], declared: Sequence[Declaration], level: str, start: int, end: int
) -> list[dict[str, Any]]:
    """What the rules say of one level."""
    shares: dict[str, list[Amounts]] = {}
    members: dict[str, dict[str, tuple[Amounts, bool]]] = {}
    for connector in connectors:
        bound = {place: sums for place, sums in amounts(connector, declared, start, end).items() if place.bound}
        own = (together(bound.values()), is_out_7d(connector, start, end))
        for place, sums in bound.items():
            shares.setdefault(key(level, connector, place), []).append(sums)
            members.setdefault(key(level, connector, place), {})[connector.connector_id] = own
    rows = []
    for name in sorted(shares):
        total, counted = together(shares[name]), members[name].values()
        rows.append(
            {
                "id": name,
                "required_s": seconds(total.required),
                "up_s": seconds(total.up),
                "down_s": seconds(total.down),
                "unknown_s": seconds(total.unknown),
                "deducted_s": {cause: seconds(us) for cause, us in sorted(total.deducted.items()) if us},
                "ratio": truncated(total.ratio),
                "ratio_upper": truncated(total.ratio_upper),
                "verdict": verdict(total),
                "breach": verdict(total) == "fail",
                "connectors": len(counted),
                "connectors_below": sum(verdict(own) == "fail" for own, _ in counted),
                "connectors_pending": sum(verdict(own) == "pending" for own, _ in counted),
                "connectors_out_7d": sum(out for _, out in counted),
            }
        )
    return rows


def plain(row: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """The engine's row with the reference's columns; causes that took nothing are the same as none."""
    taken = {cause: took for cause, took in sorted(row["deducted_s"].items()) if took != "0.000000"}
    return {**{name: row[name] for name in like}, "deducted_s": taken}


@st.composite
def cities(
    draw: st.DrawFn,
) -> tuple[dict[int, list[Item]], dict[int, list[Registered]], list[Declaration]]:
    """A few connectors: what was received, what the registry says, what was declared."""
    histories = draw(strategies.neighbours(most=8))
    registered = {connector: draw(strategies.registrations()) for connector in histories}
    instants = {at + after for history in histories.values() for at in item_instants(history) for after in (0, LIMIT)}
    declared = draw(st.lists(strategies.declarations(sorted(instants | {START, START + DAY})), max_size=4))
    return histories, registered, declared


def tell(
    histories: Mapping[int, Sequence[Item]],
    registered: Mapping[int, Sequence[Registered]],
    declared: Sequence[Declaration],
) -> None:
    """Print the example if it fails."""
    for connector, history in histories.items():
        note(f"connector {connector}:\n{told(history)}")
        note("\n".join(str(row) for row in registered[connector]))
    for one in declared:
        note(
            f"{one.cause} {strategies.clock(one.from_us)} to {strategies.clock(one.to_us)},"
            f" filed {strategies.clock(one.filed_us)}, {one}"
        )


# One example takes several tables of pandas: a half and a quarter of the examples of the intervals' own properties.
@settings(max_examples=settings.default.max_examples // 2)
@given(cities(), SETTINGS, st.integers(0, 3), st.sampled_from((1, 2, 8, 20)), st.sampled_from(LEVELS))
def test_figures_equal_the_reference(
    city: tuple[dict[int, list[Item]], dict[int, list[Registered]], list[Declaration]],
    limits: Settings,
    first_day: int,
    days: int,
    level: str,
) -> None:
    histories, registered, declared = city
    tell(*city)
    start, end = START + first_day * DAY, START + (first_day + days) * DAY
    connectors = [
        reference_connector(number, histories[number], registered[number], limits, first_day + days)
        for number in histories
    ]
    (engine,) = engine_rows(histories, registered, declared, limits, WENZHOU, [level], [start, end])
    expected = reference_rows(connectors, declared, level, start, end)
    assert [row["id"] for row in engine[level]] == [row["id"] for row in expected]
    for row, like in zip(engine[level], expected, strict=True):
        assert plain(row, like) == like


SUMMED = ("required_s", "up_s", "down_s", "unknown_s")


@settings(max_examples=settings.default.max_examples // 4)
@given(cities(), SETTINGS, st.sets(st.integers(1, 11), min_size=1, max_size=1))
def test_the_seconds_of_a_period_are_the_sum_of_the_seconds_of_its_parts(
    city: tuple[dict[int, list[Item]], dict[int, list[Registered]], list[Declaration]],
    limits: Settings,
    cuts: set[int],
) -> None:
    tell(*city)
    histories, registered, declared = city
    instants = [START + day * DAY for day in sorted({0, 12} | cuts)]

    def summed(periods: Sequence[int]) -> dict[str, int]:
        sums: dict[str, int] = {}
        # Each period is computed from what is known up to its own end.
        for period in pairwise(periods):
            (rows,) = engine_rows(histories, registered, declared, limits, WENZHOU, ["connector"], period)
            for row in rows["connector"]:
                for name in SUMMED:
                    at = f"{row['id']} {name}"
                    sums[at] = sums.get(at, 0) + int(row[name].replace(".", ""))
        return sums

    assert summed(instants) == summed([instants[0], instants[-1]])


assert set(EFFECTS) == {rule.cause for rule in WENZHOU.causes}
