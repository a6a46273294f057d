"""Orders, meters and the grid's bill, case by case, with a pair at each margin."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from registry.contents import Registry
from subsidy.triangle.balance import Balance
from subsidy.triangle.judgement import balances
from tests.subsidy_world import POLICY

FOLDER = Path(__file__).parent / "triangle"
CASES: list[dict[str, Any]] = [
    case
    for path in sorted(FOLDER.glob("*.yaml"))
    for case in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
]


def balanced(given: dict[str, Any]) -> Balance:
    accounts = given.get("accounts", {"S1": "G1"})
    told = [(name, kwh, False) for name, kwh in given["orders"].items()]
    told += [(name, kwh, True) for name, kwh in given.get("held", {}).items()]
    meters = [
        {
            "operator_id": "A", "station_id": name, "month": "2023-06", "orders": 1, "samples": 2,
            "advance_kwh": Decimal(kwh), "entering_kwh": Decimal(0),
        }
        for name, kwh in given.get("meters", {}).items()
    ]  # fmt: skip
    tables = Registry.of(
        {
            "stations": [{"operator_id": "A", "station_id": name, "grid_account": of} for name, of in accounts.items()],
            "grid_bills": [
                {
                    "operator_id": "A" if nth == 0 else "B", "grid_account": account, "from": date.fromisoformat(first),
                    "to": date.fromisoformat(end), "energy_kwh": Decimal(kwh),
                }
                for nth, (account, first, end, kwh) in enumerate(given.get("bills", []))
            ],
        }
    ).tables  # fmt: skip
    (found,) = balances(
        [Decimal(kwh) for _, kwh, _ in told],
        [(("A", name), "2023-06") for name, _, _ in told],
        np.ones(len(told), dtype=np.bool_),
        np.array([held for _, _, held in told], dtype=np.bool_),
        tables,
        POLICY,
        pd.DataFrame(meters) if meters else None,
    )
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_137_6(case: dict[str, Any]) -> None:
    found = balanced(case["given"])
    seen = {
        "beyond_grid": "yes" if found.beyond_supply else "no",
        "bill": found.supply.state,
        "supply": format(found.supply.kwh, "f") if found.supply.kwh is not None else "",
        "stations": str(len(found.stations)),
        "differ": [one.rpartition(", ")[0].rpartition(" ")[0].rpartition(" ")[0] for one in found.differences],
    }
    assert {name: seen[name] for name in case["expected"]} == case["expected"]
