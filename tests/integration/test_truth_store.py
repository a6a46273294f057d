"""What an auditor asks, out of the store: doubted statuses with their messages, declarations with who changed them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chargewatch.errors import Refusal
from chargewatch.output import Format
from collector.commands import ingest
from registry.commands import import_
from registry.tables import DEFAULT_TIME_ZONE
from tests.functional.worked import Capture, Registry, beijing, serving_in_june
from uptime import doubting

START = beijing("2023-06-01 00:00")


def test_a_status_that_does_not_fit_is_shown_with_its_evidence(
    embedded_dsn: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def truth(**more: Any) -> Any:
        capsys.readouterr()
        doubting.truth("2023-06-01", "2023-07-01", format=Format.json, **more)
        return json.loads(capsys.readouterr().out)

    registry, capture = serving_in_june("C1", "C2")
    at = START + timedelta(days=4, hours=8)
    for nth in range(6):
        moment = at + nth * timedelta(minutes=12)
        item = {"connector_id": "C1-1", "at": moment.isoformat(), "energy_kwh": 100.25, "power_kw": 60, "soc_pct": 40.5}
        capture.send("A", "meter", [item], moment)
    capture.status("A", "C1-1", at - timedelta(minutes=1), "charging", at)
    capture.status("A", "C1-1", at + timedelta(hours=1, minutes=30), "available", at + timedelta(hours=2))
    import_(registry.write(tmp_path / "registry"), Format.json, DEFAULT_TIME_ZONE)
    ingest([capture.write(tmp_path / "capture.ndjson")], Format.json)

    (row,) = truth()
    assert (row["operator_id"], row["connector_id"], row["rule"], row["score"]) == (
        "A",
        "C1-1",
        "frozen_samples",
        "0.66",
    )
    assert (row["seen"], row["limit"], row["unit"], row["limits"]) == (60, 45, "min", "truth-1")
    (evidence,) = row["evidence"]
    sent = {(line["payload"]["boot_id"], line["payload"]["seq"]) for line in capture.lines if "meter" in line["topic"]}
    assert (evidence["boot_id"], evidence["seq"]) in sent
    assert evidence["said"] == "6 equal samples"

    (operator,) = truth(by=doubting.Sight.operator)
    assert (operator["connectors"], operator["doubted"], operator["frozen_samples"]) == (2, 1, 1)
    (connector,) = truth(by=doubting.Sight.connector)
    assert (connector["connector_id"], connector["rules"]) == ("C1-1", ["frozen_samples"])
    with pytest.raises(Refusal, match="no operator 'X'"):
        truth(operator="X")


def test_a_declaration_that_was_changed_names_who_did_it(
    embedded_dsn: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    registry, capture = Registry(), Capture()
    registry.operator("A", reporting_interval_min=1440)
    registry.station("A")
    registry.charger("A", "C1", "dc", 60)
    for at, status in ((0, "available"), (30, "faulted"), (40, "available")):
        moment = START + timedelta(hours=at)
        capture.status("A", "C1-1", moment, status, moment)
    capture.heartbeats("A", "C1-1", [START + timedelta(days=nth) for nth in range(31)])

    def declare(start_hour: int) -> Registry:
        table = Registry()
        moments = {"start": start_hour, "end": 40, "filed_at": 32}
        table.add(
            "declarations", operator_id="A", declaration_id="M1", scope="charger", scope_id="C1",
            cause="routine_maintenance", approved="yes", withdrawn_at=None,
            **{name: (START + timedelta(hours=at)).isoformat() for name, at in moments.items()},
        )  # fmt: skip
        return table

    for nth, tables in enumerate((registry, declare(36), declare(34))):
        import_(tables.write(tmp_path / f"registry-{nth}"), Format.json, DEFAULT_TIME_ZONE)
    ingest([capture.write(tmp_path / "capture.ndjson")], Format.json)

    def listed(**more: Any) -> Any:
        capsys.readouterr()
        doubting.declarations("2023-06-01", "2023-07-01", format=Format.json, **more)
        return json.loads(capsys.readouterr().out)

    (row,) = listed(operator="A")
    late, changed = row["findings"]
    assert late == {"finding": "filed_during_outage", "connectors": 1, "seconds": "21600.000000"}
    (what,) = changed["what"]
    assert what.startswith("start: 2023-06-02T12:00:00+08:00 → 2023-06-02T10:00:00+08:00 by ")
    (operator,) = listed(by=doubting.Listing.operator)
    assert (operator["faulted_s"], operator["later_called_maintenance_s"]) == ("36000.000000", "21600.000000")
    assert (operator["share"], operator["changed"]) == ("0.60000000", 1)
