"""A figure as it was known then, bit for bit, whatever came later; and what came later, input by input."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargewatch import database
from chargewatch.output import Format
from tests.functional.worked import Capture, Registry, beijing
from uptime import diff, settings
from uptime import profile as profiles

FROM, TO = date(2023, 6, 1), date(2023, 7, 1)
START, HOUR = beijing("2023-06-01 00:00"), timedelta(hours=1)
LEVELS = ("city", "district", "operator", "station", "charger", "connector")


class Store:
    """The store that CHARGEWATCH_DSN names, told one thing after another."""

    def __init__(self, folder: Path, explained: bool) -> None:
        self.folder, self.step = folder, 0
        self.explained = explained
        self.known: list[diff.Run] = []
        self.capture = Capture()

    def look(self) -> diff.Run:
        """June at every level, as known now; what was asked and answered is kept."""
        with database.connect() as connection:
            run = diff.Run(
                f"run {len(self.known)}", FROM, TO, LEVELS, profiles.load(), settings.load(),
                database.watermark(connection), everything=True,
            )  # fmt: skip
            self.known.append(replace(run, stated=run.computed(connection)))
        return self.known[-1]

    def register(self, registry: Registry) -> None:
        """Import these tables."""
        from registry.commands import import_
        from registry.tables import DEFAULT_TIME_ZONE

        self.step += 1
        import_(registry.write(self.folder / f"registry-{self.step}"), Format.json, DEFAULT_TIME_ZONE)

    def ingest(self) -> None:
        """Take in what the capture holds."""
        from collector.commands import ingest

        self.step += 1
        ingest([self.capture.write(self.folder / f"capture-{self.step}.ndjson")], Format.json)
        self.capture.lines.clear()

    def differences(self) -> diff.Differences:
        """Between the last two looks."""
        with database.connect() as connection:
            return diff.compute(connection, self.known[-2], self.known[-1], reproduce=False)


def declaration(approved: str = "yes", **more: object) -> Registry:
    """Maintenance of charger C2 on 10 June, filed the day before."""
    registry = Registry()
    registry.add(
        "declarations",
        **{
            "operator_id": "A", "declaration_id": "M1", "scope": "charger", "scope_id": "C2",
            "cause": "routine_maintenance", "start": beijing("2023-06-10 08:00").isoformat(),
            "end": beijing("2023-06-10 18:00").isoformat(), "filed_at": beijing("2023-06-09 09:00").isoformat(),
            "approved": approved, **more,
        },
    )  # fmt: skip
    return registry


def charger(charger_id: str, **more: object) -> Registry:
    """The row of one charger alone."""
    registry = Registry()
    registry.charger("A", charger_id, "dc", 60, **more)
    del registry.tables["connectors"]
    return registry


@pytest.fixture
def store(tmp_path: Path, dsn: str, request: pytest.FixtureRequest) -> Store:
    """Two chargers of operator A and one of B, heard of every twelve hours in June."""
    # What explains is the same on both; what is read as of then is not, and is looked at now and then.
    told = Store(tmp_path, explained="timescale" not in request.node.name)
    registry = Registry()
    for operator in ("A", "B"):
        registry.operator(operator, reporting_interval_min=720)
        registry.station(operator, "S1")
    registry.station("A", "S2", district="ouhai")
    for operator, charger_id in (("A", "C1"), ("A", "C2"), ("B", "C1")):
        registry.charger(operator, charger_id, "dc", 60)
    told.register(registry)
    for operator, connector in (("A", "C1-1"), ("A", "C2-1"), ("B", "C1-1")):
        told.capture.status(operator, connector, START, "available", START)
        told.capture.heartbeats(operator, connector, [START + nth * 12 * HOUR for nth in range(61)])
    # Offline on 5 June from 08:00 to 20:00, and an order in it that proves the contrary.
    for hour, status in ((8, "offline"), (20, "available")):
        at = beijing("2023-06-05 00:00") + hour * HOUR
        told.capture.status("A", "C1-1", at, status, at)
    told.capture.send("A", "session", [order()], beijing("2023-06-05 12:00"))
    told.ingest()
    told.look()
    return told


def order(**more: object) -> dict[str, Any]:
    """Ten kWh between 10:00 and 12:00 on 5 June, with registers."""
    return {
        "session_id": "s1", "connector_id": "C1-1", "start": beijing("2023-06-05 10:00").isoformat(),
        "end": beijing("2023-06-05 12:00").isoformat(), "energy_kwh": 10, "meter_start_kwh": 100,
        "meter_end_kwh": 110, **more,
    }  # fmt: skip


def test_every_knowledge_time_keeps_its_figure_and_every_input_its_name(store: Store) -> None:
    a = store.capture

    def step(connectors: list[str], moved: dict[str, str], others: int = 0, **said: object) -> None:
        """After something came in: the one input that is named."""
        if not store.explained and store.step % 3:
            return
        store.look()
        assert store.known[-1].stated != store.known[-2].stated
        if not store.explained:
            return
        found = store.differences()
        assert len(found.inputs) == 1, found.inputs
        (one,) = found.inputs
        assert one["connectors"] == connectors
        assert (one["alone_s"], one["left_out_s"]) == (moved, moved)
        assert found.without_effect == others
        assert {name: one.get(name) for name in said} == said
        assert found.figures
        assert all(row["inputs"] == [1] for row in found.figures), found.figures
        assert not any(row["operator_id"] == "B" for row in found.figures)

    def nothing(others: int) -> None:
        """After something came in that changes nothing."""
        if store.explained:
            store.look()
            found = store.differences()
            assert (found.figures, found.inputs, found.without_effect) == ([], [], others)

    # Late data: a fault of ten hours in messages of another start of the sender, among others that change nothing.
    for hour, status in ((0, "faulted"), (10, "available")):
        at = beijing("2023-06-20 06:00") + hour * HOUR
        a.send("A", "status", [{"connector_id": "C2-1", "at": at.isoformat(), "status": status}], at, "late")
    b = beijing("2023-06-20 07:00")
    a.send("B", "heartbeat", [{"connector_id": "C1-1", "at": b.isoformat()}], b, "late")
    store.ingest()
    moved = {"up": "-36000.000000", "down": "36000.000000"}
    step(["A C2-1"], moved, 1, input="status", operator_id="A", boot_id="late", items=2,
         first_at="2023-06-19T22:00:00Z")  # fmt: skip

    # A corrected order: its registers no longer prove it, so its two hours were offline.
    a.send("A", "session", [order(revision=1, meter_end_kwh=150)], beijing("2023-06-06 12:00"))
    store.ingest()
    moved = {"up": "-7200.000000", "down": "7200.000000"}
    step(["A C1-1"], moved, input="session", session_id="s1", items=1)

    # Taken back and told anew: nothing proves anything, nothing changes.
    a.send("A", "session", [order(revision=2, void=True)], beijing("2023-06-07 12:00"))
    store.ingest()
    nothing(1)

    # A declaration filed, withdrawn, and filed for another time.
    store.register(declaration())
    step(["A C2-1"], {"up": "-36000.000000", "deducted": "36000.000000"}, input="declaration", change="filed",
         key={"operator_id": "A", "declaration_id": "M1"})  # fmt: skip
    store.register(declaration(withdrawn_at=beijing("2023-06-12 00:00").isoformat()))
    step(
        ["A C2-1"], {"up": "36000.000000", "deducted": "-36000.000000"}, input="declaration", change="withdrawn",
        cells={"withdrawn_at": [None, "2023-06-12T00:00:00+08:00"]},
    )  # fmt: skip

    # A charger's date, a connector's charger, an operator's interval; a tariff and an award change nothing.
    store.register(charger("C1", retired_on="2023-06-29"))
    step(
        ["A C1-1"], {"up": "-172800.000000"}, input="registry", table="chargers", change="changed",
        cells={"retired_on": [None, "2023-06-29"]},
    )  # fmt: skip
    moved_connector = Registry()
    moved_connector.add(
        "connectors", operator_id="A", connector_id="C2-1", charger_id="C1", kind="dc", rated_kw=60,
        valid_from="2023-06-29",
    )  # fmt: skip
    store.register(moved_connector)
    step(["A C2-1"], {"up": "-172800.000000"}, input="registry", table="connectors", change="added")
    other = Registry()
    other.station("A", "S1", district="longwan")
    store.register(other)
    step(["A C1-1", "A C2-1"], {}, input="registry", table="stations", cells={"district": ["lucheng", "longwan"]})
    priced = Registry()
    priced.add("tariffs", operator_id="A", station_id="S1", valid_from="2023-06-01", start_time="00:00",
                end_time="24:00", electricity_price="1", service_price="0.5")  # fmt: skip
    priced.add("awards", serial_no="SNAC1", awarded_on="2022-05-01", programme="x", amount_yuan="1")
    store.register(priced)
    nothing(0)

    # Good news received late counts for nothing, until the message turns out to have been received in time.
    fixed = beijing("2023-06-20 08:00")
    late = fixed + timedelta(days=3)
    a.send("A", "status", [{"connector_id": "C2-1", "at": fixed.isoformat(), "status": "available"}], late, "later")
    store.ingest()
    nothing(1)
    a.send("A", "status", [{"connector_id": "C2-1", "at": fixed.isoformat(), "status": "available"}], fixed, "backup")
    store.ingest()
    moved = {"up": "28800.000000", "down": "-28800.000000"}
    step(["A C2-1"], moved, input="status", boot_id="backup", items=1, earlier_receipts=True)

    slower = Registry()
    slower.operator("A", reporting_interval_min=180)
    store.register(slower)
    step(["A C1-1", "A C2-1"], _moved(store), input="registry", table="operators",
         cells={"reporting_interval_min": ["720", "180"]})  # fmt: skip

    # Each run comes out as it was, bit for bit; the first against the last names every input at work.
    with database.connect() as connection:
        for run in store.known:
            assert json.dumps(run.computed(connection)) == json.dumps(run.stated), run.named
        if not store.explained:
            return
        whole = diff.compute(connection, store.known[0], store.known[-1])
    assert {(one["input"], one.get("table"), one.get("boot_id")) for one in whole.inputs} == {
        ("status", None, "late"), ("status", None, "backup"), ("session", None, "a"),
        ("registry", "chargers", None), ("registry", "connectors", None), ("registry", "stations", None),
        ("registry", "operators", None),
    }  # fmt: skip


def _moved(store: Store) -> dict[str, str]:
    """What the connectors of A gained and lost between the last look and now, from the report itself."""
    with database.connect() as connection:
        now = replace(store.known[-1], as_of=database.watermark(connection)).computed(connection)
    rows = [
        {(row["level"], row["operator_id"], row["id"]): row for row in rows}["operator", "A", "A"]
        for rows in (store.known[-1].stated or [], now)
    ]
    gained = {name: float(rows[1][f"{name}_s"]) - float(rows[0][f"{name}_s"]) for name in ("up", "unknown")}
    return {name: f"{value:.6f}" for name, value in gained.items()}
