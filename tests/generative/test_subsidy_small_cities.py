"""For random small cities the engine finds what the slow reference finds: every session, every charger, every yuan."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from subsidy import periods, wording
from tests.generative import reference_subsidy
from tests.subsidy_world import OPERATOR, STATION, ZONE, Session, World

DAYS = [date(2023, 5, 30) + timedelta(days=nth) for nth in (0, 2, 3, 5, 8, 31, 32, 33, 40)]
HOUR = timedelta(hours=1)
US = timedelta(microseconds=1)
MINUTE = timedelta(seconds=60)
LENGTHS = [HOUR, HOUR, HOUR + MINUTE, HOUR + MINUTE + US, 2 * HOUR, 0 * HOUR, MINUTE, 24 * HOUR + US, 169 * HOUR]
some_day = st.sampled_from(DAYS)
maybe_day = st.none() | some_day
"""Few days, so that what happens on them meets."""


@st.composite
def operators(draw: st.DrawFn, world: World, operator_id: str) -> None:
    yes = st.sampled_from([True, True, True, True, False])
    for valid_from in draw(st.sampled_from([[None], [None], [None, DAYS[4]], [DAYS[1]]])):
        world.add(
            "operators",
            OPERATOR,
            operator_id=operator_id,
            valid_from=valid_from,
            legal_form=draw(st.sampled_from(["limited", "limited", "joint_stock", "other"])),
            credit_good=draw(yes),
            maintenance_team=draw(yes),
            admitted_on=draw(st.sampled_from([date(2022, 1, 1), date(2022, 1, 1), DAYS[2], None])),
            suspended_on=(suspended := draw(st.sampled_from([None, None, DAYS[2]]))),
            suspended_until=draw(st.sampled_from([None, DAYS[3]])) if suspended else None,
        )


@st.composite
def stations(draw: st.DrawFn, world: World, operator_id: str) -> None:
    for valid_from in draw(st.sampled_from([[None], [None], [None, DAYS[3]]])):
        world.add(
            "stations",
            STATION,
            operator_id=operator_id,
            valid_from=valid_from,
            category=draw(st.sampled_from(["public", "public", "public", "dedicated"])),
            district=draw(st.sampled_from(["lucheng", "lucheng", "dongtou", "yueqing"])),
            platform_managed_from=draw(st.sampled_from([date(2022, 1, 1), date(2022, 1, 1), DAYS[2], None])),
        )


@st.composite
def chargers(draw: st.DrawFn, world: World, operator_id: str) -> list[str]:
    """Chargers of one operator, some on a shared power unit; the ids of their connectors."""
    connectors = []
    unit = draw(st.sampled_from([None, Decimal(160), Decimal("100.5")]))
    if unit is not None:
        world.add(
            "power_units", {"operator_id": operator_id, "station_id": "S1", "power_unit_id": "P1", "rated_kw": unit}
        )
    for number in range(1, draw(st.integers(1, 4)) + 1):
        kind = draw(st.sampled_from(["dc", "dc", "ac", "hybrid"]))
        kw = st.sampled_from([Decimal(7), Decimal("22.005"), Decimal(60), Decimal(120)])
        count = draw(st.integers(1, 2))
        row = world.charger(
            count,
            draw(kw),
            draw(
                st.sampled_from([datetime(2023, 6, 1, 8), datetime(2023, 6, 1, 8), datetime(2023, 6, 30, 23, 59), None])
            ),
            operator_id=operator_id,
            charger_id=f"C{number}",
            kind=kind,
            serial_no=draw(
                st.sampled_from([f"{operator_id}{number}", f"{operator_id}{number}", "sn 1", "SN-1", "OLD"])
            ),
            replaces_serial_no=draw(st.sampled_from([None, None, "old", "A1", "SN1"])),
            power_unit_id=draw(st.sampled_from(["P1", "P1", None])) if unit is not None else None,
            form=draw(st.sampled_from(["integrated", "split"])),
            rated_kw_dc=draw(kw) if kind != "ac" else None,
            rated_kw_ac=draw(kw) if kind != "dc" else None,
            simultaneous=draw(st.booleans()) if kind == "hybrid" else None,
            completed_on=draw(st.sampled_from([date(2022, 5, 1), date(2022, 5, 1), date(2021, 12, 31)])),
            commissioned_on=draw(st.sampled_from([date(2022, 6, 1), date(2022, 7, 1), date(2021, 12, 31), DAYS[1]])),
            accepted_on=draw(st.sampled_from([date(2022, 6, 1), date(2022, 6, 1), DAYS[2], DAYS[5], None])),
            retired_on=draw(st.sampled_from([None, None, None, DAYS[4]])),
        )
        connectors += [f"{row['charger_id']}-{nth}" for nth in range(1, count + 1)]
    return connectors


@st.composite
def sessions(draw: st.DrawFn, world: World, operator_id: str, connectors: list[str]) -> None:
    for _ in range(draw(st.integers(0, 7))):
        start = (
            datetime.combine(draw(some_day), datetime.min.time(), ZONE) + draw(st.sampled_from([0, 8, 9, 23])) * HOUR
        )
        length = draw(st.sampled_from(LENGTHS))
        energy = draw(st.sampled_from([Decimal("7.69"), Decimal("7.70"), Decimal(5), Decimal("5.005"), Decimal(0)]))
        where = draw(st.sampled_from(connectors).map(lambda one: (one,)) | st.just(tuple(connectors[:2])))
        off = draw(st.sampled_from([Decimal(0), Decimal(0), Decimal("0.05"), Decimal("0.0771"), Decimal(-1)]))
        registers = draw(st.sampled_from([(Decimal(10), 10 + energy + off), (Decimal(10), 10 + energy), None]))
        delay = draw(st.sampled_from([timedelta(0), US, HOUR, timedelta(days=15), timedelta(days=15) + US]))
        world.session(
            draw(st.sampled_from(["s1", "s2", "s3", "s4", "s5", "s6"])),
            where,
            start,
            start + length,
            energy,
            operator=operator_id,
            registers=registers,
            received=start + length + delay,
            revision=draw(st.sampled_from([0, 0, 0, 1])),
            void=draw(st.sampled_from([False, False, False, False, True])),
        )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World()
    for operator_id in draw(st.sampled_from([["A"], ["A", "B"]])):
        draw(operators(world, operator_id))
        draw(stations(world, operator_id))
        connectors = draw(chargers(world, operator_id))
        draw(sessions(world, operator_id, connectors))
        if draw(st.booleans()):
            for row in [row for row in world.tables["chargers"] if row["operator_id"] == operator_id]:
                world.prove(row, draw(st.sampled_from(["2023-06-02 10:00", "2023-06-29 23:00", "2023-06-30 23:00"])))
    for _ in range(draw(st.integers(0, 2))):
        world.add(
            "awards",
            {"programme": "earlier"},
            serial_no=draw(st.sampled_from(["OLD", "o ld", "A1", "sn1", "B2"])),
            awarded_on=draw(st.sampled_from([date(2020, 1, 1), DAYS[3]])),
            amount_yuan=draw(st.sampled_from([Decimal(5000), Decimal("12345.67")])),
            kind=draw(st.sampled_from([None, "dc", "ac"])),
            revoked_on=draw(st.sampled_from([None, None, DAYS[2], DAYS[4]])),
        )
    return distinct(world)


def distinct(world: World) -> World:
    """Each stored version once: equal identity and content is one fact (contract 1)."""
    kept: dict[tuple[Any, ...], Session] = {}
    for one in world.sessions:
        key = (one.operator_id, one.session_id, one.revision, one.content)
        if key not in kept or one.received < kept[key].received:
            kept[key] = one
    # where everything but the place in the message is equal, the order of receipt is that of the ids
    world.sessions = sorted(kept.values(), key=lambda one: (one.received, one.operator_id, one.session_id))
    return world


@given(worlds(), st.sampled_from(["2023-05", "2023-06", "2023-07", "2023-Q2", "2023-Q3"]))
@settings(max_examples=80)
def test_the_engine_agrees_with_the_slow_reference(world: World, name: str) -> None:
    period = periods.parse(name)
    expected = reference_subsidy.outcome(world, period)
    due = world.decide(period.last_day)
    note(f"{world.tables}\n{world.sessions}")
    decided = sorted(
        (row.operator_id, row.session_id, row.energy_kwh, row.disposition, *row.reasons)
        for row in due.dispositions.itertuples()
    )
    assert decided == sorted(
        (one.operator_id, one.session_id, one.energy_kwh, *found)
        for one, found in reference_subsidy.dispositions(world)
    )
    statement = wording.statement(due, period, "A", (), rehearsal=False, as_of="")
    build = {
        row["charger_id"]: row["amount"] if row["eligible"] else [reason["code"] for reason in row["reasons"]]
        for row in statement["build"]
    }
    assert build == expected["build"]
    assert (statement["build_yuan"], statement["operating_yuan"]) == (
        expected["build_yuan"],
        expected["operating_yuan"],
    )


@given(worlds())
@settings(max_examples=30)
def test_energy_always_adds_up(world: World) -> None:
    due = world.decide(date(2023, 12, 31))
    lines = due.lines
    parts = [sum(lines[f"{part}_kwh"], Decimal(0)) for part in ("admitted", "held", "rejected")]
    whole = sum(due.dispositions["energy_kwh"], Decimal(0))
    assert sum(parts, Decimal(0)) == sum(lines["energy_kwh"], Decimal(0)) == whole
    assert lines["sessions"].sum() == len(due.dispositions)


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_facts_makes_no_difference(world: World, random: Any) -> None:
    before = world.statement("2023-Q2")
    for rows in world.tables.values():
        random.shuffle(rows)
    random.shuffle(world.sessions)
    assert world.statement("2023-Q2") == before
