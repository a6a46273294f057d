"""The worked examples of semantics.md 5 and 9, from registry tables and a capture file through the command line."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands import Typed
from tests.functional.worked import Capture, Registry, beijing, moment
from tests.generative.reference_availability import Heartbeat, Status
from tests.spec.cases import Case, read

FOLDER = Path(__file__).parent.parent / "spec" / "137-七"
WENZHOU = Path(__file__).parent.parent.parent / "uptime" / "profiles" / "cn-wenzhou-2022-137.yaml"
EXAMPLES = [case for case in read(FOLDER) if case.file == "worked_examples"]


def brought_in(typed: Typed, folder: Path, registry: Registry, capture: Capture) -> None:
    """Import the registry, ingest the capture; everything is stored."""
    imported = typed("registry", "import", registry.write(folder / "registry"))
    assert imported.returncode == 0, imported
    ingested = typed("ingest", capture.write(folder / "capture.ndjson"), "--format", "json")
    kinds = ingested.json()
    assert sum(kind["quarantined"] for kind in kinds) == 0, kinds
    sent = sum(len(line["payload"]["items"]) for line in capture.lines)
    assert sum(kind["stored"] for kind in kinds) == sent


def operator_of(case: Case) -> str:
    """Each example is an operator with one connector."""
    return f"W{EXAMPLES.index(case):02d}"


def play(case: Case, registry: Registry, capture: Capture) -> None:
    """An example of the specification as registry rows and messages."""
    operator_id = operator_of(case)
    registry.operator(operator_id)
    registry.station(operator_id)
    registry.charger(operator_id, "C1", "dc", 60)
    for number, one in enumerate(case.declarations):
        registry.add(
            "declarations", operator_id=operator_id, declaration_id=f"D{number}", scope="connector", scope_id="C1-1",
            cause=one.cause, start=moment(one.from_us).isoformat(), end=moment(one.to_us).isoformat(),
            filed_at=moment(one.filed_us).isoformat(), approved="yes" if one.approved else "no",
        )  # fmt: skip
    capture.heartbeats(operator_id, "C1-1", (moment(item.at_us) for item in case.items if isinstance(item, Heartbeat)))
    for item in case.items:
        if isinstance(item, Status):
            received = moment(item.receipt.received_us)
            capture.status(operator_id, "C1-1", moment(item.at_us), item.status, received)
        else:
            assert isinstance(item, Heartbeat), "not yet played"


def seconds(minutes: int) -> str:
    """As the contract writes them."""
    return f"{minutes * 60}.000000"


def expected_of(case: Case) -> dict[str, Any]:
    """What the example expects, in the words of the contract."""
    row: dict[str, Any] = {}
    for name, value in case.said["expected"].items():
        if name == "deducted_min":
            row["deducted_s"] = {cause: seconds(minutes) for cause, minutes in value.items()}
        elif name.endswith("_min"):
            row[f"{name[:-4]}_s"] = seconds(value)
        elif name != "intervals":
            row[name] = value
    return row


def crediting(folder: Path) -> Path:
    """A profile that is 137-七 but for crediting maintenance instead of deducting it."""
    profile = yaml.safe_load(WENZHOU.read_text(encoding="utf-8"))
    for cause in profile["causes"]:
        if cause["cause"] == "routine_maintenance":
            cause["effect"] = "credit"
    file = folder / "crediting.yaml"
    file.write_text(yaml.safe_dump({**profile, "id": "crediting"}, allow_unicode=True), encoding="utf-8")
    return file


@pytest.mark.usefixtures("dsn")
def test_availability(typed: Typed, tmp_path: Path) -> None:
    """W1 to W10."""
    assert {case.said["name"].split()[0] for case in EXAMPLES} == {f"W{n}" for n in (1, 2, 3, 4, 6, 7, 8, 9, 10)}
    registry, capture = Registry(), Capture()
    for case in EXAMPLES:
        play(case, registry, capture)
    brought_in(typed, tmp_path, registry, capture)

    profiles = {False: "cn-wenzhou-2022-137", True: str(crediting(tmp_path))}
    reports: dict[tuple[str, bool], dict[str, Any]] = {}
    found, expected = {}, {}
    for case in EXAMPLES:
        asked = (case.said["when"], "effects" in case.said)
        if asked not in reports:
            start, end = (day.split()[0] for day in asked[0].split(" to "))
            rows = typed(
                "uptime", "report", "--from", start, "--to", end, "--by", "connector", "--profile",
                profiles[asked[1]], "--format", "json",
            ).json()  # fmt: skip
            reports[asked] = {row["operator_id"]: row for row in rows}
        row, wanted = reports[asked][operator_of(case)], expected_of(case)
        got = {name: row[name] for name in wanted}
        if "deducted_s" in got:
            got["deducted_s"] = {cause: took for cause, took in row["deducted_s"].items() if took != "0.000000"}
        expected[case.said["name"]], found[case.said["name"]] = wanted, got
    assert found == expected


@pytest.mark.usefixtures("dsn")
def test_money(typed: Typed, tmp_path: Path) -> None:
    """M1 to M6 and Q1."""
    registry, capture = Registry(), Capture()

    def charger(operator_id: str, charger_id: str, kind: str, rated_kw: int, **more: object) -> None:
        registry.charger(operator_id, charger_id, kind, rated_kw, **more)

    def proves(operator_id: str, charger_id: str, end: str, energy_kwh: str = "5") -> str:
        return capture.order(operator_id, f"{charger_id}-1", beijing(end), energy_kwh)

    for name in ("M1", "M2", "M3", "M4", "M5", "M6", "Q1"):
        registry.operator(name)
        registry.station(name)

    charger("M1", "DC", "dc", 60)
    charger("M1", "AC", "ac", 7)
    for one in ("DC", "AC"):
        proves("M1", one, "2023-06-10 10:00")

    for name, rated_kw, terminals in (("M2", 480, 12), ("M6", 160, 3)):
        registry.add("power_units", operator_id=name, power_unit_id="U1", station_id="S1", rated_kw=rated_kw)
        for number in range(terminals):
            charger(name, f"T{number:02d}", "dc", 120, form="split", power_unit_id="U1")
            proves(name, f"T{number:02d}", "2023-06-10 10:00")

    window = {
        "before": ("2021-12-31T23:59:59+08:00", "2021-12-31"),
        "first": ("2022-01-01T00:00:00+08:00", "2022-01-01"),
        "last": ("2023-12-31T23:59:59+08:00", "2023-12-31"),
        "after": ("2024-01-01T00:00:00+08:00", "2023-12-31"),
    }
    for number, (one, (commissioned, completed)) in enumerate(window.items()):
        charger("M3", one, "dc", 60, commissioned_on=commissioned, completed_on=completed, accepted_on=completed)
        proves("M3", one, f"2023-12-31 {10 + number}:00")

    charger("M4", "C1", "dc", 120)
    register = "100"
    for day in range(1, 21):
        end = beijing(f"2023-06-{day:02d} 10:00")
        register = capture.order("M4", "C1-1", end, "60", register_kwh=register)
    capture.order("M4", "C1-1", beijing("2023-06-21 10:00"), "34.56", register_kwh=register)

    charger("M5", "C1", "dc", 60)
    charger("M5", "C2", "dc", 60)
    proves("M5", "C1", "2024-01-01 00:00:00", "20")
    proves("M5", "C2", "2024-01-01 00:00:01", "30")

    charger("Q1", "C1", "ac", 7)
    charger("Q1", "C2", "ac", 7)
    proves("Q1", "C1", "2023-06-10 10:00", "7.69")
    proves("Q1", "C2", "2023-06-10 10:00", "7.71")

    brought_in(typed, tmp_path, registry, capture)

    def statements(period: str) -> dict[str, Any]:
        said = typed("subsidy", "statement", "--period", period, "--format", "json").json()
        return {one["operator_id"]: one for one in said}

    year = statements("2023")
    built = {
        name: {row["charger_id"]: row["amount"] for row in year[name]["build"] if row["eligible"]} for name in year
    }
    assert built["M1"] == {"DC": "12000.00", "AC": "560.00"}
    assert year["M1"]["build_yuan"] == "12560.00"
    assert len(built["M2"]) == 12
    assert year["M2"]["build_yuan"] == "96000.00"
    assert set(built["M3"]) == {"first", "last"}
    assert sorted(built["M6"].values()) == ["10666.66", "10666.67", "10666.67"]
    assert year["M6"]["build_yuan"] == "32000.00"

    (june,) = year["M4"]["operating"]
    assert (june["month"], june["sessions"]) == ("2023-06", 21)
    assert Decimal(june["admitted_kwh"]) == Decimal("1234.56")
    assert june["amount"] == "123.46"

    (december,) = year["M5"]["operating"]
    assert (december["month"], Decimal(december["admitted_kwh"]), december["amount"]) == ("2023-12", 20, "2.00")
    (january,) = statements("2024-01")["M5"]["operating"]
    assert (Decimal(january["rejected_kwh"]), Decimal(january["admitted_kwh"])) == (30, 0)
    assert january["amount"] == "0.00"

    (q1,) = year["Q1"]["operating"]
    assert (Decimal(q1["admitted_kwh"]), Decimal(q1["held_kwh"])) == (Decimal("7.69"), Decimal("7.71"))
    for row in year["M3"]["build"]:
        if row["charger_id"] in ("before", "after"):
            assert not row["eligible"]
            assert row["amount"] == "0.00"
            assert row["reasons"], row
