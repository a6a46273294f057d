"""One bench: servers, city and collector set up once, and each single measurement as a method."""

import json
import os
import signal
import subprocess
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks import city, copying
from benchmarks.processes import PROGRAM, Broker, Child, Collector, Database, cpu_s, memory_mb, script
from chargewatch.settings import load as load_settings

_POLL_S = 0.01
_SETTLE_S = 0.3
_PATIENCE_S = 300.0


@dataclass(frozen=True)
class Drive:
    """What one load came to. Times in seconds of the wall or of CPU; `lags` only where it was paced."""

    messages: int
    rows: int
    wall_s: float
    cpu_s: float
    database_cpu_s: float
    broker_cpu_s: float
    lags: tuple[float, ...] = ()
    began: float = 0.0


class Bench:
    """One database server for all that is measured; two brokers, as the collector's keeps its session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = load_settings()
        self.database = Database(folder / "home")
        self.environment = {
            **os.environ,
            "CHARGEWATCH_HOME": str(folder / "home"),
            "CHARGEWATCH_DSN": self.database.dsn,
        }
        self.city = city.City(datetime.now(UTC))
        city.write_registry(folder / "registry")
        for words in (["migrate"], ["registry", "import", str(folder / "registry")]):
            done = subprocess.run(
                [PROGRAM, *words], env=self.environment, cwd=folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(f"{' '.join(words)}: {done.stderr}")
        self.look_again()
        self.others_broker, self.broker = Broker(folder / "others"), Broker(folder / "ours")
        self.collector = Collector(folder, self.environment, self.broker)
        copying.make_tables(self.looking)

    def look_again(self) -> None:
        """Connect to the store, at first and after it was away."""
        self.looking = psycopg.connect(self.database.dsn, autocommit=True)

    def end(self) -> None:
        """Stop everything that was started."""
        self.collector.end()
        self.looking.close()
        self.others_broker.end()
        self.broker.end()
        self.database.end()

    def publishing(self, load: city.Load, broker: Broker, rate: float | None = None) -> tuple[Child, Path]:
        """A publisher that has its packets and waits for the word."""
        path = self.folder / load.boot_id
        load.save(path)
        publisher = script("publisher", broker.port, path, *([rate] if rate else []))
        assert publisher.hear() == "ready"
        return publisher, path

    def bare_paho(self, load: city.Load, form: str) -> Drive:
        """CPU of a client that only receives and acknowledges (`auto`, or `manual`), from its subscription on."""
        client = script("bare_paho", self.others_broker.port, load.messages, self.settings.receive_maximum, form)
        return self._beside(load, client, client)

    def usual(self, load: city.Load, form: str) -> Drive:
        """The script that most people write, `each` or `many`."""
        client = script("usual_script", self.others_broker.port, self.database.dsn, load.messages, form)
        done = self._beside(load, client, client)
        stored = copying.count(self.looking, "usual", load.boot_id)
        assert stored == load.rows, f"the script stored {stored} of {load.rows}"
        return done

    def _beside(self, load: city.Load, client: Child, measured: Child) -> Drive:
        try:
            assert client.hear() == "ready"
            publisher, _ = self.publishing(load, self.others_broker)
            before = self._costs(measured.pid, self.others_broker)
            publisher.tell()
            line = client.hear().split()
            ended = float(line[1]) if len(line) > 1 else time.monotonic()
            began = json.loads(publisher.hear())["began"]
            time.sleep(_SETTLE_S)
            after = self._costs(measured.pid, self.others_broker)
            publisher.process.wait(10)
        finally:
            client.end()
        cpu, database, broker = (b - a for a, b in zip(before, after, strict=True))
        return Drive(load.messages, load.rows, ended - began, cpu, database, broker)

    def collect(self, load: city.Load, rate: float | None = None, meanwhile: Callable[[], None] | None = None) -> Drive:
        """Our collector: from the first publish until every row of the load can be queried."""
        publisher, path = self.publishing(load, self.broker, rate)
        before = self._costs(self.collector.pid, self.broker)
        publisher.tell()
        seen = list(self.watch(load, meanwhile))
        began = json.loads(publisher.hear())["began"]
        publisher.process.wait(10)
        return self._collected(load, before, began, seen[-1][0], tuple(_lags(path, seen)) if rate else ())

    def drain(self, load: city.Load) -> Drive:
        """The same where all messages wait at the broker already: no publisher takes its part of the machine."""
        publisher, _ = self.publishing(load, self.broker)
        self.collector.process.send_signal(signal.SIGSTOP)
        try:
            publisher.tell()
            publisher.hear()
            publisher.process.wait(10)
            before, began = self._costs(self.collector.pid, self.broker), time.monotonic()
        finally:
            self.collector.process.send_signal(signal.SIGCONT)
        return self._collected(load, before, began, list(self.watch(load))[-1][0])

    def _collected(
        self,
        load: city.Load,
        before: tuple[float, float, float],
        began: float,
        ended: float,
        lags: tuple[float, ...] = (),
    ) -> Drive:
        time.sleep(_SETTLE_S)
        after = self._costs(self.collector.pid, self.broker)
        self.check(load)
        cpu, database, broker = (b - a for a, b in zip(before, after, strict=True))
        return Drive(load.messages, load.rows, ended - began, cpu, database, broker, lags, began)

    def watch(self, load: city.Load, meanwhile: Callable[[], None] | None = None) -> Iterator[tuple[float, int]]:
        """Moments, and how many messages of the load could be queried by then, in the order of publishing.

        One publisher, one order: who has the last message has them all, so that one look into an index suffices.
        """
        deadline, most = time.monotonic() + _PATIENCE_S, 0
        while True:
            row = self.looking.execute(
                "SELECT operator_id, seq, boot_id FROM message ORDER BY message_id DESC LIMIT 1"
            ).fetchone()
            now = time.monotonic()
            if row is not None and row[2] == load.boot_id:
                most = row[1] * len(city.OPERATORS) + city.OPERATORS.index(row[0]) + 1
                yield now, most
            if most == load.messages:
                return
            if now > deadline or self.collector.process.poll() is not None:
                raise SystemExit(f"{most} of {load.messages} messages stored: {self.collector.log.read_text()[-1000:]}")
            if meanwhile is not None:
                meanwhile()
            time.sleep(_POLL_S)

    def check(self, load: city.Load) -> None:
        """Every message and every item of it is stored, and once."""
        stored = self.looking.execute(
            "SELECT count(*), sum(stored) FROM message WHERE boot_id = %s", [load.boot_id]
        ).fetchone()
        assert stored == (load.messages, load.rows), f"stored {stored}, not {load.messages, load.rows}"

    def _costs(self, pid: int, broker: Broker) -> tuple[float, float, float]:
        return cpu_s(pid), self.database.cpu_s(), cpu_s(broker.process.pid)

    def copy(self, load: city.Load) -> Drive:
        """The rows that the collector stored of this load, by bare binary COPY into tables of the same shape."""
        rows = copying.rows_of(self.looking, load.boot_id)
        database = self.database.cpu_s()
        wall, cpu = copying.copy(self.looking, rows, self.settings.batch_items)
        return Drive(load.messages, sum(map(len, rows.values())), wall, cpu, self.database.cpu_s() - database, 0.0)

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Of the collector."""
        return memory_mb(self.collector.pid, field)


def _lags(path: Path, seen: list[tuple[float, int]]) -> Iterator[float]:
    sent: array[float] = array("d")
    sent.frombytes(path.with_suffix(".sent").read_bytes())
    index = 0
    for moment, upto in seen:
        while index < upto:
            yield moment - sent[index]
            index += 1
