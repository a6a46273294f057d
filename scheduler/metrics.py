"""The scheduler's metrics (contract 5). Ratios are for recording rules: here stand seconds, counts and yuan."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, SupportsFloat

from prometheus_client import CollectorRegistry, Counter, Gauge, Info

REGISTRY = CollectorRegistry()
WINDOWS = ("running_month", "last_month", "last_30_days")
"""The declared windows, all of closed policy days; `running_month` has no series on the first day of a month."""


def _gauge(name: str, help: str, *labels: str) -> Gauge:
    return Gauge(f"chargewatch_{name}", help, labels, registry=REGISTRY)


_of_window = ("operator", "window")
available_seconds = _gauge("available_seconds", "Time that connectors bound by the profile were up", *_of_window)
required_seconds = _gauge("required_seconds", "Time that they had to be up: period less deductions", *_of_window)
availability_threshold_ratio = _gauge("availability_threshold_ratio", "The least ratio that passes (137-七)")
connectors_below_threshold = _gauge(
    "connectors_below_threshold", "Bound connectors whose own verdict of the last 30 days is fail", "operator"
)
subsidy_yuan = _gauge(
    "subsidy_yuan", "Subsidy of all issued months: issued, due by now, held", "operator", "kind", "state"
)
findings_open = _gauge("findings_open", "Sessions that the rule has found and nobody has decided", "rule")
connectors = _gauge("connectors", "Registered connectors by their state now", "operator", "state")
link_up = _gauge("link_up", "1 while the operator's connection is ready", "operator")
job_last_success_timestamp_seconds = _gauge(
    "job_last_success_timestamp_seconds", "When the job last succeeded, on any machine", "job"
)
job_duration_seconds = _gauge("job_duration_seconds", "How long the job last took here", "job")
job_failures = Counter("chargewatch_job_failures", "Runs that failed here", ["job"], registry=REGISTRY)
build = Info("chargewatch_build", "What is running", registry=REGISTRY)


def replace(gauge: Gauge, values: Mapping[Any, SupportsFloat]) -> None:
    """Give a gauge these series (by their labels) and no others: what is gone is not shown as it last was."""
    for labels in _series(gauge) - set(values):
        gauge.remove(*labels)
    for labels, value in values.items():
        gauge.labels(*labels).set(float(value))


def succeeded(times: Iterable[tuple[str, datetime]]) -> None:
    """Show when each job last succeeded."""
    for job, moment in times:
        job_last_success_timestamp_seconds.labels(job).set(moment.timestamp())


def _series(gauge: Gauge) -> set[tuple[str, ...]]:
    names = gauge._labelnames
    return {tuple(sample.labels[name] for name in names) for metric in gauge.collect() for sample in metric.samples}
