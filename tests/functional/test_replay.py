"""`chargewatch replay` and `chargewatch simulate`, as typed: into a file, to a broker, and with wrong options."""

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Typed
from tests.servers import Broker

DATA = Path(__file__).parents[3] / "shared/data"
SESSIONS = """session_id,operator_id,connector_id,start,end,energy_kwh
1,OPA,A-1,2024-11-30T20:00:00.000Z,2024-11-30T20:40:30.500Z,36.834
2,OPA,A-1,2024-12-01T01:00:00.000Z,2024-12-01T01:20:00.000Z,7.10
3,OPA,a-1,2024-12-01T01:00:00.000Z,2024-12-01T01:20:00.000Z,7.10
4,OPB,B-1,2024-12-01T23:30:00.000Z,2024-12-02T00:30:00.000Z,0.003
5,OPB,B-1,2024-12-01T23:30:00.000Z,2024-12-02T00:30:00.000Z,0.003
"""
HEADER = (
    "operator_id,operator_name,station_id,station_name,connector_id,kind,rated_kw,commissioned_on,longitude,latitude"
)
CONNECTORS = f"""{HEADER}
OPA,Operator A,SA,Station A,A-1,dc,150.0,2022-05-01,1.0,45.0
OPA,Operator A,SA,Station A,a-1,ac,22.0,,1.0,45.0
OPB,Operator B,SB,Station B,B-1,dc,50.0,2025-05-01,1.5,45.5
"""


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    sessions, connectors = tmp_path / "sessions.csv.gz", tmp_path / "connectors.csv"
    sessions.write_bytes(gzip.compress(SESSIONS.encode()))
    connectors.write_text(CONNECTORS)
    return sessions, connectors


def replay_of(tables: tuple[Path, Path], folder: Path) -> tuple[str | Path, ...]:
    return ("replay", "--sessions", tables[0], "--connectors", tables[1], "--registry", folder)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def read(capture: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with gzip.open(capture, "rt") if capture.suffix == ".gz" else capture.open() as file:
        for line in file:
            message = json.loads(line, parse_float=Decimal)
            yield message["topic"], message["payload"]


def test_sessions_become_tables_and_a_capture(typed: Typed, tables: tuple[Path, Path], tmp_path: Path) -> None:
    capture = tmp_path / "c.ndjson"
    done = typed(*replay_of(tables, tmp_path / "registry"), "--capture", capture)
    assert done.returncode == 0, done.stderr
    assert "5 sessions, 51.040 kWh" in done.stderr
    sessions = [item for topic, body in read(capture) if topic.endswith("/session") for item in body["items"]]
    assert [item["session_id"] for item in sessions] == ["1", "2", "3", "4", "5"]
    assert sum(item["energy_kwh"] for item in sessions) == Decimal("51.040")
    assert all(item["meter_end_kwh"] - item["meter_start_kwh"] == item["energy_kwh"] for item in sessions)
    assert sessions[0]["start"] == "2023-05-31T20:00:00Z"  # 04:00 of 1 June in Asia/Shanghai
    rows = {
        name: table(tmp_path / "registry" / f"{name}.csv")
        for name in ("operators", "stations", "chargers", "connectors", "meters")
    }
    assert [row["reporting_interval_min"] for row in rows["operators"]] == ["60", "60"]
    assert [row["commissioned_on"] for row in rows["chargers"]] == ["2020-10-29", "2023-06-01", "2023-06-02"]


def test_the_tables_and_the_capture_are_taken_whole(
    embedded_dsn: str, typed: Typed, tables: tuple[Path, Path], tmp_path: Path
) -> None:
    capture = tmp_path / "c.ndjson.gz"
    assert typed(*replay_of(tables, tmp_path / "r"), "--capture", capture).returncode == 0
    imported = typed("registry", "import", tmp_path / "r")
    assert imported.returncode == 0, imported
    ingested = typed("ingest", capture, "--format", "json").json()
    kinds = {row["kind"]: row for row in ingested}
    assert kinds["session"]["stored"] == kinds["session"]["offered"] == 5
    assert all(row["quarantined"] == 0 and row["conflicts"] == 0 for row in ingested)
    report = typed(
        *("uptime", "report", "--from", "2023-06-01", "--to", "2023-06-03", "--by", "connector", "--format", "json")
    ).json()
    # OPB's connector begins on its first session's day; everything before that is outside its service life.
    assert {row["id"]: (row["required_s"], row["ratio"]) for row in report} == {
        "A-1": ("172800.000000", "1.00000000"),
        "a-1": ("172800.000000", "1.00000000"),
        "B-1": ("86400.000000", "1.00000000"),
    }


def test_a_replay_through_a_broker_waits_for_every_acknowledgement(
    broker: Broker, typed: Typed, tables: tuple[Path, Path], tmp_path: Path
) -> None:
    to_file = tmp_path / "c.ndjson"
    assert typed(*replay_of(tables, tmp_path / "r"), "--capture", to_file).returncode == 0
    sent = sum(1 for _ in read(to_file))
    done = typed(*replay_of(tables, tmp_path / "r"), "--mqtt")
    assert done.returncode == 0, done.stderr
    assert f"{sent} messages acknowledged by the broker" in done.stderr
    assert "had no subscriber" in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--capture and --mqtt"),
        (("--capture", "c.ndjson", "--mqtt"), "--capture and --mqtt"),
        (("--mqtt",), "cannot be reached"),
        (("--capture", "nowhere/c.ndjson"), "nowhere/c.ndjson"),
        (("--capture", "c.ndjson", "--first-day", "2023-02-30"), "2023-02-30"),
        (("--capture", "c.ndjson", "--first-day", "9999-12-31"), "9999-12-31"),
        (("--capture", "c.ndjson", "--heartbeat-min", "0"), "1 to 1440"),
        (("--capture", "c.ndjson", "--sessions", "missing.csv"), "missing.csv"),
        (("--capture", "c.ndjson", "--sessions", "connectors.csv"), "session_id"),
    ],
)
def test_a_wrong_call_ends_in_a_sentence(
    home: Path,
    typed: Typed,
    tables: tuple[Path, Path],
    tmp_path: Path,
    options: tuple[str, ...],
    told: str,
) -> None:
    options = tuple(str(tables[1]) if option == "connectors.csv" else option for option in options)
    done = typed(*replay_of(tables, tmp_path / "r"), *options)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="the real sessions are not here")
def test_the_real_sessions_keep_every_watt_hour(typed: Typed, tmp_path: Path) -> None:
    real = DATA / "irve_sessions.csv.gz", DATA / "irve_connectors.csv.gz"
    capture = tmp_path / "real.ndjson.gz"
    done = typed(*replay_of(real, tmp_path / "r"), "--capture", capture, timeout=280)
    assert done.returncode == 0, done.stderr
    sessions, energy = 0, Decimal()
    for topic, body in read(capture):
        if topic.endswith("/session"):
            sessions += len(body["items"])
            energy += sum(item["energy_kwh"] for item in body["items"])
    assert (sessions, energy) == (110_366, Decimal("3747931.773"))
    assert len(table(tmp_path / "r/operators.csv")) == 20


def files_below(root: Path) -> dict[Path, Path]:
    return {path.relative_to(root): path for path in root.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "chargewatch"
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        folder.mkdir()
        subprocess.run(
            [
                *(program, "simulate", "--seed", "5", "--from", "2023-06-01", "--to", "2023-06-06", "--stations", "5"),
                *("--registry", "registry", "--capture", "c.ndjson.gz", "--truth", "truth.json.gz"),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
        )
    one, other = (files_below(tmp_path / hash_seed) for hash_seed in ("1", "2"))
    assert len(one) > 8
    assert set(one) == set(other)
    assert [name for name in one if one[name].read_bytes() != other[name].read_bytes()] == []


def test_another_seed_gives_another_city(typed: Typed, tmp_path: Path) -> None:
    made = []
    for seed in ("5", "6"):
        capture = tmp_path / f"{seed}.ndjson"
        days = ("--from", "2023-06-01", "--to", "2023-06-02", "--stations", "4")
        files = ("--registry", tmp_path / seed, "--capture", capture, "--truth", tmp_path / f"{seed}.json")
        assert typed("simulate", "--seed", seed, *days, *files).returncode == 0
        made.append(capture.read_bytes())
    assert made[0] != made[1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--from", "2023-06-02", "--to", "2023-06-02"), "--to after --from"),
        (("--from", "yesterday"), "YYYY-MM-DD"),
        (("--stations", "3"), "4 to 2,000"),
        (("--truth", "nowhere/truth.json"), "nowhere/truth.json"),
    ],
)
def test_a_wrong_simulation_ends_in_a_sentence(
    typed: Typed, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    files = ("--registry", tmp_path / "r", "--capture", tmp_path / "c.ndjson", "--truth", tmp_path / "t.json")
    done = typed("simulate", *files, *options)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())
