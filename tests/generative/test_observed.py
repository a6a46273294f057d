"""Stretches of many connectors: what lies within, in both, in one alone; the fast way and by counting instants."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from uptime.evidence import Calendar, Stretches
from uptime.observed import Measure, common, outside

CONNECTORS, LENGTH = (3, 7), 12
CALENDAR = Calendar.over(np.array(CONNECTORS), 0, LENGTH)
PAIR = st.tuples(st.sampled_from(CONNECTORS), st.integers(0, LENGTH), st.integers(0, LENGTH))


def stretches(pairs: list[tuple[int, int, int]]) -> Stretches:
    table = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    return Stretches.union(CALENDAR.place(table[:, 0], table[:, 1]), CALENDAR.place(table[:, 0], table[:, 2]))


def instants(pairs: list[tuple[int, int, int]]) -> set[tuple[int, int]]:
    return {(connector, at) for connector, start, end in pairs for at in range(start, end)}


def told(found: Stretches) -> set[tuple[int, int]]:
    positions = [at for start, end in zip(found.start, found.end, strict=True) for at in range(start, end)]
    return {(int(CALENDAR.connector(at)), int(CALENDAR.at_us(at))) for at in np.array(positions, dtype=np.int64)}


@given(st.lists(PAIR, max_size=6), st.lists(PAIR, max_size=6))
def test_in_both_and_in_one_alone(one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]) -> None:
    assert told(common(stretches(one), stretches(other))) == instants(one) & instants(other)
    assert told(outside(stretches(one), stretches(other))) == instants(one) - instants(other)


@given(st.lists(PAIR, max_size=6), st.lists(PAIR, min_size=1, max_size=4))
def test_how_much_lies_within(one: list[tuple[int, int, int]], asked: list[tuple[int, int, int]]) -> None:
    table = np.array([(c, min(a, b), max(a, b)) for c, a, b in asked], dtype=np.int64)
    start, end = (CALENDAR.place(table[:, 0], table[:, nth]) for nth in (1, 2))
    counted = [len(instants(one) & instants([(c, a, b)])) for c, a, b in table.tolist()]
    assert Measure(stretches(one)).within(start, end).tolist() == counted
