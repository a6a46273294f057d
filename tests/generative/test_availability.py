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
    MINUTE,
    Company,
    Interval,
    Item,
    Receipt,
    Session,
    Settings,
    Status,
    intervals,
)
from tests.generative.strategies import GAPS, LIMIT, START, clock, histories, items, neighbours, receipts, told
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


@st.composite
def companions(draw: st.DrawFn) -> tuple[dict[int, list[Item]], list[tuple[int, int, int, int]]]:
    """Connectors in use and out of service about the same times, and when each stood on which charger."""
    said = ("available", "charging", "charging", "preparing", "suspended_ev", "reserved", "unavailable", "unavailable",
            "faulted", "offline")  # fmt: skip
    gaps = (0, 1, MINUTE - 1, MINUTE, MINUTE, MINUTE + 1, 5 * MINUTE, LIMIT, LIMIT + 1, HOUR)
    histories: dict[int, list[Item]] = {}
    shared = []
    for connector in (1, 2, 3):
        at, history = START, list[Item]()
        for gap in draw(st.lists(st.sampled_from(gaps), max_size=7)):
            at += gap
            status = Status(at, draw(st.sampled_from(said)), draw(receipts(at)))
            history.append(draw(items(at, ((connector,),))) if draw(st.integers(0, 4)) == 0 else status)
        histories[connector] = history
        moves = [BEFORE, START + draw(st.sampled_from((0, MINUTE, HOUR))), AFTER]
        for charger, (since, until) in zip(
            draw(st.sampled_from(((1, 1), (1, 1), (1, 2)))), pairwise(moves), strict=True
        ):
            shared.append((connector, charger, since, until))
    return histories, shared


def granted_contests() -> st.SearchStrategy[list[tuple[int, int, int]]]:
    """Connectors with the time that a granted contest names."""
    span = st.sampled_from(((0, HOUR), (MINUTE, MINUTE + 1), (LIMIT, DAY), (-DAY, 3 * DAY)))
    one = st.builds(lambda number, span: (number, START + span[0], START + span[1]), st.integers(1, 3), span)
    return st.lists(one, max_size=2)


@settings(max_examples=settings.default.max_examples // 8)  # the reference is slow here
@given(
    companions(),
    limit_sets(),
    st.sampled_from((0, MINUTE, MINUTE)),
    st.sampled_from((True, True, True, False)),
    granted_contests(),
)
def test_connectors_of_one_charger_that_serves_one_at_a_time(
    city: tuple[dict[int, list[Item]], list[tuple[int, int, int, int]]],
    limits: Settings,
    ahead_us: int,
    sharing: bool,
    lifted: list[tuple[int, int, int]],
) -> None:
    histories, shared = city
    limits = replace(limits, ahead_us=ahead_us, sharing=sharing)
    spans = {connector: (BEFORE + connector, AFTER - connector) for connector in histories}
    timeline = engine_timeline(histories, limits, spans, shared=shared, lifted=lifted)
    for connector, history in histories.items():
        company = [
            Company(histories[other], max(since, from_us), min(until, to_us))
            for mine, place, since, until in shared
            for other, there, from_us, to_us in shared
            if mine == connector != other and place == there and max(since, from_us) < min(until, to_us)
        ]
        note(f"connector {connector}:\n{told(history)}\n{shared}\n{lifted}")
        engine = drawn(maximal_runs(timeline, connector))
        named = [(since, until) for number, since, until in lifted if number == connector]
        assert engine == drawn(intervals(history, limits, *spans[connector], company, named))


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
