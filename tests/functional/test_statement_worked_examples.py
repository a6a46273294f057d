"""M1 to M6 and Q1 through the command line: registry tables and a capture file in, yuan out."""

from pathlib import Path
from typing import Any

import pytest

from tests.commands import Command
from tests.subsidy_cases import cases, world

EXAMPLES = [case for case in cases() if case["file"] == "worked_examples"]


@pytest.mark.parametrize("case", EXAMPLES, ids=[case["name"] for case in EXAMPLES])
def test_worked_example(case: dict[str, Any], chargewatch: Command, embedded_dsn: str, tmp_path: Path) -> None:
    told = world(case["given"])
    imported = chargewatch("registry", "import", told.write_registry(tmp_path / "registry"))
    assert imported.returncode == 0, imported
    ingested = chargewatch("ingest", told.write_capture(tmp_path / "capture.ndjson"))
    assert ingested.returncode == 0, ingested
    (statement,) = chargewatch("subsidy", "statement", "--period", case["when"], "--format", "json").json()
    expected = case["expected"]
    for name in ("build_yuan", "operating_yuan"):
        if name in expected:
            assert statement[name] == expected[name]
    for charger_id, due in expected.get("build", {}).items():
        row = next(row for row in statement["build"] if row["charger_id"] == charger_id)
        if isinstance(due, str):
            assert (row["eligible"], row["disposition"], row["amount"], row["reasons"]) == (True, "admitted", due, [])
        else:
            assert (row["eligible"], row["disposition"], row["amount"]) == (False, "rejected", "0.00")
            assert [reason["code"] for reason in row["reasons"]] == due
            assert all(reason["clause"].startswith("137") and reason["text"] for reason in row["reasons"])
    for session_id, due in expected.get("sessions", {}).items():
        steps = chargewatch("subsidy", "explain", f"A/{session_id}", "--format", "json").json()
        assert next(step["value"] for step in steps if step["step"] == "disposition") == due[0]
        assert [step["value"] for step in steps if step["step"] == "reason"] == due[1:]
        assert all(len(one["sha256"]) == 64 for step in steps if step["step"] == "energy" for one in step["evidence"])
