"""M1 to M6 and Q1 through the command line: registry tables and a capture file in, yuan out.

All examples are told in one store, each by an operator of its own.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.commands import Typed
from tests.subsidy_cases import cases, world
from tests.subsidy_world import OPERATOR, STATION, World

EXAMPLES = [case for case in cases() if case["file"] == "worked_examples"]


def city() -> World:
    """Every example's world, its operator A renamed to W00, W01 …"""
    all_of_them = World()
    for number, case in enumerate(EXAMPLES):
        name, told = f"W{number:02d}", world(case["given"])
        tables = {"operators": [OPERATOR], "stations": [STATION], **told.tables}
        for table, rows in tables.items():
            for row in rows:
                own = {"serial_no": f"{name}-{row['charger_id']}"} if table == "chargers" else {}
                all_of_them.add(table, row, operator_id=name, **own)
        all_of_them.statuses += [(name, *status[1:]) for status in told.statuses]
        all_of_them.sessions += [replace(one, operator_id=name) for one in told.sessions]
    return all_of_them


def test_worked_examples(typed: Typed, embedded_dsn: str, tmp_path: Path) -> None:
    told = city()
    imported = typed("registry", "import", told.write_registry(tmp_path / "registry"))
    assert imported.returncode == 0, imported
    ingested = typed("ingest", told.write_capture(tmp_path / "capture.ndjson"))
    assert ingested.returncode == 0, ingested
    statements: dict[str, list[dict[str, Any]]] = {}
    for number, case in enumerate(EXAMPLES):
        when = case["when"]
        if when not in statements:
            statements[when] = typed("subsidy", "statement", "--period", when, "--format", "json").json()
        holds(case, next(one for one in statements[when] if one["operator_id"] == f"W{number:02d}"))


def holds(case: dict[str, Any], statement: dict[str, Any]) -> None:
    expected, name = case["expected"], case["name"]
    for sum_name in ("build_yuan", "operating_yuan"):
        if sum_name in expected:
            assert statement[sum_name] == expected[sum_name], name
    for charger_id, due in expected.get("build", {}).items():
        row = next(row for row in statement["build"] if row["charger_id"] == charger_id)
        if isinstance(due, str):
            assert (row["eligible"], row["disposition"], row["amount"], row["reasons"]) == (
                True,
                "admitted",
                due,
                [],
            ), name
        else:
            assert (row["eligible"], row["disposition"], row["amount"]) == (False, "rejected", "0.00"), name
            assert [reason["code"] for reason in row["reasons"]] == due, name
            assert all(reason["clause"].startswith("137") and reason["text"] for reason in row["reasons"])
    dispositions = [due[0] for due in expected.get("sessions", {}).values()]
    if dispositions:
        (line,) = statement["operating"]
        assert line["sessions"] == len(dispositions), name
        for disposition in ("admitted", "held", "rejected"):
            assert (line[f"{disposition}_kwh"] != "0") == (disposition in dispositions), name
