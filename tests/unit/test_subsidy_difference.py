"""A change of the rules: which statements differ, which lines move, and by which of them."""

from decimal import Decimal
from pathlib import Path

import pytest

from subsidy import policy
from subsidy.difference import by_period, differences, reasons
from subsidy.policy import Policy
from subsidy.policy_changes import changes, with_change
from tests.subsidy_world import POLICY, World

TEXT = (policy.FOLDER / "cn-wenzhou-2022-137.yaml").read_text(encoding="utf-8")


def changed(folder: Path, *pairs: tuple[str, str]) -> Policy:
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "changed.yaml"
    path.write_text(text, encoding="utf-8")
    return policy.load(str(path))


DC = ("dc: {value: 200,", "dc: {value: 150,")
RATE = ('value: "0.10", unit: yuan/kWh', 'value: "0.20", unit: yuan/kWh')


def test_changes_are_named_by_their_path(tmp_path: Path) -> None:
    after = changed(
        tmp_path, DC, ("values: [public]", "values: [public, dedicated]"), ("ours: Two orders", "ours: Any")
    )
    found = {change.path: change for change in changes(POLICY, after)}
    assert {path: (one.before, one.after) for path, one in found.items() if not one.words_only} == {
        "build.rates.dc": ("200 yuan/kW", "150 yuan/kW"),
        "categories": ("public", "public, dedicated"),
    }
    assert found["findings.overlap"].words_only
    assert found["build.rates.dc"].clause == "137-六"
    assert not changes(POLICY, POLICY)


def test_one_change_alone(tmp_path: Path) -> None:
    after = changed(tmp_path, DC, RATE)
    alone = with_change(POLICY, after, "build.rates.dc")
    assert alone is not None
    assert (alone.build.rates.dc.value, alone.operating.rate.value) == (150, Decimal("0.10"))


def test_changes_that_only_fit_together_are_not_taken_alone() -> None:
    later = policy.load("cn-wenzhou-2024-example")
    assert with_change(POLICY, later, "build.window") is None, "a window outside its validity"


def world() -> World:
    told = World()
    told.charger(charger_id="C1", rated_kw_dc=60)
    told.session("s1", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", "30.5")
    told.session("s2", "C1-1", "2023-06-05 08:30", "2023-06-05 09:30", 10)
    return told


def test_each_line_names_the_rule_that_moves_it(tmp_path: Path) -> None:
    overlap = ("longer_than: {value: 60,", "longer_than: {value: 6000,")
    after, told = changed(tmp_path, DC, overlap), world()
    before_body, after_body = [told.statement("2023-06")], [told.statement("2023-06", rules=after)]
    alone = {}
    for change in changes(POLICY, after):
        one = with_change(POLICY, after, change.path)
        assert one is not None
        alone[change.path] = [told.statement("2023-06", rules=one)]
    found = differences(before_body, after_body, alone, {("A", "2023-06", "build/C1"): Decimal("12000.00")})
    assert [(one.subject, one.before, one.after, one.issued, one.rules) for one in found] == [
        ("build/C1", Decimal("12000.00"), Decimal("9000.00"), Decimal("12000.00"), ("build.rates.dc",)),
        ("operating/S1/2023-06", Decimal("0.00"), Decimal("4.05"), None, ("findings.overlap",)),
    ]
    assert [one.yuan for one in found] == [Decimal(-3000), Decimal("4.05")]
    assert (found[0].why_before, found[0].why_after) == ("dc 60 kW × 200", "dc 60 kW × 150")
    assert found[1].why_after == "40.5 of 40.5 kWh × 0.10"
    (touched,) = by_period(found)
    assert (touched["period"], touched["operators"], touched["lines"]) == ("2023-06", 1, 2)
    assert touched["difference"] == Decimal("-2995.95")


def test_where_none_moves_it_alone_all_are_named(tmp_path: Path) -> None:
    told = world()
    told.tables["stations"] = [{**told.registry().tables["stations"].iloc[0].to_dict(), "district": "yueqing"}]
    before = [told.statement("2023-06")]
    other = changed(tmp_path, ("economic_zone]", "economic_zone, yueqing]"))
    found = differences(before, [told.statement("2023-06", rules=other)], {"a": before, "b": before}, {})
    assert [one.rules for one in found if one.subject == "build/C1"] == [("a", "b")]
    assert reasons(before)["A", "2023-06", "build/C1"] == "outside_scope"


@pytest.mark.parametrize("pairs", [(), (("title: 关于", "title: 再次关于"),)])
def test_words_move_nothing(tmp_path: Path, pairs: tuple[tuple[str, str], ...]) -> None:
    after, told = changed(tmp_path, *pairs), world()
    assert all(change.words_only for change in changes(POLICY, after))
    assert not differences([told.statement("2023-06")], [told.statement("2023-06", rules=after)], {}, {})
