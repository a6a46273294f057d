"""Orders among random samples, statuses and vehicles: what the engine holds, the slow reference holds, and no more."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import reference_orders
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.subsidy_world import ZONE, World

STEP = timedelta(minutes=15)
BEGIN = datetime(2023, 6, 5, 8, tzinfo=ZONE)


@st.composite
def watched(draw: st.DrawFn) -> World:
    """One charger with two connectors, each with a register that mostly rises and orders that mostly read it."""
    world = World()
    world.charger(2, charger_id="C1", rated_kw_dc=60)
    for connector in ("C1-1", "C1-2"):
        register, told = Decimal(1000), {}
        for step in range(draw(st.integers(0, 14))):
            register += draw(st.sampled_from([Decimal(0), Decimal(5), Decimal(5), Decimal("4.9"), Decimal(-30)]))
            told[step] = register
            if draw(st.booleans()) or step < 2:
                soc = draw(st.sampled_from([None, Decimal(40), Decimal("41.5"), Decimal(95)]))
                world.sample(connector, BEGIN + step * STEP, register, soc=soc)
        for number in range(draw(st.integers(0, 4))):
            start = draw(st.integers(0, 12))
            steps = draw(st.integers(1, 5))
            begins = told.get(start, register) + draw(
                st.sampled_from([Decimal(0), Decimal(0), Decimal(21), Decimal(-1)])
            )
            energy = draw(st.sampled_from([Decimal("0.3"), Decimal(5), Decimal("10.5"), Decimal(20)]))
            name = f"{connector}-{number}"
            world.session(
                name, connector, BEGIN + start * STEP, BEGIN + (start + steps) * STEP, energy,
                registers=(begins, begins + energy),
            )  # fmt: skip
            if draw(st.booleans()):
                world.vehicles[name] = "v1"
        for step in draw(st.lists(st.integers(0, 14), max_size=2, unique=True)):
            moment = BEGIN + step * STEP + timedelta(minutes=1)
            world.state(connector, moment, draw(st.sampled_from(["faulted", "unavailable", "charging", "offline"])))
    return world


@given(watched())
@settings(max_examples=25)
def test_what_is_held_is_what_the_reference_holds(world: World) -> None:
    due = world.decide(date(2023, 6, 30))
    held = sorted((row.session_id, row.disposition, *row.reasons) for row in due.dispositions.itertuples())
    assert held == sorted((one.session_id, *said) for one, said in reference_orders.dispositions(world))
