"""The policy file: what it states, and how a wrong one is refused."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from chargewatch.errors import Refusal
from subsidy.clauses import Quantity
from subsidy.policy import FOLDER, UNITS, load

TEXT = (FOLDER / "cn-wenzhou-2022-137.yaml").read_text(encoding="utf-8")


def test_it_states_clause_six() -> None:
    policy = load()
    assert (policy.build.rates.dc.value, policy.build.rates.ac.value) == (200, 80)
    assert str(policy.operating.rate.value) == "0.10"
    assert (policy.build.window.first_day, policy.build.window.last_day) == (date(2022, 1, 1), date(2023, 12, 31))
    assert policy.districts.values == ("lucheng", "longwan", "ouhai", "dongtou", "marine_zone", "economic_zone")
    assert policy.findings.late_order.longer_than.value == Decimal(15)
    assert policy.statements.issued_after_days.value == 5
    assert len(policy.sha256) == 64


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("last_day: 2023-12-31", "last_day: 2023-02-30", ["validity.last_day", "2023-02-30"]),
        ("    last_day: 2023-12-31", "    last_day: 2023-02-30", ["build.window.last_day", "2023-02-30"]),
        ("    last_day: 2023-12-31", "    last_day: 2021-12-31", ["build.window", "before its first day"]),
        ("    last_day: 2023-12-31", "    last_day: 2024-01-01", ["build.window", "not within the validity"]),
        ("issued_on: 2022-09-22", "issued_on: 0202-09-22", ["0202-09-22", "a year from"]),
        ('share_of_energy: {value: "0.01"', "share_of_energy: {value: 1.01", ["share_of_energy", "beyond 1"]),
        ("values: [limited, joint_stock]", "values: [limitd]", ["operators.legal_forms", "limitd", "joint_stock"]),
        ("clause: 137-六\n  ours: Clause six", 'clause: ""\n  ours: Clause six', ["categories.clause"]),
        ("rule: half_up", "rule: half_even", ["rounding.rule", "half_even"]),
        ("unit: yuan/kW,", "unit: yuan/W,", ["build.rates.dc", "yuan/W", "yuan/kW"]),
        ('value: "0.10"', 'value: "-0.10"', ["operating.rate", "not greater than 0"]),
        ('value: "0.10"', "value: ten", ["operating.rate.value", "ten"]),
        ("effect: hold", "effect: holds", ["findings.overlap.effect", "holds"]),
        ("time_zone: Asia/Shanghai", "time_zone: Asia/Wenzhou", ["Asia/Wenzhou"]),
        ("revoked_award_counts: false", "revoked_award_counts: perhaps", ["revoked_award_counts", "perhaps"]),
        ("  not_public: {", "  unknown_code: {clause: x, text: x}\n  not_public: {", ["unknown_code"]),
        ("id: cn-wenzhou-2022-137", "id: cn-wenzhou-2022-137\nextra: 1", ["extra"]),
        ("id: cn-wenzhou-2022-137", "id: a\nid: b", ["stands twice"]),
        ("id: cn-wenzhou-2022-137", "id: [", ["YAML"]),
    ],
)
def test_a_wrong_file_is_refused_by_field(tmp_path: Path, right: str, wrong: str, words: list[str]) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(TEXT.replace(right, wrong, 1), encoding="utf-8")
    assert right in TEXT
    with pytest.raises(Refusal) as refused:
        load(str(path))
    assert str(path) in str(refused.value)
    for word in words:
        assert word in str(refused.value)


def quantities(value: object, path: str = "") -> dict[str, Quantity]:
    """Every quantity of a policy, by its path."""
    found: dict[str, Quantity] = {}
    for name in getattr(value, "__struct_fields__", ()):
        one, here = getattr(value, name), f"{path}.{name}".lstrip(".")
        found |= {here: one} if isinstance(one, Quantity) else quantities(one, here)
    return found


def test_the_unit_of_every_quantity_is_checked() -> None:
    assert set(quantities(load())) == set(UNITS)


def test_a_file_of_ones_own_is_another_policy(tmp_path: Path) -> None:
    path = tmp_path / "counties.yaml"
    path.write_text(TEXT.replace("economic_zone]", "economic_zone, yueqing]"), encoding="utf-8")
    assert "yueqing" in load(str(path)).districts.values
    assert load(str(path)).sha256 != load().sha256


def test_an_unknown_policy_names_the_known_ones() -> None:
    with pytest.raises(Refusal, match="cn-wenzhou-2022-137"):
        load("cn-nowhere")
