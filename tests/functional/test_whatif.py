"""What another regime, or another reading of the same one, would say: the commands as an auditor types them."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Typed
from tests.functional.worked import Capture, Registry, beijing

JUNE = ("--from", "2023-06-01", "--to", "2023-07-01")
START, END = beijing("2023-05-30 00:00"), beijing("2023-07-02 00:00")


def every(minutes: int, end: datetime = END) -> list[datetime]:
    """Signs of life from before June on."""
    return [START + nth * timedelta(minutes=minutes) for nth in range(int((end - START) / timedelta(minutes=minutes)))]


def city(folder: Path) -> tuple[Path, Path]:
    """One operator, reporting hourly: each charger's figure hangs on another reading."""
    registry, capture = Registry(), Capture()
    registry.operator("A", reporting_interval_min=60)
    registry.station("A")

    def charger(name: str, signs: list[datetime], *faults: tuple[str, str], **more: object) -> None:
        registry.charger("A", name, "dc", 60, **more)
        capture.status("A", f"{name}-1", START, "available", START)
        capture.heartbeats("A", f"{name}-1", signs)
        for start, end in faults:
            capture.status("A", f"{name}-1", beijing(start), "faulted", beijing(start))
            capture.status("A", f"{name}-1", beijing(end), "available", beijing(end))

    def maintenance(name: str, start: str, end: str, filed: str) -> None:
        registry.add(
            "declarations", operator_id="A", declaration_id=f"D-{name}", scope="charger", scope_id=name,
            cause="routine_maintenance", start=beijing(start).isoformat(), end=beijing(end).isoformat(),
            filed_at=beijing(filed).isoformat(), approved="yes",
        )  # fmt: skip

    hourly = every(60)
    charger("FINE", hourly)
    charger("SILENT", every(60, beijing("2023-06-26 00:00")))
    charger("SLOW", every(132))  # two hours of every 132 minutes are within the silence limit
    charger("ALGEBRA", hourly, ("2023-06-05 00:00", "2023-06-07 22:50"))
    maintenance("ALGEBRA", "2023-06-20 00:00", "2023-06-21 00:00", "2023-06-19 00:00")
    charger("LATE", hourly, ("2023-06-05 00:00", "2023-06-09 00:00"))
    maintenance("LATE", "2023-06-05 00:00", "2023-06-09 00:00", "2023-06-05 01:00")
    # Two guns of which one serves at a time; one is broken all June.
    charger("PORT", hourly, simultaneous="no")
    registry.add(
        "connectors", operator_id="A", connector_id="PORT-2", charger_id="PORT", kind="dc", rated_kw=60
    )  # fmt: skip
    capture.status("A", "PORT-2", START, "faulted", START)
    return registry.write(folder / "registry"), capture.write(folder / "capture.ndjson")


@pytest.mark.functional
@pytest.mark.usefixtures("embedded_dsn")
def test_what_if(typed: Typed, tmp_path: Path) -> None:
    registry, capture = city(tmp_path)
    assert typed("registry", "import", registry).returncode == 0
    assert typed("ingest", capture).returncode == 0

    def rows(*asked: str) -> list[dict[str, Any]]:
        done = typed("uptime", *asked, "--format", "json")
        assert done.returncode == 0, done
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    # Side by side: the default's own rows are what they are alone, byte for byte.
    regimes = ("cn-wenzhou-2022-137", "us-nevi", "uk-pcpr-2023", "fr-afirev")
    asked = [word for name in regimes for word in ("--profile", name)]
    both = rows("report", *JUNE, "--by", "charger", *asked)
    alone = rows("report", *JUNE, "--by", "charger", "--as-of", both[0]["as_of"])
    assert [row for row in both if row["profile"] == "cn-wenzhou-2022-137"] == alone
    assert [row["profile"] for row in both if row["id"] == "FINE"] == list(regimes)
    said = {(row["id"], row["profile"]): (row["verdict"], row["ratio"]) for row in both}
    assert said["PORT", "cn-wenzhou-2022-137"] == ("fail", "0.50000000")
    assert said["PORT", "us-nevi"] == said["PORT", "uk-pcpr-2023"] == ("pass", "1.00000000")
    assert said["LATE", "us-nevi"][0] == "fail"
    assert said["SILENT", "uk-pcpr-2023"] == ("pass", "1.00000000")
    assert said["SILENT", "fr-afirev"][0] == "fail"

    table = typed("uptime", "report", *JUNE, "--by", "city", *asked)
    assert table.returncode == 0
    assert all(name in table.stdout for name in ("profile", *regimes))
    assert "uk-pcpr-2023 applies from 2024-11-24" in table.stderr
    assert "525,600 minutes for twelve calendar months; this period is none" in table.stderr

    # Which single reading flips which verdict.
    flips = rows("sensitivity", *JUNE, "--by", "connector")
    found = {(row["id"], row["reading"]): (row["verdict"], row["verdict_under"]) for row in flips}
    assert found == {
        ("SILENT-1", "unknown_down"): ("pending", "fail"),
        ("SILENT-1", "unknown_up"): ("pending", "pass"),
        ("SILENT-1", "unknown_excluded"): ("pending", "pass"),
        ("SLOW-1", "silence_from_last_sign"): ("pass", "pending"),
        ("ALGEBRA-1", "credit"): ("fail", "pass"),
        ("LATE-1", "notice_none"): ("fail", "pass"),
    }
    (algebra,) = [row for row in flips if row["id"] == "ALGEBRA-1"]
    # 4,250 minutes of fault: of 41,760 that are left, or of 43,200 where maintenance is credited.
    assert (algebra["ratio"], algebra["ratio_under"]) == ("0.89822796", "0.90162037")
    assert (algebra["about"], algebra["profile"]) == ("algebra", "cn-wenzhou-2022-137")
    units = rows("sensitivity", *JUNE, "--by", "charger", "--profile", "us-nevi")
    assert ("PORT", "worst_connector") in {(row["id"], row["reading"]) for row in units}
    shown = typed("uptime", "sensitivity", *JUNE)
    assert "4 of 7 verdicts would be another one under one of 6 readings" in shown.stderr
    assert "89.82 %" in shown.stdout
    assert "90.16 %" in shown.stdout

    # Why a port is up although a gun of it is broken.
    day = ("--from", "2023-06-10", "--to", "2023-06-11")
    mine, port = (rows("explain", "PORT-2", "--operator", "A", *day, *more) for more in ([], ["--profile", "us-nevi"]))
    assert {(row["state"], row["effect"]) for row in mine} == {("faulted", "down")}
    assert {(row["state"], row["effect"]) for row in port} == {("serving", "up")}


@pytest.mark.functional
def test_profiles_are_shown(typed: Typed, tmp_path: Path) -> None:
    listed = json.loads(typed("uptime", "profile", "list", "--format", "json").stdout)
    assert {"us-nevi", "us-ca-cec", "uk-pcpr-2023", "fr-afirev"} < {row["id"] for row in listed}
    shown = typed("uptime", "profile", "show", "us-ca-cec", "--format", "json")
    says = {row["about"]: row["says"] for row in json.loads(shown.stdout)}
    assert "at most 72 h of each year" in says["cause `routine_maintenance`"]
    assert "at most 240 h of each outage" in says["cause `vandalism`"]
    page = typed("uptime", "profile", "show", "us-nevi", "--format", "markdown")
    assert page.stdout.startswith("# Average annual uptime")
    assert "525,600 minutes" in page.stdout
    missing = typed("uptime", "profile", "show", "us-nevi", "--format", "markdown", "--cases", tmp_path)
    assert missing.returncode == 2
    assert "23-CFR-680.116" in missing.stderr
    assert typed("uptime", "profile", "show", "us-nevada").returncode == 2
