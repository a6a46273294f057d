"""The world of the fault harness: a broker, a database, a proxy before each, and a collector between the proxies."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg

from tests.commands import PROGRAM
from tests.faults.database import Postgres, why_no_tmpfs
from tests.faults.proxy import BACK, OUT, Gate, Proxy
from tests.faults.stream import Publisher, Stream, register
from tests.servers import Broker, dies_with_us, end, free_port

COMMIT = b"COMMIT\0"
COLLECT = (PROGRAM, "collect")
ACKNOWLEDGEMENT = b"\x40\x02"
"""First bytes of a PUBACK without a reason."""


class World:
    """Everything that runs; `program` is the collector, another one where a trap is put back."""

    def __init__(
        self, database: Postgres, broker: Broker, program: Sequence[str | Path] = (PROGRAM, "collect")
    ) -> None:
        self.database, self.broker, self.program = database, broker, program
        self.to_database, self.to_broker = Proxy(database.port), Proxy(broker.port)
        self.publisher = Publisher(broker.port)
        self.name, self.boot = "facts", "b"
        self.number = 0
        self.settings: dict[str, str] = {}
        self.metrics_port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="collectors-"))
        self.collector: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self._direct: psycopg.Connection | None = None

    # The collector.

    @property
    def log(self) -> str:
        """What the running collector has said."""
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.starts}.log"

    def start_collector(self, *, wait: bool = True) -> None:
        """Start it; with `wait`, until it is connected."""
        self.starts += 1
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "CHARGEWATCH_HOME": str(self.folder),
            "CHARGEWATCH_DSN": self.database.uri(self.name, self.to_database.port),
            "CHARGEWATCH_MQTT_URL": f"mqtt://127.0.0.1:{self.to_broker.port}",
            "CHARGEWATCH_CLIENT_ID": "collector",
            "CHARGEWATCH_COLLECTOR_METRICS_PORT": str(self.metrics_port),
            **self.settings,
        }
        with self._log.open("wb") as output:
            self.collector = subprocess.Popen(
                [*dies_with_us("KILL"), *map(str, self.program)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        if wait:
            self.wait_connected()

    def wait_connected(self, seconds: float = 60) -> None:
        """Until the collector says that it collects."""
        deadline = time.monotonic() + seconds
        while "Collecting from" not in self.log:
            if not self.running() and "is running already" in self.log:
                # The server has not noticed yet that the one before was killed; a supervisor starts it again.
                self.start_collector(wait=False)
            elif not self.running():
                raise AssertionError(f"the collector has ended: {self.log}")
            assert time.monotonic() < deadline, f"the collector does not connect: {self.log}"
            time.sleep(0.01)

    def running(self) -> bool:
        """Whether the collector runs."""
        return self.collector is not None and self.collector.poll() is None

    def kill_collector(self) -> None:
        """kill -9."""
        assert self.collector is not None
        end(self.collector, signal.SIGKILL)

    def stop_collector(self) -> int:
        """SIGTERM; its exit status."""
        assert self.collector is not None
        end(self.collector, signal.SIGTERM, 60)
        return self.collector.returncode

    def metric(self, name: str) -> float:
        """One sample of the collector's metrics, by its name with labels; 0 where there is none."""
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as page,
        ):
            for line in page.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.rsplit(" ", 1)[1])
        return 0.0

    def wait_for(self, holds: Callable[[], object], what: str, seconds: float = 60) -> None:
        """Until that holds; the collector's words are in the failure."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, (
                f"not within {seconds} s: {what}; the collector says: {self.log[-2000:]}"
            )
            time.sleep(0.02)

    # The windows between COPY, COMMIT and PUBACK: the proxies see the words go by.

    def before_commit(self) -> Gate:
        """Holds the collector's COMMIT back: all rows are sent, none is committed."""
        return self.to_database.gate(OUT, COMMIT)

    def after_commit(self) -> Gate:
        """Holds the server's answer to it back: the rows are committed and the collector does not know."""
        return self.to_database.gate(BACK, COMMIT)

    def before_acknowledgement(self) -> Gate:
        """Holds the collector's acknowledgements back."""
        return self.to_broker.gate(OUT, ACKNOWLEDGEMENT)

    # Streams and what became of them.

    @contextlib.contextmanager
    def stream(self, dice: random.Random, per_second: float) -> Iterator[Stream]:
        """Messages come while this is open."""
        stream = Stream(self.publisher, random.Random(dice.random()), self.number, self.boot, per_second)
        stream.start()
        try:
            yield stream
        finally:
            stream.stop()
            self.number = stream.next

    def send(self, count: int) -> None:
        """So many messages at once."""
        for _ in range(count):
            self.publisher.send(self.number, self.boot)
            self.number += 1

    def settle(self) -> None:
        """Until the broker has acknowledged everything that was sent."""
        self.publisher.settle()

    def direct(self) -> psycopg.Connection:
        """A connection to the database that goes through no proxy."""
        with contextlib.suppress(psycopg.Error):
            if self._direct is not None and self._direct.info.dbname == self.name:
                self._direct.execute("SELECT 1")
                return self._direct
        if self._direct is not None:
            self._direct.close()
        self._direct = psycopg.connect(self.database.uri(self.name), autocommit=True, connect_timeout=10)
        return self._direct

    def heal(self) -> None:
        """Everything runs and nothing misbehaves."""
        self.to_database.heal()
        self.to_broker.heal()
        for process in (self.collector, self.broker.process):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
        self.database.resume()
        for disk in (self.database.small_wal, self.database.small_space):
            if disk is not None:
                disk.empty()
        if self.database.process is None or self.database.process.poll() is not None:
            self.database.start()
        self.database.wait()
        if self.broker.process is None or self.broker.process.poll() is not None:
            self.broker.start()
        if not self.running():
            self.start_collector()

    def forget_sessions(self) -> None:
        """Restart the broker without what it kept: packet ids begin again at 1."""
        self.broker.stop()
        for kept in self.broker.folder.glob("mosquitto.db*"):
            kept.unlink()
        self.broker.start()

    def close(self) -> None:
        """End everything that this world started."""
        self.publisher.close()
        if self.collector is not None:
            self.collector.send_signal(signal.SIGCONT)
            end(self.collector, signal.SIGKILL)
        if self._direct is not None:
            self._direct.close()
        self.to_database.close()
        self.to_broker.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def servers(kind: str, *, small_wal_mb: int | None = None) -> Iterator[tuple[Postgres, Broker]]:
    """A database with the harness's registry, and a broker."""
    folder = Path(tempfile.mkdtemp(prefix="mosquitto-"))
    database, broker = Postgres(kind, small_wal_mb), Broker(folder)
    try:
        database.start()
        database.make("facts")
        with psycopg.connect(database.uri("facts"), autocommit=True) as connection:
            register(connection)
        if not why_no_tmpfs():
            database.make_small("small", "facts", 96)
        broker.start()
        yield database, broker
    finally:
        broker.resume()
        broker.stop()
        database.remove()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def world(kind: str = "embedded", *, small_wal_mb: int | None = None) -> Iterator[World]:
    """A world that is ready for faults."""
    with servers(kind, small_wal_mb=small_wal_mb) as (database, broker):
        one = World(database, broker)
        try:
            yield one
        finally:
            one.close()
