"""Through broker, collector, database and jobs: the platform's own outage, and a message that comes months late."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargewatch.database import connect
from ledger.canonical import loads
from ledger.store import all_records, last
from scheduler import metrics
from scheduler.jobs import JOBS
from scheduler.running import run_job
from tests.commands import Command
from tests.integration.group import collecting, offered
from tests.integration.publishing import Publisher, wait_until
from tests.integration.test_scheduler_issuing import two_months_ago
from tests.servers import Broker
from tests.small_city import ZONE, SmallCity, local

JOB = {job.name: job for job in JOBS}
QUICK = "id: quick\nnote: for a test\ninterval_s: 0.5\ntolerance_s: 3\nsteady_s: 1\nsettled_s: 2\n"


def run(name: str) -> str:
    result = run_job(JOB[name])
    assert result.outcome == "done", result
    return result.said


def publish(publisher: Publisher, message: dict[str, Any]) -> None:
    publisher.send(message["payload"]["seq"], message["topic"], json.dumps(message["payload"]))


def test_a_broker_that_was_down_is_an_outage_of_the_platform_and_nobody_elses(
    embedded_dsn: str, broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chargewatch: Command
) -> None:
    quick = tmp_path / "quick.yaml"
    quick.write_text(QUICK)
    monkeypatch.setenv("CHARGEWATCH_PULSES", str(quick))
    city = SmallCity(tmp_path)
    city.register()
    today = datetime.now(ZONE).date()
    with connect() as conn, collecting("one", pulses=str(quick)):

        def pulses() -> int:
            [(number,)] = conn.execute("SELECT count(*) FROM pulse").fetchall()
            return int(number)

        publisher = Publisher(broker.port)
        publish(publisher, city.status(datetime.now(UTC), "available", "C1-2"))  # C1-1 has never said a word
        wait_until(lambda: offered(conn) == 1 and pulses() > 3)
        publisher.close()
        went = datetime.now(UTC)
        broker.stop()
        time.sleep(5)
        came = datetime.now(UTC)
        broker.start()
        wait_until(lambda: run("outages").endswith("declared"))  # once its end has settled
    days = ("--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=2)))
    shown = chargewatch("uptime", "report", *days, "--by", "connector", "--format", "json").json()
    deducted = {row["id"]: float(row["deducted_s"].get("platform_outage", 0)) for row in shown}
    with connect() as conn:
        declared = conn.execute('SELECT start, "end", reference FROM registry_declarations ORDER BY start').fetchall()
        assert conn.execute("SELECT kind, count(*) FROM message GROUP BY 1").fetchall() == [("status", 1)]
        assert conn.execute("SELECT kind FROM fates").fetchall() == [("status",)], "a pulse is no item"
    [outage] = [one for one in declared if one[0] <= went + timedelta(seconds=1) and one[1] >= came]
    assert outage[2].startswith("quick: pulse one/")
    # Time without evidence is deducted to the microsecond; time that was serving is not.
    total = sum((end - start for start, end, _ in declared), timedelta())
    assert deducted == {"C1-1": pytest.approx(total.total_seconds(), abs=1e-6), "C1-2": 0.0}
    assert run("outages") in ("no new pulses", "outages: none new")


def test_a_message_months_late_recomputes_its_days_and_supersedes_what_was_issued(
    embedded_dsn: str, broker: Broker, tmp_path: Path, chargewatch: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.arrivals.SETTLING", timedelta(0))
    month, city = two_months_ago(), SmallCity(tmp_path)
    city.register()
    city.ingest(city.status(local(month), "available"), *city.heartbeats(local(month), local(month, 24 * 40)))
    run("availability")
    run("report")
    name = f"{month:%Y-%m}"
    with connect() as conn:
        first = last(conn, "availability", name)
        assert run("availability") == "no closed day is due"
        [(up,)] = conn.execute("SELECT sum(up_s) FROM connector_day WHERE connector_id = 'C1-1'").fetchall()
        publisher = Publisher(broker.port)
        with collecting("one"):
            count = offered(conn)
            publish(publisher, city.status(local(month, 48), "faulted", "C1-1", boot="late"))
            publish(publisher, city.status(local(month, 60), "available", "C1-1", boot="late"))
            wait_until(lambda: offered(conn) == count + 2)
        publisher.close()
        assert f"closed days computed, {month + timedelta(days=2)} to" in run("availability")
        [(after,)] = conn.execute("SELECT sum(up_s) FROM connector_day WHERE connector_id = 'C1-1'").fetchall()
        assert first is not None
        run("report")
        second = last(conn, "availability", name)
        assert second is not None
        assert list(all_records(conn))[first.seq - 1] == first  # what was issued stands
    assert up - after == 12 * 3600
    assert second.supersedes == first.seq
    difference = loads(second.difference or "")
    assert [(row["input"], row["boot_id"], row["items"]) for row in difference["inputs"]] == [("status", "late", 2)]
    run("arrivals")
    run("collectors")
    assert metrics.REGISTRY.get_sample_value("chargewatch_late_items_total", {"operator": "A"}) == 2
    told = chargewatch("late", "--format", "json").json()
    assert [(row["operator_id"], row["kind"], row["day"], row["boot_id"], row["items"]) for row in told] == [
        ("A", "status", str(month + timedelta(days=2)), "late", 2)
    ]
    assert told[0]["longest_delay_h"] > 24 * 28
