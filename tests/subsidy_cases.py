"""Cases of the clauses as they stand in tests/spec/137-六/*.yaml, told as small worlds."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from tests.subsidy_world import OPERATOR, STATION, World

FOLDER = Path(__file__).parent / "spec" / "137-六"


def cases() -> list[dict[str, Any]]:
    """Every case of every file; none is an error."""
    found = [
        {**case, "file": path.stem}
        for path in sorted(FOLDER.glob("*.yaml"))
        for case in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    ]
    assert found, f"no cases in {FOLDER}"
    return found


def world(given: Mapping[str, Any]) -> World:
    """The world that a case gives."""
    told = World()
    for table, base in (("operators", OPERATOR), ("stations", STATION)):
        for row in given.get(table, []):
            told.add(table, base, **typed(row))
    for row in given.get("power_units", []):
        told.add("power_units", {"operator_id": "A", "station_id": "S1"}, **typed(row))
    for row in given.get("awards", []):
        told.add("awards", {"programme": "earlier", "awarded_on": date(2021, 6, 1)}, **typed(row))
    for row in map(dict, given.get("chargers", [])):
        count = int(row.pop("connectors", 1))
        rating = row.pop("connector_kw", None)
        heard = _none(row.pop("heard", "2023-06-01 08:00"))
        proven = _none(row.pop("proven", None if given.get("sessions") else "2023-06-02 10:00"))
        for number in range(1, int(row.pop("times", 1)) + 1):
            cells = typed(row)
            if "charger_id" in cells:
                cells["charger_id"] = cells["charger_id"].replace("#", f"{number:02d}")
            charger = told.charger(count, rating, heard, **cells)
            if proven is not None:
                told.prove(charger, proven)
    for row in map(dict, given.get("sessions", [])):
        connectors = row.pop("at")
        registers = row.pop("registers", "agree")
        told.session(
            row.pop("id"),
            connectors if isinstance(connectors, str) else tuple(connectors),
            row.pop("from"),
            row.pop("to"),
            row.pop("kwh"),
            registers=None if registers == "none" else registers,
            revision=int(row.pop("revision", 0)),
            void=row.pop("void", "no") == "yes",
            **row,
        )
    return told


_DAYS = ("_on", "_from", "_until")
_NUMBERS = ("rated_kw", "rated_kw_dc", "rated_kw_ac", "amount_yuan", "subsidised_kw")


def typed(row: Mapping[str, str]) -> dict[str, Any]:
    """A row's cells as the registry's import has them."""
    told: dict[str, Any] = {}
    for name, value in row.items():
        if value == "none":
            told[name] = None
        elif name.endswith(_DAYS):
            # a time with an offset is its day in the policy's time zone, as the registry's import has it
            told[name] = date.fromisoformat(value[:10])
        elif name in _NUMBERS:
            told[name] = Decimal(value)
        else:
            told[name] = {"yes": True, "no": False}.get(value, value) if name not in ("serial_no",) else value
    return told


def _none(value: Any) -> Any:
    return None if value == "none" else value
