"""Alerts about collectors: what they name exists, what to do is written down, Prometheus takes them as meant."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scheduler import metrics
from tests.health.test_documents import anchors

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((PROMETHEUS / "collectors.yml").read_text())["groups"]
    return list(group["rules"])


def test_every_metric_that_they_name_is_exported() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    named: set[str] = set()
    for rule in rules():
        named |= set(re.findall(r"[a-z_:]*chargewatch[a-z_:]*", rule["expr"])) - recorded
    assert len(named) == 4
    assert named <= {metric.name for metric in metrics.REGISTRY.collect()}


def test_every_alert_has_a_runbook_that_is_there() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len(alerts) == 4
    for alert in alerts:
        path, anchor = alert["annotations"]["runbook"].split("#")
        assert anchor in anchors(ROOT / path), alert["alert"]


def test_prometheus_loads_and_keeps_them() -> None:
    assert "collectors.yml" in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["rule_files"]
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    command = [promtool, "test", "rules", "collectors_test.yml"]
    done = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
