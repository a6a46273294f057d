"""Documents and supervision as typed: the same bytes twice, rows that add up, nothing that commands its reader."""

import hashlib
import io
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from subsidy.numerals import capital
from tests.commands import Typed
from tests.subsidy_world import OPERATOR, STATION, World, local

AS_OF = ("--as-of", "2100-01-01T00:00:00Z")
JUNE = ("--period", "2023-06", *AS_OF)
JSON = ("--format", "json")
NASTY = "<script>=HYPERLINK(1)</script>"


def bill(session_id: str, start: str, kwh: float, seq: int, **fees: object) -> str:
    """An order of an hour at C1-1 with its bill, as a line of a capture file."""
    begun = local(start)
    end = begun + timedelta(hours=1)
    item = {
        "session_id": session_id, "connector_id": "C1-1", "start": begun.isoformat(), "end": end.isoformat(),
        "energy_kwh": kwh, "meter_start_kwh": 1000, "meter_end_kwh": 1000 + kwh, "vehicle": "car-1", **fees,
    }  # fmt: skip
    payload = {"schema": "ev.session/1", "msg_id": session_id, "boot_id": "fees", "seq": seq,
               "sent_at": end.isoformat(), "items": [item]}  # fmt: skip
    return json.dumps({"received_at": end.isoformat(), "topic": "ev/1/A/session", "payload": payload}) + "\n"


@pytest.fixture
def told(typed: Typed, embedded_dsn: str, tmp_path: Path) -> World:
    """A charger that is paid and one that is not; bills right and wrong; a meter that expired; a credit that lapsed."""
    world = World()
    world.add("operators", OPERATOR, name="甲公司")
    world.add("operators", OPERATOR, name="甲公司", valid_from=date(2023, 6, 20), credit_good=False)
    world.add("stations", STATION, name=NASTY)
    world.prove(world.charger(charger_id="C1", rated_kw_dc=60))
    world.charger(charger_id="C2", rated_kw_dc=60, accepted_on=None)
    world.add(
        "tariffs", {"operator_id": "A", "station_id": "S1", "valid_from": date(2023, 1, 1), "start_time": "00:00"},
        end_time="24:00", electricity_price=Decimal("1.0"), service_price=Decimal("0.5"),
    )  # fmt: skip
    world.add(
        "meters", {"operator_id": "A", "meter_no": "M1", "connector_id": "C1-1"},
        verified_from=date(2021, 6, 10), verified_until=date(2023, 6, 9),
    )  # fmt: skip
    world.session("late", "C1-1", "2023-06-21 08:00", "2023-06-21 09:00", "7.5")
    assert typed("registry", "import", world.write_registry(tmp_path / "registry")).returncode == 0
    capture = world.write_capture(tmp_path / "capture.ndjson")
    with capture.open("a", encoding="utf-8") as file:
        file.write(bill("fair", "2023-06-05 08:00", 10, 0, electricity_fee=10, service_fee=5, total_fee=15))
        file.write(bill("=dear", "2023-06-10 08:00", 10, 1, electricity_fee=12.5, service_fee=5, total_fee=17.5))
    assert typed("ingest", capture).returncode == 0
    return world


@pytest.mark.functional
def test_documents_of_a_statement_come_out_the_same_and_add_up(typed: Typed, told: World, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    files = typed("subsidy", "document", *JUNE, "--output", "one", *JSON).json()
    assert typed("subsidy", "document", *JUNE, "--output", "two").returncode == 0
    made = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert {Path(one["file"]).name: one["sha256"] for one in files} == {
        name: hashlib.sha256(content).hexdigest() for name, content in made.items()
    }
    assert sorted(made) == [
        f"subsidy-2023-06-A{ending}"
        for ending in ("-application.html", "-settlement.html", "-stages.json", ".xlsx")
    ]  # fmt: skip
    (statement,) = typed("subsidy", "statement", *JUNE, *JSON).json()

    book = openpyxl.load_workbook(io.BytesIO(made["subsidy-2023-06-A.xlsx"]))
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    header, *lines = book["订单"].iter_rows(values_only=True)
    names = [str(title).rsplit(" ", 1)[-1] for title in header]
    orders = {line[1]: dict(zip(names, line, strict=True)) for line in lines}
    assert set(orders) == {"=dear", "fair", "late", "proof-A-C1"}
    assert sum(Decimal(str(one["admitted_kwh"])) for one in orders.values()) == sum(
        Decimal(row["admitted_kwh"]) for row in statement["operating"]
    )
    fair = orders["fair"]
    assert (fair["connector_id"], fair["charger_id"], fair["rated_kw"], fair["duration_s"]) == ("C1-1", "C1", 60, 3600)
    assert (fair["meter_start_kwh"], fair["meter_end_kwh"], fair["energy_kwh"]) == (1000, 1010, 10)
    assert (fair["electricity_fee"], fair["service_fee"], fair["total_fee"]) == (10, 5, 15)
    assert (orders["late"]["disposition"], orders["late"]["admitted_kwh"]) == ("不予认可", 0)
    assert "运营商信用状况不良（137-四" in orders["late"]["reasons"]
    assert orders["proof-A-C1"]["electricity_fee"] is None

    stages = json.loads(made["subsidy-2023-06-A-stages.json"])
    assert Decimal(stages[0]["stages"]["payable"]) == Decimal(statement["total_yuan"])
    for name in ("application", "settlement"):
        page = made[f"subsidy-2023-06-A-{name}.html"].decode()
        assert capital(Decimal(statement["total_yuan"])) in page
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
    assert hashlib.sha256(made["subsidy-2023-06-A.xlsx"]).hexdigest() in page


@pytest.mark.functional
def test_supervision_sees_prices_meters_and_operators(typed: Typed, told: World) -> None:
    (dear,) = typed("subsidy", "prices", *JUNE, *JSON).json()
    assert (dear["session_id"], dear["vehicle"], dear["over_yuan"], dear["clause"]) == (
        "=dear",
        "car-1",
        "2.5",
        "137-八",
    )
    listed = typed(
        "subsidy", "findings", "list", "--rule", "price_above_tariff", "--period", "2023-06", *AS_OF, *JSON
    ).json()
    assert [(one["subject"], one["effect"], one["state"]) for one in listed] == [("=dear", "note", "open")]
    assert listed[0]["zh"] == "收取 17.5 元，按公示价应为 15 元（2023-01-01 起执行），多收 2.5 元"
    (car,) = typed("subsidy", "prices", *JUNE, "--by-vehicle", *JSON).json()
    assert (car["vehicle"], car["orders"], car["over_yuan"]) == ("car-1", 1, "2.5")
    assert typed("subsidy", "prices", "--period", "2023-05", *JSON).json() == []
    (meter,) = typed("subsidy", "meters", *JUNE, *JSON).json()
    assert (meter["meter_no"], meter["why"], meter["from"], meter["orders"]) == ("M1", "expired", "2023-06-10", 2)
    assert meter["energy_kwh"] == "17.5"
    (credit,) = typed("subsidy", "qualifications", *JUNE, *JSON).json()
    assert (credit["condition"], credit["from"], credit["until"], credit["lapsed"]) == (
        "operator_credit", "2023-06-20", None, True,
    )  # fmt: skip
    assert (credit["orders"], credit["energy_kwh"], credit["yuan"]) == (1, "7.5", "0.75")


@pytest.mark.functional
def test_bad_calls_are_refused(typed: Typed, embedded_dsn: str, tmp_path: Path) -> None:
    for arguments, words in (
        (("subsidy", "document", *JUNE, "--output", "nowhere"), "a folder that exists"),
        (("subsidy", "document", "--period", "June", "--output", "."), "is no period"),
        (("subsidy", "prices", "--period", "2023-06", "--as-of", "noon"), "--as-of"),
    ):
        done = typed(*arguments)
        assert done.returncode == 2
        assert words in done.stderr
