"""`chargewatch uptime explain`: from any second of a connector to the messages that decide about it."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from tests.commands import Typed
from tests.functional.test_worked_examples import brought_in
from tests.functional.worked import Capture, Registry, beijing

EXPLAIN = ("uptime", "explain", "C1-1", "--operator", "OP1", "--format", "json")


def city(typed: Typed, folder: Path) -> None:
    registry, capture = Registry(), Capture()
    registry.operator("OP1")
    registry.station("OP1")
    registry.charger("OP1", "C1", "dc", 60, commissioned_on="2023-06-01")
    registry.add(
        "declarations", operator_id="OP1", declaration_id="D1", scope="connector", scope_id="C1-1",
        cause="routine_maintenance", start="2023-06-01T06:00:00+08:00", end="2023-06-01T08:00:00+08:00",
        filed_at="2023-05-30T00:00:00+08:00", approved="yes",
    )  # fmt: skip
    start = beijing("2023-06-01 00:00")
    capture.status("OP1", "C1-1", start, "available", start)
    for hours, status in ((6, "unavailable"), (8, "available"), (10, "faulted"), (12, "available")):
        at = start + timedelta(hours=hours)
        # That the fault was over is said two days later.
        capture.status("OP1", "C1-1", at, status, at + timedelta(days=2 if hours == 12 else 0))
    beats = [start + timedelta(minutes=5 * n) for n in range(288)]
    # Silent from 02:00 to 03:00.
    capture.heartbeats("OP1", "C1-1", [at for at in beats if not 2 <= (at - start).total_seconds() / 3600 < 3])
    capture.order("OP1", "C1-1", beijing("2023-06-01 23:00"), "20")
    brought_in(typed, folder, registry, capture)


def test_every_interval_has_its_reason_effect_and_messages(dsn: str, typed: Typed, tmp_path: Path) -> None:
    city(typed, tmp_path)
    rows = typed(*EXPLAIN, "--from", "2023-06-01", "--to", "2023-06-02").json()
    told = [(row["from"][11:16], row["state"], row["reason"], row["effect"], row["declaration_id"]) for row in rows]
    assert told[:7] == [  # UTC is eight hours behind
        ("16:00", "serving", "status", "up", None),
        ("18:05", "no_data", "silence", "unknown", None),
        ("19:00", "serving", "status", "up", None),
        ("22:00", "out_of_service", "status", "deducted", "D1"),
        ("00:00", "serving", "status", "up", None),
        ("02:00", "faulted", "status", "down", None),
        ("04:00", "faulted", "late_good_news", "down", None),
    ]
    assert all(one["to"] == following["from"] for one, following in pairwise(rows))
    assert (rows[0]["from"], rows[-1]["to"]) == ("2023-05-31T16:00:00Z", "2023-06-01T16:00:00Z")
    silence, fault = rows[1], rows[5]
    assert [(item["kind"], item["at"]) for item in silence["begins"]] == [("heartbeat", "2023-05-31T17:55:00Z")]
    assert [(item["kind"], item["at"]) for item in silence["ends"]] == [("heartbeat", "2023-05-31T19:00:00Z")]
    [said] = [item for item in fault["begins"] if item["kind"] == "status"]
    assert (said["said"], said["topic"], len(said["sha256"])) == ("faulted", "ev/1/OP1/status", 64)

    table = typed("uptime", "explain", "C1-1", "--operator", "OP1", "--from", "2023-06-01", "--to", "2023-06-02")
    assert table.returncode == 0
    assert "late_good_news" in table.stdout


def test_a_part_of_a_day_and_what_is_not_there(embedded_dsn: str, typed: Typed, tmp_path: Path) -> None:
    city(typed, tmp_path)
    hour = ("--from", "2023-06-01T10:30:00+08:00", "--to", "2023-06-01T11:30:00+08:00")
    [row] = typed(*EXPLAIN, *hour).json()
    assert (row["state"], row["seconds"]) == ("faulted", "3600.000000")
    assert row["begins"][-1]["said"] == "faulted"
    nobody = typed("uptime", "explain", "C9", "--operator", "OP1", "--from", "2023-06-01", "--to", "2023-06-02")
    assert nobody.returncode == 2
    assert "C9" in nobody.stderr
