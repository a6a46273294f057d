"""The running month of an operator, as typed."""

from datetime import timedelta
from pathlib import Path

from tests.commands import Typed
from tests.functional.worked import Capture, Registry, beijing

START = beijing("2023-06-01 00:00")
DAY = 86_400


def test_what_may_still_be_lost_and_what_cost_most(embedded_rehearsal_dsn: str, tmp_path: Path, typed: Typed) -> None:
    registry, capture = Registry(), Capture()
    for operator in ("A", "B"):
        registry.operator(operator, reporting_interval_min=720)
        registry.station(operator)
        registry.charger(operator, "C1", "dc", 60)
    registry.charger("A", "C2", "dc", 60)
    for day, connector, status in ((0, "C1-1", "available"), (0, "C2-1", "available"), (2, "C1-1", "faulted"),
                                   (3, "C1-1", "available")):  # fmt: skip
        at = START + timedelta(days=day)
        capture.status("A", connector, at, status, at)
    signs = [START + timedelta(hours=12 * nth) for nth in range(31)]  # to 16 June
    capture.heartbeats("A", "C1-1", signs)
    capture.heartbeats("A", "C2-1", signs[:8])  # to noon of the 4th: silent from noon of the 5th
    capture.lines.sort(key=lambda line: line["received_at"])
    assert typed("registry", "import", registry.write(tmp_path / "tables")).returncode == 0
    assert typed("ingest", capture.write(tmp_path / "june.ndjson")).returncode == 0

    found = typed("uptime", "running", "--operator", "A", "--format", "json").json()
    assert (found["from"], found["to"], found["as_of"]) == ("2023-06-01", "2023-07-01", "2023-06-15T16:00:00Z")
    assert found["rehearsal"] is True
    rows = {row["id"]: row for row in found["figures"]}
    assert list(rows) == ["A", "C1-1", "C2-1"]
    one, two = rows["C1-1"], rows["C2-1"]
    assert (one["down_s"], one["unknown_s"], one["rest_s"]) == (f"{DAY}.000000", "0.000000", f"{15 * DAY}.000000")
    assert (one["may_lose_s"], one["outlook"]) == (f"{2 * DAY}.000000", "open")  # three days of thirty, less one
    unknown = 10 * DAY + DAY // 2
    assert (two["unknown_s"], two["may_lose_s"]) == (f"{unknown}.000000", f"{3 * DAY - unknown}.000000")
    assert (two["outlook"], two["may_lose_if_proven_s"]) == ("fails_unless_proven", f"{3 * DAY}.000000")
    assert rows["A"]["down_s"] == f"{DAY}.000000"
    assert [(one["connector_id"], one["lasts"], one["lost_s"]) for one in found["outages"]] == [
        ("C2-1", True, f"{unknown}.000000"),
        ("C1-1", False, f"{DAY}.000000"),
    ]
    shown = typed("uptime", "running", "--operator", "A", "--outages", "1")
    assert shown.returncode == 0
    assert "fails_unless_proven" in shown.stdout
    assert typed("uptime", "running", "--operator", "X").returncode == 2
