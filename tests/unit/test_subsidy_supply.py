"""What the grid supplied and what is registered twice, as findings: which orders they touch, and what they hold."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from subsidy import policy
from subsidy.findings.identity import finding_id
from subsidy.findings.settled import Decision
from subsidy.policy import Policy
from tests.subsidy_world import OPERATOR, STATION, World, local

LAST = date(2023, 6, 30)
TEXT = (policy.FOLDER / "cn-wenzhou-2022-137.yaml").read_text(encoding="utf-8")


def billed(kwh: str) -> World:
    """Two stations on one account, four orders of 30 kWh in June, one of them without readings."""
    world = World()
    world.add("stations", STATION, grid_account="G-1")
    world.add("stations", STATION, station_id="S2", grid_account="g1")
    world.charger(charger_id="C1", rated_kw_dc=60)
    world.charger(charger_id="C2", rated_kw_dc=60, station_id="S2")
    world.session("s1", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", 30)
    world.session("s2", "C1-1", "2023-06-06 08:00", "2023-06-06 09:00", 30)
    world.session("s3", "C2-1", "2023-06-07 08:00", "2023-06-07 09:00", 30)
    world.session("s4", "C2-1", "2023-06-08 08:00", "2023-06-08 09:00", 30, registers=None)
    world.session("s5", "C1-1", "2023-07-01 08:00", "2023-07-01 09:00", 30)
    world.add(
        "grid_bills", {"operator_id": "A", "grid_account": "G1", "document": "B7"},
        **{"from": date(2023, 6, 1), "to": date(2023, 7, 1)}, energy_kwh=Decimal(kwh),
    )  # fmt: skip
    return world


def decided(world: World, rules: Policy) -> dict[str, tuple[str, ...]]:
    return {row.session_id: row.reasons for row in world.decide(LAST, rules).dispositions.itertuples()}


def test_all_orders_of_the_account_and_month_are_held() -> None:
    world = billed("79.999")
    found = decided(world, policy.load())
    assert {name for name, reasons in found.items() if "grid_bill_mismatch" in reasons} == {"s1", "s2", "s3"}
    assert found["s4"] == ("no_registers",), "what something else holds is neither counted nor held again"
    (one,) = [one for one in world.decide(LAST).findings if one.rule == "grid_bill_mismatch"]
    assert one.groups is not None
    (group,) = one.groups
    assert (group.operator_id, group.subject) == ("A", "G1/2023-06")
    assert one.says.format_map(group.values) == (
        "orders of 90 kWh in 2023-06, the grid supplied 79.999 kWh to account G1; all are held"
    )
    assert group.evidence == ({"what": "grid bill", "document": "B7"},)


def test_within_the_margin_none_is() -> None:
    assert decided(billed("80"), policy.load())["s1"] == ()


def test_a_bill_far_beyond_the_orders_is_noted() -> None:
    world = billed("500")
    due = world.decide(LAST)
    noted = {row.session_id for row in due.dispositions.itertuples() if "triangle_difference" in row.notes}
    assert noted == {"s1", "s2", "s3", "s4"}
    assert set(due.dispositions["disposition"]) == {"admitted", "held"}


def twice() -> World:
    """One meter at two operators' connectors from 10 June on."""
    world = World()
    for operator_id in ("A", "B"):
        world.add("operators", OPERATOR, operator_id=operator_id)
        world.add("stations", STATION, operator_id=operator_id)
        world.charger(operator_id=operator_id, charger_id="C1", rated_kw_dc=60)
        for day in (5, 15):
            name, start = f"{operator_id}{day}", f"2023-06-{day:02d} 0{8 + (operator_id == 'B')}:00"
            world.session(name, "C1-1", start, start.replace(":00", ":30"), 10 + day, operator=operator_id)
    meter = {"connector_id": "C1-1"}
    world.add("meters", meter, operator_id="A", meter_no="M 1")
    world.add("meters", meter, operator_id="B", meter_no="m1", installed_on=date(2023, 6, 10))
    return world


def test_a_meter_registered_twice_is_noted_from_the_first_day_together() -> None:
    orders = twice().decide(LAST).dispositions
    noted = {row.session_id for row in orders.itertuples() if "duplicate_meter" in row.notes}
    assert noted == {"A15", "B15"}
    assert set(orders["disposition"]) == {"admitted"}


def test_another_policy_holds_them(tmp_path: Path) -> None:
    text = TEXT.replace("duplicate_meter:\n    effect: note", "duplicate_meter:\n    effect: hold")
    path = tmp_path / "stricter.yaml"
    path.write_text(text, encoding="utf-8")
    assert text != TEXT
    found = decided(twice(), policy.load(str(path)))
    assert {name for name, reasons in found.items() if reasons == ("duplicate_meter",)} == {"A15", "B15"}


def test_a_finding_without_orders_is_still_there() -> None:
    world = twice()
    world.sessions.clear()
    found = {one.rule: one.count for one in world.decide(LAST).findings if one.count}
    assert found == {"duplicate_meter": 2}


def test_where_a_place_holds_the_award_is_held_until_the_finding_is_accepted(tmp_path: Path) -> None:
    world = World()
    at = {"longitude": Decimal("120.6"), "latitude": Decimal(28)}
    for operator_id in ("A", "B"):
        world.add("operators", OPERATOR, operator_id=operator_id)
        world.add("stations", STATION, operator_id=operator_id, **at)
        world.charger(operator_id=operator_id, charger_id="C1", rated_kw_dc=60)
    world.prove(world.tables["chargers"][0])
    (row,) = world.statement("2023-06")["build"]
    assert (row["disposition"], row["amount"]) == ("admitted", "12000.00")
    assert row["notes"][0] == "same_place: stands 0.000 m from charger C1 at station S1 of B (20 m or less)"
    path = tmp_path / "stricter.yaml"
    path.write_text(TEXT.replace("same_place:\n    effect: note", "same_place:\n    effect: hold"), encoding="utf-8")
    stricter = policy.load(str(path))
    (row,) = world.statement("2023-06", rules=stricter)["build"]
    assert (row["disposition"], row["amount"]) == ("held", "0.00")
    assert [reason["code"] for reason in row["reasons"]] == ["same_place"]
    due = world.decide(LAST, stricter)
    (found,) = [one for one in due.findings if one.rule == "same_place"]
    name = finding_id(found, 0, due.looked)
    seen = Decision(name, "same_place", "A", "C1", True, "inspector", "two chargers stand there", local("2023-07-01"))
    world.decisions.append(seen)
    (row,) = world.statement("2023-06", rules=stricter)["build"]
    assert (row["disposition"], row["amount"], row["reasons"]) == ("admitted", "12000.00", [])
