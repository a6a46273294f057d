"""Statements from the store: the same for any order of facts, again for any `as_of`, adjusted when facts come late."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chargewatch import database
from chargewatch.output import Format
from ledger.canonical import without_as_of
from subsidy import facts, job, periods, statement
from subsidy.policy import load
from tests.subsidy_world import CHARGER, World, local

POLICY = load()


class Store:
    """Takes worlds in through the program's own doors."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.nth = folder, 0

    def register(self, world: World) -> None:
        from registry.commands import import_
        from registry.tables import DEFAULT_TIME_ZONE

        self.nth += 1
        import_(world.write_registry(self.folder / f"registry-{self.nth}"), Format.json, DEFAULT_TIME_ZONE)

    def ingest(self, world: World, *, backwards: bool = False) -> None:
        from collector.commands import ingest

        self.nth += 1
        file = world.write_capture(self.folder / f"capture-{self.nth}.ndjson")
        if backwards:
            lines = file.read_text(encoding="utf-8").splitlines()
            file.write_text("\n".join(reversed(lines)) + "\n", encoding="utf-8")
        ingest([file], Format.json)


@pytest.fixture
def store(dsn: str, tmp_path: Path) -> Store:
    return Store(tmp_path)


def told() -> World:
    world = World()
    world.prove(world.charger(2, charger_id="C1", rated_kw_dc=60))
    world.session("s1", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", "30.123")
    world.session("s2", ("C1-1", "C1-2"), "2023-06-06 08:00", "2023-06-06 09:00", 100)
    world.session("s2", ("C1-1", "C1-2"), "2023-06-06 08:00", "2023-06-06 09:00", 90, revision=1)
    world.session("s3", "C1-2", "2023-06-07 08:00", "2023-06-07 09:00", 70)
    return world


def stated(connection: psycopg.Connection, period: str, as_of: Any = None) -> list[dict[str, Any]]:
    known = as_of or database.watermark(connection)
    rows = statement.compute(connection, period=period, policy=POLICY, as_of=known)
    return json.loads(json.dumps([{**row, "as_of": ""} for row in rows]))  # type: ignore[no-any-return]


def test_the_store_gives_what_the_rules_give(store: Store) -> None:
    world = told()
    store.register(world)
    store.ingest(world)
    with database.connect() as connection:
        (row,) = stated(connection, "2023-06")
    assert row == {**world.statement("2023-06"), "as_of": ""}
    assert (row["build_yuan"], row["operating_yuan"]) == ("12000.00", "12.11")


def test_order_and_repetition_make_no_difference(store: Store) -> None:
    world = told()
    store.register(world)
    store.ingest(world, backwards=True)
    store.ingest(world)
    store.ingest(world, backwards=True)
    with database.connect() as connection:
        assert stated(connection, "2023-06") == [{**world.statement("2023-06"), "as_of": ""}]


def test_a_statement_comes_out_again_for_its_as_of(store: Store) -> None:
    world = told()
    store.register(world)
    store.ingest(world)
    with database.connect() as connection:
        known = database.watermark(connection)
        before = stated(connection, "2023-06", known)
        late = World(tables=world.tables)
        late.session("s9", "C1-1", "2023-06-08 08:00", "2023-06-08 09:00", 10)
        store.ingest(late)
        world.tables["chargers"] = [{**world.tables["chargers"][0], "accepted_on": None}]
        store.register(world)
        assert stated(connection, "2023-06", known) == before
        (after,) = stated(connection, "2023-06")
    assert (after["build_yuan"], after["operating_yuan"]) == ("0.00", "13.11")


def test_money_issued_moves_by_one_line(store: Store) -> None:
    world = told()
    store.register(world)
    store.ingest(world)

    def issue(connection: psycopg.Connection, period: str, before: list[Any]) -> list[dict[str, Any]]:
        known = database.watermark(connection)
        return job.statement_body(connection, period=period, policy=POLICY, as_of=known, issued_before=before)

    with database.connect() as connection:
        june = issue(connection, "2023-06", [])
        assert june[0]["adjustments"] == []
        late = World(tables=world.tables)
        late.session("s9", "C1-1", "2023-06-08 08:00", "2023-06-08 09:00", 10)
        late.session("s1", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", "30.123", revision=1, void=True)
        store.ingest(late)
        july = issue(connection, "2023-07", [june])
        again = issue(connection, "2023-07", [june])
        august = issue(connection, "2023-08", [june, july])
    assert without_as_of(july) == without_as_of(again)
    (line,) = july[0]["adjustments"]
    assert (line["period"], line["subject"], line["amount"]) == ("2023-06", "operating/S1/2023-06", "-2.01")
    assert july[0]["total_yuan"] == "-2.01"
    assert august[0]["adjustments"] == []


def test_first_receipt_is_not_that_of_the_earliest_item(store: Store) -> None:
    """An early item can arrive late: the station is heard when the first message arrives, whatever it tells of."""
    world = World()
    world.charger(1, charger_id="C1", rated_kw_dc=60, heard=None)
    world.statuses += [
        ("A", "C1-1", local("2023-06-01 08:00"), local("2023-06-20 08:00")),
        ("A", "C1-1", local("2023-06-10 08:00"), local("2023-06-10 08:00")),
        ("A", "C1-1", local("2023-06-25 08:00"), local("2023-06-25 08:00")),
    ]
    world.tables["stations"] = [{**_station(), "valid_from": local("2023-06-12").date(), "name": "二"}, _station()]
    store.register(world)
    store.ingest(world)
    with database.connect() as connection:
        from registry import snapshot

        known = database.watermark(connection)
        loaded = facts.load(
            connection, snapshot.load(connection, known), POLICY, periods.parse("2023-07").end_day, known
        )
        long_before = facts.load(
            connection, snapshot.load(connection, known), POLICY, periods.parse("2023-07").end_day,
            known - timedelta(days=1),
        )  # fmt: skip
    (receipt,) = loaded.first_receipts.to_dict("records")
    assert receipt["received_us"] == int(local("2023-06-10 08:00").timestamp()) * 1_000_000
    (item,) = loaded.first_items.to_dict("records")
    assert (item["charger_id"], item["at_us"]) == (CHARGER["charger_id"], 1_685_577_600_000_000)
    assert long_before.first_items.empty
    assert long_before.first_receipts.empty


def _station() -> dict[str, Any]:
    from tests.subsidy_world import STATION

    return dict(STATION)
