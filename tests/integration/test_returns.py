"""A charger taken out and registered again under another id: in the report, in its explanation, in the difference."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chargewatch import database
from chargewatch.output import Format
from collector.commands import ingest
from registry import snapshot
from registry.commands import import_
from registry.tables import DEFAULT_TIME_ZONE
from tests.functional.worked import Registry, beijing, serving_in_june
from uptime import auditing, commands, keeping, report, settings
from uptime import profile as profiles

START = beijing("2023-06-01 00:00")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
JUNE = (START.date(), beijing("2023-07-01 00:00").date())


def test_the_time_between_is_out_of_service(
    embedded_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """C1 is retired on 11 June; on the 21st C2 is commissioned with its number, and heard of at 08:00."""
    registry, capture = serving_in_june("C1", "C3")
    registry.tables["chargers"][0]["retired_on"] = "2023-06-11"
    import_(registry.write(tmp_path / "tables"), Format.json, DEFAULT_TIME_ZONE)
    capture.lines.sort(key=lambda line: line["received_at"])
    ingest([capture.write(tmp_path / "june.ndjson")], Format.json)

    def rows(limits: str) -> dict[str, tuple[str, str, str]]:
        with database.connect() as connection:
            found = report.compute(
                connection, first_day=JUNE[0], last_day=JUNE[1], by="connector", profile=profiles.load(),
                settings=settings.load(limits), as_of=database.watermark(connection),
            )  # fmt: skip
        return {row["id"]: (row["required_s"], row["up_s"], row["down_s"]) for row in found}

    def s(span: timedelta) -> str:
        return f"{span.total_seconds():.6f}"

    alone = {"C1-1": (s(10 * DAY), s(10 * DAY), s(0 * DAY)), "C3-1": (s(30 * DAY), s(30 * DAY), s(0 * DAY))}
    assert rows("intervals-3") == rows("intervals-2") == alone
    with database.connect() as connection:
        before = database.watermark(connection).isoformat()
    again = Registry()
    again.charger("A", "C2", "dc", 60, serial_no="snac1", completed_on="2023-06-20", commissioned_on="2023-06-21")
    again.tables["chargers"][0]["accepted_on"] = "2023-06-21"
    import_(again.write(tmp_path / "again"), Format.json, DEFAULT_TIME_ZONE)
    came = START + 20 * DAY + 8 * HOUR
    capture.lines.clear()
    capture.status("A", "C2-1", came, "available", came)
    capture.heartbeats("A", "C2-1", [came + nth * 16 * HOUR for nth in range(15)])
    ingest([capture.write(tmp_path / "came.ndjson")], Format.json)

    rest = 10 * DAY - 8 * HOUR
    back = {**alone, "C2-1": (s(rest), s(rest), s(0 * DAY))}
    assert rows("intervals-2") == back
    back |= {"C1-1": (s(20 * DAY), s(10 * DAY), s(10 * DAY)), "C2-1": (s(10 * DAY), s(rest), s(8 * HOUR))}
    assert rows("intervals-3") == back

    # The same out of what is kept from day to day.
    with database.connect() as connection, pytest.MonkeyPatch.context() as patched:
        as_of = database.watermark(connection)
        with connection.transaction():
            keeping.keep(connection, snapshot.load(connection, as_of), profiles.load(), settings.load(), as_of)
        patched.setattr(report.facts, "load", None)
        assert rows("intervals-3") == back

    def told(*words: Any, **more: Any) -> list[dict[str, Any]]:
        capsys.readouterr()
        commands.explain(*words, format=Format.json, **more)
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    both = told("C1-1", "A", "2023-06-10", "2023-06-22")
    assert [(row["from"], row["state"], row["reason"], row["effect"]) for row in both] == [
        ("2023-06-09T16:00:00Z", "serving", "status", "up"),
        ("2023-06-10T16:00:00Z", "out_of_service", "away", "down"),
    ]
    ids = [(one["charger_id"], one["serial_no"], one["retired_on"]) for one in both[1]["because"]]
    assert ids == [("C1", "SNAC1", "2023-06-11"), ("C2", "snac1", None)]
    capsys.readouterr()
    until = "2100-01-01T00:00:00Z"
    auditing.diff(before, until, from_=str(JUNE[0]), to=str(JUNE[1]), by=["connector"], format=Format.json)
    (charger,) = [one for one in json.loads(capsys.readouterr().out)["inputs"] if one.get("table") == "chargers"]
    assert charger["key"]["charger_id"] == "C2"
    assert charger["connectors"] == ["A C1-1", "A C2-1"]
    assert charger["left_out_s"]["down"] == s(10 * DAY + 8 * HOUR)
