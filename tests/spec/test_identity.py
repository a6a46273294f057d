"""Identities, case by case: what is registered twice, and what became of equipment."""

import math
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry.contents import Registry
from subsidy.identity.holdings import Registered
from subsidy.identity.judgements import FOUND, Judgement, judge
from subsidy.identity.words import LIVES, worded
from subsidy.versions import Versions, rows
from tests.subsidy_world import POLICY

FOLDER = Path(__file__).parent / "identity"
CASES: list[dict[str, Any]] = [
    case
    for path in sorted(FOLDER.glob("*.yaml"))
    for case in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
]
METRE = Decimal(repr(180 / (math.pi * 6_371_008.8)))
"""A metre of latitude, degrees."""
BASE: dict[str, dict[str, Any]] = {
    "stations": {"operator_id": "A", "station_id": "S1"},
    "chargers": {
        "operator_id": "A", "station_id": "S1", "kind": "dc", "rated_kw_dc": Decimal(60),
        "commissioned_on": date(2022, 6, 1),
    },
    "connectors": {"operator_id": "A", "kind": "dc", "rated_kw": Decimal(60)},
    "meters": {"operator_id": "A"},
    "awards": {},
    "former": {},
}  # fmt: skip


def row(table: str, given: dict[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = dict(BASE[table])
    for name, value in given.items():
        if name == "north_m":
            told |= {"longitude": Decimal("120.6"), "latitude": 28 + Decimal(value) * METRE}
        elif name.endswith(("_on", "_from")):
            told[name] = date.fromisoformat(value)
        else:
            told[name] = Decimal(value) if name == "amount_yuan" else value
    if table in ("chargers", "former"):
        told.setdefault("serial_no", f"{told.get('operator_id')}-{told['charger_id']}")
    return told


def judged(given: dict[str, list[dict[str, str]]]) -> list[Judgement]:
    tables = {name: [row(name, one) for one in given.get(name, [])] for name in BASE}
    # a connector for every meter, at the charger that its id begins with
    named = {(one["operator_id"], one["connector_id"]) for one in tables["connectors"]}
    for one in tables["meters"]:
        if (one["operator_id"], one["connector_id"]) not in named:
            charger_id = one["connector_id"].partition("-")[0]
            tables["connectors"].append({**BASE["connectors"], **one, "charger_id": charger_id})
    former = [{**BASE["chargers"], "valid_from": None, **one} for one in tables.pop("former")]
    registry = Registry.of(tables).tables
    registered = Registered(
        Versions(registry["chargers"], "operator_id", "charger_id"),
        Versions(registry["connectors"], "operator_id", "connector_id"),
        Versions(registry["stations"], "operator_id", "station_id"),
        tuple(rows(registry["meters"])),
    )
    return judge(registered, rows(registry["awards"]), former, POLICY)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_137_10(case: dict[str, Any]) -> None:
    found = judged(case["given"])
    assert [[one.code, one.operator_id, one.id] for one in found] == case["expected"]
    for one in found:
        zh, en = worded(one, POLICY)
        assert zh
        assert en
        assert "{" not in zh + en
        assert one.evidence


def test_every_judgement_has_a_case() -> None:
    seen = {code for case in CASES for code, _, _ in case["expected"]}
    assert seen == {*FOUND, *LIVES}
