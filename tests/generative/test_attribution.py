"""Of many new inputs exactly those are named that changed something, and they suffice."""

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from uptime.attribution import attribute, disjoint

CONNECTORS = (1, 2, 3)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[set[int]], dict[int, list[int]]]:
    """What each input touches; and per connector a table: the account for each set of the inputs that touch it."""
    touches = draw(st.lists(st.sets(st.sampled_from(CONNECTORS), max_size=3), max_size=5))
    tables = {}
    for connector in CONNECTORS:
        count = sum(connector in one for one in touches)
        size = 2**count
        tables[connector] = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    return touches, tables


@given(worlds())
def test_what_is_named_changed_something_and_suffices(world: tuple[list[set[int]], dict[int, list[int]]]) -> None:
    touches, tables = world

    def account(connector: int, chosen: Collection[int]) -> int:
        mine = [index for index, one in enumerate(touches) if connector in one]
        return tables[connector][sum(2**nth for nth, index in enumerate(mine) if index in chosen)]

    def evaluate(chosen: Collection[int]) -> dict[int, object]:
        return {connector: account(connector, chosen) for connector in CONNECTORS}

    everything = set(range(len(touches)))
    found = attribute(touches, evaluate, evaluate(()), evaluate(everything))
    changed = {one for one in CONNECTORS if account(one, set()) != account(one, everything)}
    assert {connector for _, connector in found.named} == changed
    sufficient = {index for index, _ in found.named}
    assert all(account(one, sufficient) == account(one, everything) for one in changed)
    for index, connector in found.named:
        assert connector in touches[index]
    for connector in changed:
        for index in everything:
            alone = account(connector, {index}) != account(connector, set())
            left_out = account(connector, everything - {index}) != account(connector, everything)
            if alone or left_out:
                assert (index, connector) in found.named


@given(st.lists(st.sets(st.integers(0, 6)), max_size=12))
def test_groups_share_no_connector_and_hold_every_input_once(touches: list[set[int]]) -> None:
    groups = disjoint(touches)
    assert sorted(index for group in groups for index in group) == [at for at, one in enumerate(touches) if one]
    for group in groups:
        assert sum(len(touches[index]) for index in group) == len(set().union(*(touches[index] for index in group)))
    most = max((sum(connector in one for one in touches) for connector in range(7)), default=0)
    assert len(groups) >= most
