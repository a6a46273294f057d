"""What Prometheus sees of the collector (contract 5).

All numbers of items are read at once, under one lock: offered = stored + duplicate + quarantined holds in every scrape.
Only registered operators are labels; all others are `(unknown)`, so that nobody makes labels by sending.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Gauge, Histogram, start_http_server
from prometheus_client import Counter as Counted
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from chargewatch import __version__
from chargewatch.instants import US_PER_S
from collector.contract import REASONS, Decoded
from collector.store import Fates

UNKNOWN = "(unknown)"
_LAG_BUCKETS_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0, 604800.0)
_COMMIT_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_OUTCOMES = ("stored", "duplicate", "quarantined")


class Metrics(Collector):
    """The collector's numbers; told at each scrape: messages that wait, whether the broker is connected."""

    def __init__(self, unacknowledged: Callable[[], int], broker_up: Callable[[], bool]) -> None:
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._fates = Fates()
        self._lag = [0] * (len(_LAG_BUCKETS_S) + 1)
        self._lag_sum = 0.0
        self._messages: Counter[str] = Counter()
        self._links: dict[str, int] = {}
        self._unacknowledged = unacknowledged
        self.commit_seconds = Histogram(
            "chargewatch_commit_seconds",
            "Time that one batch took to be committed.",
            buckets=_COMMIT_BUCKETS_S,
            registry=self.registry,
        )
        self._database_up = Gauge(
            "chargewatch_database_up", "1 if the database took the last batch or look.", registry=self.registry
        )
        self._database_failures = Counted(
            "chargewatch_database_failures", "Attempts that the database, or the archive's disk, failed.", ["reason"],
            registry=self.registry,
        )  # fmt: skip
        broker = Gauge("chargewatch_broker_up", "1 while the broker is connected.", registry=self.registry)
        broker.set_function(broker_up)
        info = Gauge("chargewatch_build_info", "1, with the version.", ["version"], registry=self.registry)
        info.labels(__version__).set(1)
        self.registry.register(self)

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Answer /metrics there; gives what ends it. OSError if the port is taken."""
        server, thread = start_http_server(port, host, self.registry)

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return end

    def database_up(self, up: bool) -> None:
        """Whether the database takes what it is given."""
        self._database_up.set(up)

    def database_failed(self, reason: str) -> None:
        """Count an attempt that failed, by the word for why."""
        self._database_failures.labels(reason).inc()

    def committed(self, decoded: Iterable[Decoded], fates: Fates, known: Iterable[str]) -> None:
        """Count a batch that has been committed; `known` are the registered operators."""
        operators = set(known)
        counted = Fates(reasons=fates.reasons)
        for (operator_id, kind), counts in fates.counts.items():
            label = operator_id if operator_id in operators else UNKNOWN
            counted.counts.setdefault((label, kind), type(counts)()).add(counts)
        with self._lock:
            self._fates.add(counted)
            lags_us: list[int] = []
            for one in decoded:
                if one.operator_id is None or one.operator_id not in operators:
                    self._messages[UNKNOWN] += 1
                    continue
                self._messages[one.operator_id] += 1
                if one.link is not None:
                    self._links[one.operator_id] = int(one.link.state == "ready")
                if one.columns is not None and one.received_us is not None:
                    lags_us += map(one.received_us.__sub__, one.columns.of_field("at"))
            self._add_lags(np.array(lags_us, dtype=np.int64) / US_PER_S)

    def _add_lags(self, lags_s: "np.ndarray[Any, np.dtype[np.float64]]") -> None:
        buckets = np.bincount(np.searchsorted(_LAG_BUCKETS_S, lags_s), minlength=len(self._lag))
        self._lag = [before + int(more) for before, more in zip(self._lag, buckets, strict=True)]
        self._lag_sum += float(np.maximum(lags_s, 0.0).sum())

    def links(self, states: dict[str, bool]) -> None:
        """Where the operators' links stand at the start."""
        with self._lock:
            self._links |= {operator_id: int(ready) for operator_id, ready in states.items()}

    def collect(self) -> Iterator[Metric]:
        """The metrics of one scrape (prometheus_client calls this)."""
        offered = CounterMetricFamily(
            "chargewatch_items_offered", "Items that messages offered.", labels=["operator", "kind"]
        )
        items = CounterMetricFamily(
            "chargewatch_items", "Items by what became of them.", labels=["operator", "kind", "outcome"]
        )
        quarantined = CounterMetricFamily("chargewatch_quarantined", "Items refused, by reason.", labels=["reason"])
        conflicts = CounterMetricFamily(
            "chargewatch_conflicts", "Duplicates whose content differs from the first one's.", labels=["kind"]
        )
        messages = CounterMetricFamily("chargewatch_messages", "Messages taken and acknowledged.", labels=["operator"])
        link_up = GaugeMetricFamily("chargewatch_link_up", "1 if the operator's link is ready.", labels=["operator"])
        with self._lock:
            for (operator_id, kind), counts in self._fates.counts.items():
                labels = [operator_id or UNKNOWN, kind]
                offered.add_metric(labels, counts.offered)
                for outcome in _OUTCOMES:
                    items.add_metric([*labels, outcome], getattr(counts, outcome))
            for kind, counts in self._fates.by_kind().items():
                conflicts.add_metric([kind], counts.conflicts)
            for reason in REASONS:  # all from the start: a series that begins at 1 has never increased
                quarantined.add_metric([reason], self._fates.reasons[reason])
            for operator_id, count in self._messages.items():
                messages.add_metric([operator_id], count)
            for operator_id, up in self._links.items():
                link_up.add_metric([operator_id], up)
            lag = self._lag_family()
        waiting = GaugeMetricFamily(
            "chargewatch_unacknowledged_messages", "Messages received and not yet acknowledged.",
            value=self._unacknowledged(),
        )  # fmt: skip
        yield from (messages, offered, items, quarantined, conflicts, link_up, lag, waiting)

    def _lag_family(self) -> HistogramMetricFamily:
        buckets, total = [], 0
        for bound, count in zip([*map(str, _LAG_BUCKETS_S), "+Inf"], self._lag, strict=True):
            total += count
            buckets.append((bound, total))
        family = HistogramMetricFamily("chargewatch_ingest_lag_seconds", "Receipt minus the item's own time.")
        family.add_metric([], buckets, self._lag_sum)
        return family
