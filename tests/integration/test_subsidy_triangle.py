"""The triangle out of the store: what the database adds up is what the meters saw, on both backends."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from chargewatch import database
from chargewatch.output import Format
from subsidy.reconciling import compute
from tests.subsidy_world import POLICY, STATION, World

AS_OF = datetime(2100, 1, 1, tzinfo=UTC)


def bring(world: World, folder: Path) -> None:
    """Takes a world in through the program's own doors."""
    from collector.commands import ingest
    from registry.commands import import_
    from registry.tables import DEFAULT_TIME_ZONE

    import_(world.write_registry(folder / "registry"), Format.json, DEFAULT_TIME_ZONE)
    ingest([world.write_capture(folder / "capture.ndjson")], Format.json)


@pytest.fixture
def told() -> World:
    world = World()
    world.add("stations", STATION, grid_account="G 1")
    world.charger(charger_id="C1", rated_kw_dc=60)
    world.charger(charger_id="C2", rated_kw_dc=60)
    # C1: an order over the month's start, one in the month, one over its end that belongs to July
    world.session("o1", "C1-1", "2023-05-31 23:30", "2023-06-01 00:30", 40, registers=(100, 140))
    world.session("o2", "C1-1", "2023-06-10 08:00", "2023-06-10 09:00", 50, registers=(140, 190))
    world.session("o3", "C1-1", "2023-06-30 23:30", "2023-07-01 00:30", 30, registers=(190, 220))
    for at, kwh in [
        ("2023-05-31 23:30", 100), ("2023-06-01 00:00", 120), ("2023-06-01 00:30", 140), ("2023-06-10 08:00", 140),
        ("2023-06-10 09:00", 190), ("2023-06-30 23:30", 190), ("2023-07-01 00:00", 205), ("2023-07-01 00:30", 220),
    ]:  # fmt: skip
        world.sample("C1-1", at, kwh)
    # C2: its meter was exchanged on 15 June, and the new one ran over its top
    world.session("p1", "C2-1", "2023-06-14 08:00", "2023-06-14 09:00", 20, registers=(480, 500))
    world.session("p2", "C2-1", "2023-06-16 08:00", "2023-06-16 09:00", 25, registers=(990, 15))
    for at, kwh in [
        ("2023-06-14 08:00", 480), ("2023-06-14 09:00", 500), ("2023-06-16 08:00", 990), ("2023-06-16 09:00", 15)
    ]:  # fmt: skip
        world.sample("C2-1", at, kwh)
    meter = {"operator_id": "A", "connector_id": "C2-1"}
    world.add("meters", meter, meter_no="M1", removed_on=date(2023, 6, 15), last_kwh=Decimal(501))
    world.add(
        "meters", meter, meter_no="M2", installed_on=date(2023, 6, 15), first_kwh=Decimal(988),
        rollover_at_kwh=Decimal(1000),
    )  # fmt: skip
    bill = {"operator_id": "A", "grid_account": "g1"}
    world.add(
        "grid_bills", bill, **{"from": date(2023, 6, 1), "to": date(2023, 7, 1)}, energy_kwh=Decimal(150), document="B7"
    )
    return world


def test_the_three_sides_of_a_month(dsn: str, told: World, tmp_path: Path) -> None:
    bring(told, tmp_path)
    with database.connect() as connection:
        (row,) = compute(connection, period="2023-06", operator=None, policy=POLICY, as_of=AS_OF)
    assert (row["orders"], row["orders_kwh"]) == (4, "135")
    # C1 40 + 50 and none of July's order; C2 20, then 1 + 2 over the exchange, then 25 over the top
    assert row["meters_kwh"] == "138"
    assert (row["connectors"], row["connectors_read"]) == (2, 2)
    assert (row["grid_kwh"], row["bill"], row["documents"]) == ("150", "billed", ["B7"])
    assert (row["meters_less_orders_kwh"], row["grid_less_meters_kwh"]) == ("3", "12")
    assert row["findings"] == []


def test_what_was_not_known_then_is_not_there(dsn: str, told: World, tmp_path: Path) -> None:
    bring(told, tmp_path)
    with database.connect() as connection:
        as_of = datetime(2020, 1, 1, tzinfo=UTC)
        assert compute(connection, period="2023-06", operator=None, policy=POLICY, as_of=as_of) == []


def test_of_copies_the_one_received_first_speaks(dsn: str, told: World, tmp_path: Path) -> None:
    bring(told, tmp_path)
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO meter_fact (connector_no, at, energy_kwh, received_at, recorded_at, message_id, boot_id, seq,"
            " place, copy) SELECT connector_no, at, 145, received_at - interval '1 hour', recorded_at, message_id,"
            " boot_id, seq, place, 1 FROM meter_fact WHERE at = '2023-06-01T00:30:00+08:00'"
        )
        (row,) = compute(connection, period="2023-06", operator=None, policy=POLICY, as_of=AS_OF)
    # 120 to 145, then back to 140, which adds nothing
    assert row["meters_kwh"] == "143"
