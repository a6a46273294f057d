"""A long time computed in one go is the same as computed from cut to cut, each from what stood at its beginning."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.generative.adapter import engine_facts, engine_settings, table
from tests.generative.reference_availability import DAY, HOUR, MINUTE, Item, Settings
from tests.generative.strategies import LIMIT, START, neighbours, told
from tests.generative.strategies import settings as limit_sets
from tests.generative.test_availability import AFTER, BEFORE, companions
from uptime import intervals, standing
from uptime.evidence import Facts, Standing

CUTS = st.sampled_from((0, 1, MINUTE, 5 * MINUTE, LIMIT, LIMIT + 1, HOUR, 5 * HOUR, DAY, DAY + 1, 2 * DAY, 5 * DAY))


def since(facts: Facts, at_us: int) -> Facts:
    """The facts from an instant on, as a store would give them: with all versions of orders that ended after it."""
    orders = facts.sessions
    later = orders.loc[orders["ended_us"] >= at_us, "session_id"]
    tables = {
        name: getattr(facts, name)[getattr(facts, name)["at_us"] >= at_us].reset_index(drop=True)
        for name in ("statuses", "meters", "heartbeats")
    }
    return replace(facts, sessions=orders[orders["session_id"].isin(later)].reset_index(drop=True), **tables)


def until(facts: Facts, at_us: int) -> Facts:
    """The facts before an instant; sessions: that started before it."""
    tables = {
        name: getattr(facts, name)[getattr(facts, name)["at_us"] < at_us].reset_index(drop=True)
        for name in ("statuses", "meters", "heartbeats")
    }
    orders = facts.sessions
    return replace(facts, sessions=orders[orders["started_us"] < at_us].reset_index(drop=True), **tables)


def seen(timeline: intervals.Timeline) -> list[tuple[int, ...]]:
    """Intervals as rows that compare."""
    names = ["connector", "from_us", "to_us", "state", "reason"]
    return [tuple(map(int, row)) for row in timeline.intervals[names].itertuples(index=False, name=None)]


def same_in_pieces(
    histories: dict[int, list[Item]],
    limits: Settings,
    cuts: Sequence[int],
    shared: Sequence[tuple[int, int, int, int]] = (),
) -> None:
    for connector, history in histories.items():
        note(f"connector {connector}:\n{told(history)}")
    facts, rules = engine_facts(histories, limits, copies_of_sessions=True), engine_settings(limits)
    use = table(shared, dict.fromkeys(("connector", "charger", "from_us", "to_us"), "int64"))
    stood: Standing | None = None
    instants = sorted({START + cut for cut in cuts})
    for nth, (start, end) in enumerate(zip([BEFORE, *instants], [*instants, AFTER], strict=True)):
        spans = pd.DataFrame({"connector": facts.connectors, "from_us": np.int64(start), "to_us": np.int64(end)})
        whole = intervals.service_intervals(facts, rules, spans, use)
        # silence that counts from the last sign itself is told by the signs after the end
        own = facts if rules.silence_from_last_sign else until(facts, end)
        if stood is not None:
            own = standing.resumed(stood, since(own, start))
        piece, (stood,) = intervals.told(own, rules, spans, use, instants=[end])
        assert seen(piece) == seen(whole), f"piece {nth}, from {start - START}"


@settings(max_examples=settings.default.max_examples // 8)
@given(neighbours(), limit_sets(), st.lists(CUTS, min_size=1, max_size=3))
def test_in_pieces(histories: dict[int, list[Item]], limits: Settings, cuts: list[int]) -> None:
    same_in_pieces(histories, limits, cuts)


@settings(max_examples=settings.default.max_examples // 8)
@given(companions(), limit_sets(), st.lists(CUTS, min_size=1, max_size=3))
def test_in_pieces_where_a_charger_serves_one_at_a_time(
    drawn: tuple[dict[int, list[Item]], list[tuple[int, int, int, int]]], limits: Settings, cuts: list[int]
) -> None:
    histories, shared = drawn
    same_in_pieces(histories, limits, cuts, shared)
