"""110,366 real sessions through a real broker into the store, with a collector that is killed on the way."""

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from tests.commands import Command
from tests.servers import Broker

DATA = Path(__file__).parents[3] / "shared/data"
SESSIONS, ENERGY_KWH, OPERATORS = 110_366, Decimal("3747931.773"), 20


# Twelve-hourly heartbeats: what is tested is the sessions, and most of an hourly replay is heartbeats.
TABLES = ("--sessions", DATA / "irve_sessions.csv.gz", "--connectors", DATA / "irve_connectors.csv.gz")
REPLAY = ("replay", *TABLES, "--heartbeat-min", "720")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The registry of the real sessions, which is there before the first message is."""
    folder = tmp_path_factory.mktemp("real")
    done = Command(folder, {})(*REPLAY, "--registry", folder / "registry", "--capture", folder / "capture.ndjson.gz")
    assert done.returncode == 0, done.stderr
    return folder / "registry"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not DATA.exists(), reason="the real sessions are not here")
def test_real_sessions_through_a_broker_and_a_killed_collector(
    rehearsal_dsn: str, broker: Broker, registry: Path, chargewatch: Command, tmp_path: Path
) -> None:
    assert chargewatch("registry", "import", registry).returncode == 0

    collector = chargewatch.start("collect")
    with psycopg.connect(rehearsal_dsn, autocommit=True) as connection:

        def count(what: str) -> int:
            row = connection.execute(f"SELECT coalesce(({what})::bigint, 0)".encode()).fetchone()
            assert row is not None
            return int(row[0])

        collector.wait_for("Collecting from", 60)
        sender = chargewatch.start(*REPLAY, "--registry", tmp_path / "registry", "--mqtt")
        _wait(lambda: count("SELECT count(*) FROM session_fact") > SESSIONS // 4, 200)
        collector.kill()
        collector = chargewatch.start("collect")
        assert sender.wait(300) == 0, sender.said
        _wait(lambda: count("SELECT count(*) FROM session_fact") >= SESSIONS, 200)
        assert collector.terminate() == 0, collector.said

        # Redelivered after the kill, every acknowledged message is there and none twice.
        assert count("SELECT sum(stored) FROM fates WHERE kind = 'session'") == SESSIONS
        assert count("SELECT sum(quarantined) FROM fates") == 0
        assert count("SELECT sum(offered - stored - duplicate - quarantined) FROM fates") == 0
        row = connection.execute("SELECT count(*), count(DISTINCT session_id), sum(energy_kwh) FROM session_fact")
        assert row.fetchone() == (SESSIONS, SESSIONS, ENERGY_KWH)

    statements = chargewatch("subsidy", "statement", "--period", "2023", "--format", "json").json()
    lines = [line for one in statements for line in one["operating"]]
    assert len(statements) == OPERATORS
    assert sum(line["sessions"] for line in lines) == SESSIONS
    by_fate = [sum(Decimal(line[name]) for line in lines) for name in ("admitted_kwh", "held_kwh", "rejected_kwh")]
    assert sum(by_fate) == sum(Decimal(line["energy_kwh"]) for line in lines) == ENERGY_KWH
    assert all(part > 0 for part in by_fate[:2]), by_fate

    june = ("--from", "2023-06-01", "--to", "2023-07-01")
    report = chargewatch("uptime", "report", *june, "--by", "operator", "--format", "json").json()
    assert len(report) == OPERATORS
    assert {row["verdict"] for row in report} == {"pass"}
    assert all(row["rehearsal"] for row in report)


def _wait(until: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.3)
