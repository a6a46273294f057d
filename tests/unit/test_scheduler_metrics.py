"""The scheduler's metrics, and the Prometheus configuration that reads them."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from chargewatch.settings import load
from scheduler import metrics

PROMETHEUS = Path(__file__).parents[2] / "deploy/prometheus"
CONTRACT_5 = {
    "available_seconds": {"operator", "window"},
    "required_seconds": {"operator", "window"},
    "availability_threshold_ratio": set(),
    "connectors_below_threshold": {"operator"},
    "subsidy_yuan": {"operator", "kind", "state"},
    "findings_open": {"rule"},
    "job_last_success_timestamp_seconds": {"job"},
    "job_duration_seconds": {"job"},
    "connectors": {"operator", "state"},
    "link_up": {"operator"},
    "sequence_missing": {"operator"},
    "collector_last_seen_timestamp_seconds": {"client_id", "share"},
    "collector_session_ends_timestamp_seconds": {"client_id", "share"},
    "pulse_received_timestamp_seconds": set(),
}


def exported() -> set[str]:
    return {metric.name for metric in metrics.REGISTRY.collect()}


@pytest.mark.parametrize("name", CONTRACT_5)
def test_the_contracts_metrics_have_the_contracts_labels(name: str) -> None:
    assert f"chargewatch_{name}" in exported()
    assert set(getattr(metrics, name)._labelnames) == CONTRACT_5[name]


def test_counters_that_stand_in_the_store_are_shown_as_counters() -> None:
    metrics.sequence_gaps.show({("A",): 7})
    metrics.late_items.show({("A",): Decimal(3)})
    shown = generate_latest(metrics.REGISTRY)
    assert b'chargewatch_sequence_gaps_total{operator="A"} 7.0' in shown
    assert b'chargewatch_late_items_total{operator="A"} 3.0' in shown
    assert b"# TYPE chargewatch_sequence_gaps_total counter" in shown
    metrics.sequence_gaps.show({})
    assert b'chargewatch_sequence_gaps_total{operator="A"}' not in generate_latest(metrics.REGISTRY)


def test_build_info() -> None:
    metrics.build.info({"version": "1.2.3"})
    assert b'chargewatch_build_info{version="1.2.3"} 1.0' in generate_latest(metrics.REGISTRY)


def test_a_series_that_is_gone_is_not_shown_as_it_last_was() -> None:
    def shown() -> set[tuple[str, float]]:
        [metric] = metrics.required_seconds.collect()
        return {(sample.labels["operator"], sample.value) for sample in metric.samples}

    metrics.replace(metrics.required_seconds, {("A", "last_month"): Decimal("1.5"), ("B", "last_month"): 2})
    assert shown() == {("A", 1.5), ("B", 2.0)}
    metrics.replace(metrics.required_seconds, {("B", "last_month"): 3})
    assert shown() == {("B", 3.0)}
    metrics.replace(metrics.required_seconds, {})
    assert shown() == set()


def test_the_last_success_is_a_time() -> None:
    metrics.succeeded([("seal", datetime(2023, 7, 1, tzinfo=UTC))])
    [metric] = metrics.job_last_success_timestamp_seconds.collect()
    assert ("seal", 1688169600.0) in {(sample.labels["job"], sample.value) for sample in metric.samples}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"]
    [group] = [group for group in groups if group["name"] == "chargewatch-availability"]
    return list(group["rules"])


def test_every_metric_that_the_rules_name_exists() -> None:
    recorded = {rule["record"] for rule in rules()}
    named: set[str] = set()
    for rule in rules():
        expression = rule["expr"]
        for one in recorded:
            expression = expression.replace(one, "")
        named |= set(re.findall(r"[a-z_:]*chargewatch[a-z_:]*", expression))
    assert named == {"chargewatch_available_seconds", "chargewatch_required_seconds"}
    assert named <= exported()


def test_the_availability_ratio_is_a_quotient_of_sums() -> None:
    by_name = {rule["record"]: rule["expr"] for rule in rules()}
    for name, expression in by_name.items():
        assert not re.search(r"\bavg\b", expression), name
    numerator, denominator = by_name["window:chargewatch_availability:ratio"].split("/")
    assert numerator.startswith("sum by (window)")
    assert "sum by (window)" in denominator


def test_both_processes_are_scraped_at_their_default_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLLECTOR", "SCHEDULER"):
        monkeypatch.delenv(f"CHARGEWATCH_{name}_METRICS_PORT", raising=False)
    scraped = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    targets = {one["job_name"]: one["static_configs"][0]["targets"] for one in scraped}
    assert targets == {
        "chargewatch-collector": [f"127.0.0.1:{load().metrics_port_collector}"],
        "chargewatch-scheduler": [f"127.0.0.1:{load().metrics_port_scheduler}"],
    }


@pytest.mark.parametrize(
    "command", [["check", "config", "prometheus.yml"], ["test", "rules", "rules_test.yml"]], ids=["config", "rules"]
)
def test_prometheus_itself_accepts_it(command: list[str]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    done = subprocess.run([promtool, *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
