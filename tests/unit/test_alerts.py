"""Each alert of Prometheus names a metric that there is and a runbook that can be read."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


def test_every_alert_has_a_runbook() -> None:
    alerts = [rule for rule in RULES if "alert" in rule]
    assert len(alerts) >= 5
    for rule in alerts:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.M)
        assert anchor in [re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings], rule["alert"]


def test_every_metric_of_a_rule_is_exported() -> None:
    exported = "\n".join(
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("collector/metrics.py", "collector/broker_watch.py", "scheduler/metrics.py")
    )
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    named = {name for rule in RULES for name in re.findall(r"(?<![\w:])[\w:]*chargewatch_[\w:]+", rule["expr"])}
    assert len(named) > 8
    for name in named - recorded:
        base = name.removeprefix("chargewatch_").removesuffix("_total").removesuffix("_bucket")
        assert re.search(rf'"(chargewatch_)?{base}"', exported), name
