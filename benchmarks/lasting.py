"""What shows only after a while: lag under a steady rate, memory over an hour's load, memory with the database away."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.bench import Bench
from benchmarks.city import CONNECTORS, Run

_SAMPLE_S = 0.2
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Lag:
    """Seconds from publish until a row can be queried, at a rate of messages a second."""

    items: int
    rate: float
    messages: int
    percentiles: dict[str, float]
    cpu_us_a_message: float


def lag(bench: Bench, items: int, rate: float, seconds: float) -> Lag:
    """The collector under this rate, evenly paced."""
    load = bench.city.load(Run("mix", items, max(1, int(rate * seconds))))
    done = bench.collect(load, rate)
    lags = sorted(done.lags)
    at = {name: lags[min(len(lags) - 1, int(len(lags) * part))] for name, part in _PERCENTILES.items()}
    return Lag(items, rate, load.messages, at, done.cpu_s / done.messages * 1e6)


_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True)
class Memory:
    """Resident memory in MB over a load."""

    messages: int
    rows: int
    wall_s: float
    least: float
    middle: float
    most: float
    high_water: float

    @property
    def swing(self) -> float:
        """The greatest distance from the middle, as a part of it."""
        return max(self.most - self.middle, self.middle - self.least) / self.middle


def hour(bench: Bench, part: float) -> Memory:
    """What the city's connectors say in an hour, as fast as the broker takes it; a part of it for a quick look.

    Each connector: a heartbeat every five minutes and a status an hour, each a message; a meter sample every five
    minutes, a hundred in a message.
    """
    minute = (
        Run("heartbeat", 1, CONNECTORS // 5),
        Run("status", 1, CONNECTORS // 60),
        Run("meter", 100, CONNECTORS // 500),
    )
    load = bench.city.load(*minute * max(1, round(60 * part)))
    samples = Samples(bench.memory_mb)
    done = bench.collect(load, meanwhile=samples.take)
    warm = samples.since(done.began + 0.15 * done.wall_s)
    return Memory(
        load.messages, load.rows, done.wall_s, min(warm), median(warm), max(warm), bench.memory_mb("VmHWM")
    )  # fmt: skip


class Samples:
    """A value now and then."""

    def __init__(self, read: Callable[[], float]) -> None:
        self._read, self._next = read, 0.0
        self._taken: list[tuple[float, float]] = []

    def take(self) -> None:
        """One, if it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._taken.append((now, self._read()))
            self._next = now + _SAMPLE_S

    def since(self, moment: float) -> list[float]:
        """Those taken since then, at least the last."""
        return [value for at, value in self._taken if at >= moment] or [self._taken[-1][1]]


@dataclass(frozen=True)
class Away:
    """Resident memory in MB before and while the database was away, and after all was caught up."""

    what: str
    messages: int
    seconds: float
    before: float
    most: float
    after: float
    window: float
    """What the unacknowledged messages may come to: the receive maximum times the largest."""

    @property
    def grown(self) -> float:
        """By how much it grew."""
        return self.most - self.before


def away(bench: Bench, what: str, run: Run, seconds: float) -> Away:
    """The database refuses everybody in the middle of a load, and comes back."""
    load = bench.city.load(run)
    publisher, _ = bench.publishing(load, bench.broker)
    before = bench.memory_mb()
    publisher.tell()
    time.sleep(0.2)
    samples, began = Samples(bench.memory_mb), time.monotonic()
    bench.database.go_away()
    while time.monotonic() < began + seconds:
        samples.take()
        time.sleep(0.05)
    bench.database.come_back()
    bench.look_again()
    for _ in bench.watch(load, samples.take):
        pass
    json.loads(publisher.hear())
    publisher.process.wait(10)
    bench.check(load)
    window = bench.settings.receive_maximum * load.largest / _MEGABYTE
    return Away(what, load.messages, seconds, before, max(samples.since(began)), bench.memory_mb(), window)
