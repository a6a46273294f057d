"""The scheduler's metrics (contract 5). Ratios are for recording rules: here stand seconds, counts and yuan."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, SupportsFloat

from prometheus_client import CollectorRegistry, Counter, Gauge, Info
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

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
collector_last_seen_timestamp_seconds = _gauge(
    "collector_last_seen_timestamp_seconds", "When the collector was last connected", "client_id", "share"
)
collector_session_ends_timestamp_seconds = _gauge(
    "collector_session_ends_timestamp_seconds", "When the broker drops its queue if it stays away", "client_id", "share"
)
pulse_received_timestamp_seconds = _gauge("pulse_received_timestamp_seconds", "When a pulse of ours was last received")
sequence_missing = _gauge("sequence_missing", "Messages that are missing in the senders' sequences now", "operator")
build = Info("chargewatch_build", "What is running", registry=REGISTRY)


class Total(Collector):
    """A counter that stands in the store, by labels: it goes on where another scheduler left it."""

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self._name, self._help, self._labels = f"chargewatch_{name}", help, labels
        self._values: Mapping[Any, SupportsFloat] = {}
        REGISTRY.register(self)

    def show(self, values: Mapping[Any, SupportsFloat]) -> None:
        """Show these values, by their labels."""
        self._values = dict(values)

    def collect(self) -> Iterator[Metric]:
        """The counter at this moment (prometheus_client calls this)."""
        family = CounterMetricFamily(self._name, self._help, labels=self._labels)
        for labels, value in self._values.items():
            family.add_metric(labels, float(value))
        yield family


sequence_gaps = Total("sequence_gaps", "Gaps found in the senders' sequences, those closed later too", "operator")
late_items = Total("late_items", "Items stored later than the late limit after their time", "operator")


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
