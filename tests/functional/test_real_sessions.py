"""110,366 real sessions through a real broker into the store, with a collector that is killed on the way."""

import csv
import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from simulators import real_registry, registry_folder
from simulators.real_sessions import RealSessions
from tests.commands import Command
from tests.servers import Broker

DATA = Path(__file__).parents[3] / "shared/data"
OPERATORS = 20
SESSIONS, CONNECTORS = DATA / "irve_sessions.csv.gz", DATA / "irve_connectors.csv.gz"
# Daily heartbeats: what is tested is the sessions, and most of an hourly replay is heartbeats.
HEARTBEAT_MIN = 1440


@dataclass(frozen=True)
class Played:
    """What is sent, and where its registry is, which is there before the first message."""

    replay: tuple[str | Path, ...]
    registry: Path
    sessions: int
    energy_kwh: Decimal


@pytest.fixture
def played(request: pytest.FixtureRequest, tmp_path: Path) -> Played:
    """All sessions on one server; on the other, of whose tables alone there is something to learn, every fourth."""
    sessions, count, energy_kwh = SESSIONS, 110_366, Decimal("3747931.773")
    if "timescale" in request.node.name:
        sessions = tmp_path / "quarter.csv"
        with gzip.open(SESSIONS, "rt", encoding="utf-8", newline="") as all_of_them:
            rows = list(csv.reader(all_of_them))
        with sessions.open("w", encoding="utf-8", newline="") as some:
            csv.writer(some).writerows([rows[0], *rows[1::4]])
        count, energy_kwh = len(rows[1::4]), sum((Decimal(row[5]) for row in rows[1::4]), Decimal())
    real = RealSessions.read(sessions, CONNECTORS).moved(date(2023, 6, 1))
    registry_folder.write(real_registry.tables(real, HEARTBEAT_MIN), tmp_path / "real")
    words = ("--sessions", sessions, "--connectors", CONNECTORS, "--heartbeat-min", str(HEARTBEAT_MIN))
    replay = ("replay", *words, "--registry", tmp_path / "sent", "--mqtt")
    return Played(replay, tmp_path / "real", count, energy_kwh)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not DATA.exists(), reason="the real sessions are not here")
def test_real_sessions_through_a_broker_and_a_killed_collector(
    rehearsal_dsn: str, broker: Broker, played: Played, chargewatch: Command
) -> None:
    assert chargewatch("registry", "import", played.registry).returncode == 0

    collector = chargewatch.start("collect")
    with psycopg.connect(rehearsal_dsn, autocommit=True) as connection:

        def count(what: str) -> int:
            row = connection.execute(f"SELECT coalesce(({what})::bigint, 0)".encode()).fetchone()
            assert row is not None
            return int(row[0])

        collector.wait_for("Collecting from", 60)
        sender = chargewatch.start(*played.replay)
        _wait(lambda: count("SELECT count(*) FROM session_fact") > played.sessions // 4, 200)
        collector.kill()
        collector = chargewatch.start("collect")
        assert sender.wait(300) == 0, sender.said
        _wait(lambda: count("SELECT count(*) FROM session_fact") >= played.sessions, 200)
        assert collector.terminate() == 0, collector.said

        # Redelivered after the kill, every acknowledged message is there and none twice.
        assert count("SELECT sum(stored) FROM fates WHERE kind = 'session'") == played.sessions
        assert count("SELECT sum(quarantined) FROM fates") == 0
        assert count("SELECT sum(offered - stored - duplicate - quarantined) FROM fates") == 0
        row = connection.execute("SELECT count(*), count(DISTINCT session_id), sum(energy_kwh) FROM session_fact")
        assert row.fetchone() == (played.sessions, played.sessions, played.energy_kwh)

    statements = chargewatch("subsidy", "statement", "--period", "2023", "--format", "json").json()
    lines = [line for one in statements for line in one["operating"]]
    assert len(statements) == OPERATORS
    assert sum(line["sessions"] for line in lines) == played.sessions
    by_fate = [sum(Decimal(line[name]) for line in lines) for name in ("admitted_kwh", "held_kwh", "rejected_kwh")]
    assert sum(by_fate) == sum(Decimal(line["energy_kwh"]) for line in lines) == played.energy_kwh
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
        time.sleep(0.2)
