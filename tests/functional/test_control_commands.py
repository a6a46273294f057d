"""`subsidy policies`, `difference`, `identity` and `reconcile` as typed, over one store with something to find."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from subsidy.policy import FOLDER
from tests.commands import Typed
from tests.subsidy_world import OPERATOR, STATION, World

TEXT = (FOLDER / "cn-wenzhou-2022-137.yaml").read_text(encoding="utf-8")
AS_OF = ("--as-of", "2100-01-01T00:00:00Z", "--format", "json")


@pytest.fixture
def told(typed: Typed, embedded_dsn: str, tmp_path: Path) -> World:
    """Two operators seven metres apart with one serial number; a bill for half of what was charged."""
    world = World()
    world.add("operators", OPERATOR)
    world.add("operators", OPERATOR, operator_id="B")
    at = {"longitude": Decimal("120.6")}
    world.add("stations", STATION, grid_account="G1", latitude=Decimal("28"), **at)
    world.add("stations", STATION, operator_id="B", latitude=Decimal("28.00006"), **at)
    world.prove(world.charger(charger_id="C1", rated_kw_dc=60, serial_no="SN-1"))
    world.charger(operator_id="B", charger_id="D1", rated_kw_dc=60, serial_no="sn 1")
    world.session("s1", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", 40)
    bill = {"operator_id": "A", "grid_account": "G1", "from": date(2023, 6, 1), "to": date(2023, 7, 1)}
    world.add("grid_bills", bill, energy_kwh=Decimal(20))
    assert typed("registry", "import", world.write_registry(tmp_path / "registry")).returncode == 0
    assert typed("ingest", world.write_capture(tmp_path / "capture.ndjson")).returncode == 0
    # an import that writes another serial number over the first one
    world.tables["chargers"][1] = {**world.tables["chargers"][1], "serial_no": "SN-2"}
    assert typed("registry", "import", world.write_registry(tmp_path / "again")).returncode == 0
    return world


def test_what_the_rules_rest_on(typed: Typed, told: World, tmp_path: Path) -> None:
    found = typed("subsidy", "identity", *AS_OF).json()
    assert [(one["code"], one["operator_id"], one["id"], one["effect"]) for one in found] == [
        ("overwritten", "B", "D1", ""),
        ("same_place", "A", "C1", "note"),
        ("same_place", "B", "D1", "note"),
    ]
    assert found[1]["en"].startswith("stands 6.672 m from charger D1 at station S1 of B")
    assert found[1]["zh"].startswith("距 B 场站 S1")
    (written,) = typed("subsidy", "identity", "--code", "overwritten", *AS_OF).json()
    assert [row["serial_no"] for row in written["evidence"]] == ["sn 1", "SN-2"]

    (row,) = typed("subsidy", "reconcile", "--period", "2023-06", "--differing", *AS_OF).json()
    assert (row["orders_kwh"], row["meters_kwh"], row["grid_kwh"]) == ("41", None, "20")
    assert row["findings"] == ["grid_bill_mismatch"]
    assert typed("subsidy", "reconcile", "--period", "2023-06").returncode == 0

    cheaper, clash = tmp_path / "cheaper.yaml", tmp_path / "clash.yaml"
    cheaper.write_text(TEXT.replace("dc: {value: 200,", "dc: {value: 150,", 1), encoding="utf-8")
    call = ("subsidy", "difference", "--before", "cn-wenzhou-2022-137", "--after")
    (differs,) = typed(*call, cheaper, "--period", "2023-06", *AS_OF).json()
    assert [(one["path"], one["before"], one["after"]) for one in differs["rules"]] == [
        ("build.rates.dc", "200 yuan/kW", "150 yuan/kW")
    ]
    (line,) = differs["lines"]
    assert (line["subject"], line["before"], line["after"], line["difference"]) == (
        "build/C1", "12000.00", "9000.00", "-3000.00",
    )  # fmt: skip
    assert (line["issued"], line["rules"]) == (None, ["build.rates.dc"])
    table = typed(*call, cheaper, "--period", "2023-06")
    assert table.returncode == 0
    assert "Periods touched" in table.stdout

    listed = {one["policy"]: one for one in typed("subsidy", "policies", "--format", "json").json()}
    assert listed["cn-wenzhou-yueqing-example"]["follows"] == "cn-wenzhou-2022-137"

    clash.write_text(TEXT.replace("id: cn-wenzhou-2022-137", "id: another", 1), encoding="utf-8")
    for arguments, words in [
        ((*call, clash, "--period", "2023-06"), "its validity meets that of"),
        ((*call, cheaper), "its validity meets that of"),
        (("subsidy", "reconcile", "--period", "June"), "is no period"),
        (("subsidy", "identity", "--as-of", "today"), "a time with an offset"),
    ]:
        done = typed(*arguments)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
        assert words in done.stderr
    clash.unlink()
    nothing = typed(*call, cheaper)
    assert nothing.returncode == 2
    assert "nothing has been issued yet" in nothing.stderr
