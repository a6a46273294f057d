"""The engine and the slow reference give the same intervals, to the microsecond, for whatever was received."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from random import Random

from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.generative.adapter import engine_timeline, maximal_runs
from tests.generative.reference_availability import (
    DAY,
    HOUR,
    Interval,
    Item,
    Receipt,
    Session,
    Settings,
    Status,
    intervals,
)
from tests.generative.strategies import GAPS, LIMIT, START, clock, histories, neighbours, told
from tests.generative.strategies import settings as limit_sets

BEFORE, AFTER = START - DAY, START + 40 * DAY

a_half = settings(max_examples=settings.default.max_examples // 2)


def drawn(runs: Sequence[Interval]) -> list[str]:
    """Intervals as lines that a person compares."""
    return [f"{clock(run.from_us)} to {clock(run.to_us)} {run.state}" for run in runs]


@given(neighbours(), limit_sets())
def test_engine_equals_reference(facts: dict[int, list[Item]], limits: Settings) -> None:
    spans = {connector: (BEFORE + connector, AFTER - connector) for connector in facts}
    timeline = engine_timeline(facts, limits, spans)
    for connector, history in facts.items():
        note(f"connector {connector}:\n{told(history)}")
        engine = drawn(maximal_runs(timeline, connector))
        assert engine == drawn(intervals(history, limits, *spans[connector]))


def about(history: Sequence[Item], connector: int) -> list[Item]:
    """The same items of another connector, its orders under numbers of their own."""
    return [
        replace(item, session_id=f"{item.session_id}-{connector}", connectors=(connector,))
        if isinstance(item, Session)
        else item
        for item in history
    ]


@a_half
@given(histories(), limit_sets(), st.lists(st.sampled_from(GAPS), min_size=1, max_size=4))
def test_any_cut_of_the_period_gives_the_same_seconds(history: list[Item], limits: Settings, gaps: list[int]) -> None:
    note(told(history))
    cuts = [BEFORE]
    for gap in gaps:
        cuts.append(cuts[-1] + DAY // 2 + gap)
    # The whole as connector 0, each piece as a connector of its own.
    spans = dict(enumerate([(BEFORE, AFTER), *pairwise([*cuts, AFTER])]))
    timeline = engine_timeline({number: about(history, number) for number in spans}, limits, spans)
    pieces: list[Interval] = []
    for number in list(spans)[1:]:
        for run in maximal_runs(timeline, number):
            if pieces and pieces[-1].state == run.state:
                pieces[-1] = replace(pieces[-1], to_us=run.to_us)
            else:
                pieces.append(run)
    assert drawn(pieces) == drawn(maximal_runs(timeline, 0))


@a_half
@given(histories(), limit_sets(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(history: list[Item], limits: Settings, chance: Random) -> None:
    note(told(history))
    later = [replace(item, receipt=replace(item.receipt, received_us=item.receipt.received_us + 1)) for item in history]
    shuffled = [*history, *later, *history]
    chance.shuffle(shuffled)
    once, again = (engine_timeline({1: facts}, limits, {1: (BEFORE, AFTER)}) for facts in (history, shuffled))
    assert drawn(maximal_runs(once, 1)) == drawn(maximal_runs(again, 1))


def test_the_last_silence_does_not_depend_on_the_period() -> None:
    """Semantics 2: "the seconds of June are the sum of the seconds of its days"."""
    history = [Status(START, "available", Receipt(START))]
    limits = Settings(silence_from_last_sign=True)
    spans = {0: (START, START + LIMIT // 2), 1: (START, START + DAY)}
    timelines = {
        number: engine_timeline({number: about(history, number)}, limits, {number: span})
        for number, span in spans.items()
    }
    short, long = (maximal_runs(timelines[number], number) for number in spans)
    assert short[0].state == long[0].state


def test_an_order_does_not_wander_through_time() -> None:
    """Semantics 7: "the same id … starting more than 24 h away, is no revision"."""
    history: list[Item] = [Status(START, "offline", Receipt(START))]
    for revision, start in enumerate((START + HOUR, START + 21 * HOUR, START + 41 * HOUR)):
        end = start + HOUR
        history.append(
            Session("s1", start, end, Fraction(20), Fraction(100), Fraction(120), Receipt(end), revision=revision)
        )
    timeline = engine_timeline({1: history}, Settings(), {1: (START, START + 3 * DAY)})
    assert drawn(maximal_runs(timeline, 1)) == drawn(intervals(history, Settings(), START, START + 3 * DAY))


def test_a_repeated_version_keeps_its_first_receipt() -> None:
    """Semantics 2.5: "Equal items are duplicates; the first recorded counts"; so the second version is the latest."""
    first = Session("s1", START, START + HOUR, Fraction(20), Fraction(100), Fraction(120), Receipt(START + HOUR))
    second = replace(first, end_us=START + 2 * HOUR, receipt=Receipt(START + 3 * HOUR))
    repeated = replace(first, receipt=Receipt(START + 5 * HOUR))
    history: list[Item] = [Status(START, "offline", Receipt(START)), first, second, repeated]
    span = (START, START + DAY)
    timeline = engine_timeline({1: history}, Settings(), {1: span}, copies_of_sessions=True)
    assert drawn(maximal_runs(timeline, 1)) == drawn(intervals(history, Settings(), *span))
