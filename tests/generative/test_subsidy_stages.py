"""For random small cities the stages of every line come, exactly, to what the statement pays."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from test_subsidy_small_cities import worlds

from subsidy import periods, wording
from subsidy.adjustments import Adjustment
from subsidy.stages import STAGES, document, of_operator, sums
from tests.subsidy_world import World

ADJUSTED = [Adjustment("2023-05", "operating/S1/2023-05", Decimal("-1.37"), "late orders")]


def rated_yuan(row: dict[str, Any]) -> Decimal:
    """What a charger's rated output earns with every condition met and nothing taken away; the test's own reading."""
    dc, ac = (Decimal(row.get(name) or 0) * rate for name, rate in (("rated_kw_dc", 200), ("rated_kw_ac", 80)))
    dc, ac = dc.quantize(Decimal("0.01")), ac.quantize(Decimal("0.01"))
    if row["kind"] != "hybrid":
        return dc if row["kind"] == "dc" else ac
    return dc + ac if row["simultaneous"] else max(dc, ac)


@given(worlds(), st.sampled_from(["2023-05", "2023-06", "2023-07", "2023-Q2"]))
@settings(max_examples=15)
def test_stages_add_up_to_the_statement(world: World, name: str) -> None:
    period = periods.parse(name)
    due = world.decide(period.last_day)
    statement = wording.statement(due, period, "A", ADJUSTED, rehearsal=False, as_of="")
    lines = {line.subject: line for line in of_operator(due, period, "A", ADJUSTED)}
    told = {f"build/{row['charger_id']}": row["amount"] for row in statement["build"]}
    told |= {f"operating/{row['station_id']}/{row['month']}": row["amount"] for row in statement["operating"]}
    told |= {f"adjustments/{row['period']}/{row['subject']}": row["amount"] for row in statement["adjustments"]}
    assert {subject: line.payable for subject, line in lines.items()} == {
        subject: Decimal(amount) for subject, amount in told.items()
    }
    for line in lines.values():
        assert line.payable == sum((one.yuan for one in line.stages[:-1]), Decimal(0))
        for stage in line.stages:
            assert stage.yuan >= 0 or stage.name != "gross"
            assert stage.yuan <= 0 or stage.name not in ("conditions", "caps", "earlier_awards", "held"), stage
            assert not stage.yuan or stage.inputs or stage.name == "payable", stage
    total = sums(lines.values())
    assert total["payable"] == Decimal(statement["total_yuan"])
    assert sum((total[one] for one in STAGES[:-1]), Decimal(0)) == total["payable"]
    for row in statement["build"]:
        charger = world.in_force("chargers", due.awards.by_charger["A", row["charger_id"]].day if row["eligible"] else
                                 period.last_day, operator_id="A", charger_id=row["charger_id"])  # fmt: skip
        assert charger is not None
        assert lines[f"build/{row['charger_id']}"].stages[0].yuan == rated_yuan(charger)
    for row in statement["operating"]:
        gross, conditions, *_, held, _, _ = lines[f"operating/{row['station_id']}/{row['month']}"].stages
        kwh = [Decimal(row[name]) for name in ("energy_kwh", "rejected_kwh", "held_kwh")]
        assert [gross.yuan, -conditions.yuan, -held.yuan] == [one / 10 for one in kwh]


def test_each_stage_is_seen_to_take_something() -> None:
    world = World()
    world.add("power_units", {"operator_id": "A", "station_id": "S1", "power_unit_id": "P1", "rated_kw": Decimal(100)})
    for name in ("C1", "C2"):
        world.prove(world.charger(charger_id=name, rated_kw_dc=120, power_unit_id="P1"))
    world.prove(world.charger(charger_id="C3", rated_kw_dc=60, replaces_serial_no="OLD"))
    world.prove(world.charger(charger_id="C4", rated_kw_dc=60, serial_no="PAID"))
    world.charger(charger_id="C5", rated_kw_dc=60)
    paid = {"programme": "earlier", "awarded_on": date(2020, 1, 1), "amount_yuan": Decimal(5000)}
    world.add("awards", paid, serial_no="OLD")
    world.add("awards", paid, serial_no="PAID")
    world.session("held", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", "9.99", registers=None)
    world.session("void", "C1-1", "2023-06-06 08:00", "2023-06-06 09:00", "5", void=True)
    due = world.decide(date(2023, 6, 30))
    (told,) = document(due, periods.parse("2023-06"), ["A"], {}, rehearsal=False, as_of="")
    lines = {
        line["subject"]: {one["stage"]: (one["yuan"], one["inputs"]) for one in line["stages"]}
        for line in told["lines"]
    }
    assert lines["build/C1"]["gross"][0] == "24000"
    assert lines["build/C1"]["caps"] == ("-14000", {"power_unit": "P1", "share_yuan": "10000.00"})
    assert lines["build/C3"]["earlier_awards"] == ("-5000", {"replaces": "OLD", "paid_yuan": "5000.00"})
    assert lines["build/C3"]["payable"][0] == "7000"
    assert lines["build/C4"]["earlier_awards"][0] == "-12000"
    assert "no_proven_session" in lines["build/C5"]["conditions"][1]["reasons"]
    line = lines["operating/S1/2023-06"]
    assert line["held"] == ("-0.999", {"held_kwh": "9.99", "yuan_per_kwh": "0.1", "no_registers": "1"})
    assert line["conditions"] == ("-0.5", {"rejected_kwh": "5", "yuan_per_kwh": "0.1", "void": "1"})
    assert Decimal(line["payable"][0]) == Decimal(str(line["rounding"][1]["admitted_kwh"])) / 10 + Decimal(
        line["rounding"][0]
    )
