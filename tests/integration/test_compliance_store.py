"""Compliance work out of the store: an order's life, a sample drawn again, and visits beside what was believed then."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chargewatch import database
from chargewatch.errors import CheckFailed, Refusal
from chargewatch.output import Format
from collector.commands import ingest
from compliance import drawing, inspecting, order_commands, ordering, rules, sample_commands
from registry.commands import import_
from registry.tables import DEFAULT_TIME_ZONE
from scheduler.jobs import JOBS, issue_reports
from scheduler.running import run_job
from tests.functional.worked import Capture, Registry, beijing

JOB = {job.name: job for job in JOBS}
START = beijing("2023-06-01 00:00")
RULES = rules.load()
OPERATORS = {"A": 2, "B": 3, "C": 1}


class City:
    """A rehearsal whose clock runs as far as messages were sent."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.capture, self.step = folder, Capture(), 0
        registry = Registry()
        for operator, connectors in OPERATORS.items():
            registry.operator(operator, reporting_interval_min=1440)
            registry.station(operator)
            for nth in range(1, connectors + 1):
                registry.charger(operator, f"C{nth}", "dc", 60)
        import_(registry.write(folder / "registry"), Format.json, DEFAULT_TIME_ZONE)

    def say(self, operator: str, connector: str, at: str, status: str) -> None:
        moment = beijing(at)
        self.capture.status(operator, connector, moment, status, moment)

    def alive(self, first: int, last: int) -> None:
        days = [START + timedelta(days=nth) for nth in range(first, last)]
        for operator, connectors in OPERATORS.items():
            for nth in range(1, connectors + 1):
                self.capture.heartbeats(operator, f"C{nth}-1", days)

    def sent(self) -> None:
        self.step += 1
        ingest([self.capture.write(self.folder / f"capture-{self.step}.ndjson")], Format.json)
        self.capture.lines.clear()


@pytest.fixture
def city(embedded_rehearsal_dsn: str, tmp_path: Path) -> City:
    """June: A and C out of order for half of it, C for longer; known until 7 July."""
    told = City(tmp_path)
    for operator, connectors in OPERATORS.items():
        for nth in range(1, connectors + 1):
            told.say(operator, f"C{nth}-1", "2023-06-01 00:00", "available")
    for connector in ("C1-1", "C2-1"):
        told.say("A", connector, "2023-06-10 00:00", "faulted")
        told.say("A", connector, "2023-06-25 00:00", "available")
    told.say("C", "C1-1", "2023-06-10 00:00", "faulted")
    told.alive(0, 37)
    told.sent()
    return told


def test_an_order_is_issued_once_and_closed_or_escalated_by_its_own_window(
    city: City, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.connect() as connection:
        issue_reports(connection)
        issued = ordering.issue(connection, subject="2023-06", who="Office", rules=RULES)
        assert [(one["operator_id"], one["state"], one["breach_ratio"]) for one in issued] == [
            ("A", "open", "0.50000000"),
            ("C", "open", "0.30000000"),
        ]
        assert (issued[0]["due_on"], issued[0]["window_end"], issued[0]["measurable_on"]) == (
            "2023-08-07", "2023-09-06", "2023-09-11",
        )  # fmt: skip
        assert ordering.issue(connection, subject="2023-06", who="Office", rules=RULES) == []
        waiting = ordering.remeasure(connection, who="Office")
        assert [(one["state"], one["verdict"]) for one in waiting] == [("open", None)] * 2
        with pytest.raises(Refusal, match="no availability of 2023-05"):
            ordering.issue(connection, subject="2023-05", who="Office", rules=RULES)

        # A works since; C stays out of order. Nothing is decided before the window's figure is settled.
        city.alive(37, 102)
        city.sent()
        assert [one["verdict"] for one in ordering.remeasure(connection, who="Office")] == [None, None]
        assert run_job(JOB["orders"]).said == "none is due; 2 wait for the end of their windows"
        city.alive(102, 103)
        city.sent()
        ran = run_job(JOB["orders"])
        assert (ran.outcome, ran.said) == ("done", "1 closed, 1 escalated; 0 wait for the end of their windows")
        done = [(one, ordering.steps(connection, one["order"])[-1]["evidence"]) for one in ordering.listed(connection)]
        assert [(one["operator_id"], one["state"], on["ratio"]) for one, on in done] == [
            ("A", "closed", "1.00000000"),
            ("C", "escalated", "0.00000000"),
        ]
        assert ordering.remeasure(connection, who="Office") == []
        first = ordering.steps(connection, 1)
        assert [(one["step"], one["event"], one["recorded_by"]) for one in first] == [
            (1, "issued", "Office"), (2, "rectified", "scheduler"),
        ]  # fmt: skip
        assert (first[1]["evidence"]["from"], first[1]["evidence"]["to"]) == ("2023-08-07", "2023-09-06")

        with pytest.raises(Refusal, match="cannot be settled"):
            ordering.decide(connection, order=1, event="settled", who="Chen", reason="for fun")
        with pytest.raises(Refusal, match="no reason"):
            ordering.decide(connection, order=2, event="settled", who="Chen", reason=" ")
        order_commands.decide(2, order_commands.Decision.settled, reason="charger taken down", who="Chen")
        capsys.readouterr()
        order_commands.show(2, format=Format.csv)
        assert "3,settled,closed,2023-09-10T16:00:00Z,Chen,charger taken down," in capsys.readouterr().out
        order_commands.show(state=order_commands.State.closed, format=Format.json)
        assert [one["order"] for one in json.loads(capsys.readouterr().out)] == [1, 2]
        for table in ("compliance_order", "compliance_step"):
            with pytest.raises(psycopg.errors.IntegrityError, match="never changed"):
                connection.execute(f"DELETE FROM {table}".encode())


def test_an_order_is_withdrawn_when_a_later_record_shows_no_breach(city: City) -> None:
    with database.connect() as connection:
        issue_reports(connection)
        ordering.issue(connection, subject="2023-06", who="Office", rules=RULES)
        # The commission turns A's charger C2 and C1 out of the registry's public stations: they were never bound.
        registry = Registry()
        registry.station("A", category="self_use", open_to_public="no")
        import_(registry.write(city.folder / "changed"), Format.json, DEFAULT_TIME_ZONE)
        city.alive(37, 38)
        city.sent()
        assert "superseded" in issue_reports(connection)
        (lifted,) = ordering.issue(connection, subject="2023-06", who="Office", rules=RULES)
        assert (lifted["operator_id"], lifted["state"], lifted["event"]) == ("A", "withdrawn", "breach_lifted")
        assert ordering.steps(connection, 1)[-1]["evidence"] == {"record": 2, "row": None}
        assert ordering.issue(connection, subject="2023-06", who="Office", rules=RULES) == []


def draw(connection: psycopg.Connection, **more: Any) -> int:
    wanted: dict[str, Any] = {
        "design": "risk", "first_day": date(2023, 6, 1), "last_day": date(2023, 7, 1), "count": 3, "seed": "137",
        "who": "Office", "rules": RULES, "as_of": database.watermark(connection), **more,
    }  # fmt: skip
    return drawing.draw_sample(connection, **wanted)


def test_a_sample_is_kept_with_all_that_draws_it_again(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    with database.connect() as connection:
        number = draw(connection)
        (kept,) = drawing.samples(connection)
        units = drawing.units(connection, number)
        assert (kept["sample"], kept["connectors"], kept["drawn"], kept["seed"]) == (number, 6, 3, "137")
        assert len(units) == 3
        sizes = {(one["operator_id"], one["size"]) for one in units}
        assert sizes <= {("A", 700_000), ("B", 200_000), ("C", 900_000)}  # floor, and share of June out of order
        # Three of six; C would have 3 x 0.9 / 2.9 of a chance, which is less than one.
        known = {"A": "21/29", "B": "6/29", "C": "27/29"}
        assert all(one["probability"] == known[one["operator_id"]] for one in units)
        # What comes later does not change what was drawn.
        city.capture.status("B", "C1-1", beijing("2023-06-20 00:00"), "faulted", beijing("2023-07-08 00:00"))
        city.alive(37, 38)
        city.sent()
        sample_commands.show(number, verify=True)
        said = capsys.readouterr()
        assert "drawn again" in said.err
        assert f"Sample {number}: 3 of 6 connectors by risk, seed 137, frame" in said.out
        assert "REHEARSAL" in said.out
        everybody = drawing.whole_frame(connection, number)
        assert [(one["operator_id"], one["probability"]) for one in everybody] == [
            ("A", "21/29"), ("A", "21/29"), ("B", "6/29"), ("B", "6/29"), ("B", "6/29"), ("C", "27/29"),
        ]  # fmt: skip
        assert [one["connector_id"] for one in everybody if one["drawn"]] == [one["connector_id"] for one in units]
        equal = drawing.units(connection, draw(connection, design="equal", count=6, seed=None))
        assert {one["probability"] for one in equal} == {"1"}
        assert not drawing.samples(connection)[-1]["seed_given"]
        with pytest.raises(psycopg.errors.IntegrityError, match="never changed"):
            connection.execute("UPDATE compliance_sample_unit SET size = 1")
        connection.execute("ALTER TABLE compliance_sample DISABLE TRIGGER USER")
        connection.execute("UPDATE compliance_sample SET seed = '138' WHERE sample_id = %s", [number])
        with pytest.raises(CheckFailed, match="other connectors"):
            drawing.verify(connection, number)
        with pytest.raises(Refusal, match="a sample of 7 out of 6"):
            draw(connection, design="equal", count=7)
        with pytest.raises(Refusal, match="lies in the future"):
            draw(connection, as_of=beijing("2024-01-01 00:00"))


def test_a_visit_stands_beside_what_was_believed_at_that_instant(city: City) -> None:
    with database.connect() as connection:
        number = draw(connection, design="equal", count=6)
        city.say("B", "C2-1", "2023-07-08 00:00", "faulted")
        city.alive(37, 41)
        city.sent()

        def visit(operator: str, connector: str, at: str, result: str, **more: Any) -> dict[str, Any]:
            wanted: dict[str, Any] = {"energy_kwh": None, "photo": "IMG_1", "note": "", "who": "Chen", **more}
            return inspecting.record(
                connection, operator_id=operator, connector_id=connector, at=beijing(at), result=result,
                **{"sample": number, **wanted},
            )  # fmt: skip

        kwh = Decimal("1.80")
        first = visit("A", "C1-1", "2023-07-09 10:00", "charged", energy_kwh=kwh)
        assert (first["state"], first["status"], first["energy_kwh"]) == ("serving", "available", "1.80")
        false_idle = visit("A", "C2-1", "2023-07-09 10:20", "failed")
        assert (false_idle["state"], false_idle["counts"]) == ("serving", True)
        visit("C", "C1-1", "2023-07-09 11:00", "failed")
        fault = visit("B", "C2-1", "2023-07-09 12:00", "charged", energy_kwh=kwh)
        assert (fault["state"], fault["status"]) == ("faulted", "faulted")
        visit("B", "C1-1", "2023-07-09 12:30", "charged", energy_kwh=kwh)
        untested = visit("B", "C3-1", "2023-07-09 12:40", "untested", note="the gate was shut")
        assert untested["result"] == "untested"

        shares = {row["figure"]: row["share"] for row in inspecting.estimated(connection, number)}
        assert shares["works"] == "0.600000"  # everybody was drawn: three of five, and the platform was wrong twice
        assert (shares["platform wrong"], shares["works, untested counted as failing"]) == ("0.400000", "0.500000")
        # The first time it was tried counts; a record that was wrong is corrected, not changed.
        visit("A", "C2-1", "2023-07-09 15:00", "charged", energy_kwh=kwh)
        assert inspecting.estimated(connection, number)[0]["share"] == "0.600000"
        visit("A", "C2-1", "2023-07-09 10:20", "charged", energy_kwh=kwh, corrects=false_idle["visit"], note="typo")
        assert inspecting.estimated(connection, number)[0]["share"] == "0.800000"
        assert not inspecting.visits(connection, number)[1]["counts"]

        # What the platform hears later does not change what it believed.
        late = beijing("2023-07-09 10:00") - timedelta(hours=1)
        city.capture.status("A", "C1-1", late, "faulted", beijing("2023-07-11 13:00"))
        city.sent()
        again = visit("A", "C1-1", "2023-07-09 10:00", "charged", energy_kwh=kwh)
        assert again["state"] == "serving"

        for wrong, why in (
            ({"result": "charged"}, "with an energy of None"),
            ({"result": "failed", "energy_kwh": kwh}, "though 1.80 kWh"),
            ({"result": "untested"}, "without a reason"),
            ({"result": "failed", "at": "2024-01-01 00:00"}, "in the future"),
            ({"result": "failed", "at": "2023-06-20 00:00"}, "before sample"),
            ({"result": "failed", "corrects": first["visit"]}, "not one of this connector"),
            ({"result": "failed", "connector": "C9-1"}, "no connector 'C9-1'"),
        ):
            with pytest.raises(Refusal, match=why):
                visit(**{"operator": "B", "connector": "C1-1", "at": "2023-07-09 16:00", **wrong})
        small = draw(connection, design="equal", count=1, as_of=beijing("2023-07-05 00:00"))
        outside = next(
            (operator, f"C{nth}-1")
            for operator, connectors in OPERATORS.items()
            for nth in range(1, connectors + 1)
            if (operator, f"C{nth}-1") != tuple(drawing.units(connection, small)[0].values())[1:3]
        )
        city.alive(41, 45)
        city.sent()
        with pytest.raises(Refusal, match="does not hold connector"):
            visit(*outside, "2023-07-13 10:00", "failed", sample=small)
