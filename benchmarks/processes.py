"""Processes of the benchmark: what they cost, and the servers, started here and ended here."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from chargewatch import embedded

PROGRAM = Path(sys.executable).parent / "chargewatch"
_TICKS = os.sysconf("SC_CLK_TCK")
_TREE = Path(__file__).resolve().parents[1]


def cpu_s(pid: int) -> float:
    """User and system time of a process so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def family_cpu_s(pid: int) -> float:
    """The same of a process and its children, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = sum(map(int, fields[11:15])) / _TICKS
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                total += cpu_s(int(child))
    return total


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """Resident memory of a process now, or with VmHWM the most it ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no {field}")


class Child:
    """A process that ends with us; what it says can be waited for."""

    def __init__(self, words: list[str], environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_TREE, env=environment,
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def hear(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        return line.strip()

    def tell(self, line: str = "") -> None:
        """Give it a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """SIGTERM, and SIGKILL for who does not listen."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def script(name: str, *words: object) -> Child:
    """One of the scripts beside this file."""
    return Child([sys.executable, "-m", f"benchmarks.{name}", *map(str, words)])


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder of our own below TMPDIR, removed at the end; the database's own user may look into it."""
    path = Path(tempfile.mkdtemp(prefix="chargewatch-bench-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Broker:
    """A mosquitto with the settings of deploy/mosquitto/mosquitto.conf, but for its place."""

    def __init__(self, where: Path) -> None:
        where.mkdir()
        self.port, kept = free_port(), []
        for line in (_TREE / "deploy/mosquitto/mosquitto.conf").read_text().splitlines():
            if not line.startswith(("listener", "persistence_location", "#")):
                kept.append(line)
        kept += [f"listener {self.port} 127.0.0.1", f"persistence_location {where}/"]
        kept += ["user root"] if os.geteuid() == 0 else []
        (where / "mosquitto.conf").write_text("\n".join(kept) + "\n")
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if program is None:
            raise SystemExit("mosquitto is not installed. On Debian or Ubuntu: apt install mosquitto")
        with (where / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", program, "-c", str(where / "mosquitto.conf")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"mosquitto does not start: {(where / 'log').read_text()[-1000:]}") from None
                time.sleep(0.02)

    def end(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait(30)


class Database:
    """The embedded PostgreSQL as `chargewatch` runs it, durable, with a database of our own on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        control = embedded.ensure(home)
        self.control = psycopg.connect(control, autocommit=True)
        self.control.execute("CREATE DATABASE city")
        self.dsn = control.replace("/postgres?", "/city?")
        settings = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level")
        self.settings = {name: str(self._one(f"SHOW {name}")) for name in settings}
        assert self.settings["fsync"] == self.settings["synchronous_commit"] == "on", "the benchmark must be durable"
        data = Path(str(self._one("SHOW data_directory")))
        self.pid = int((data / "postmaster.pid").read_text().split()[0])

    def _one(self, query: str) -> object:
        row = self.control.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def cpu_s(self) -> float:
        """Of the whole server: backends, writers, the collector's and our own looks alike."""
        return family_cpu_s(self.pid)

    def go_away(self) -> None:
        """Nobody is let in, and who is in is thrown out."""
        self.control.execute("ALTER DATABASE city ALLOW_CONNECTIONS false")
        self.control.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'city'")

    def come_back(self) -> None:
        """Let everybody in again."""
        self.control.execute("ALTER DATABASE city ALLOW_CONNECTIONS true")

    def end(self) -> None:
        """Stop the server."""
        self.control.close()
        embedded.stop(self.home)


class Collector:
    """`chargewatch collect`, as a user starts it."""

    def __init__(self, where: Path, environment: Mapping[str, str], broker: Broker) -> None:
        self.log = where / "collector.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", str(PROGRAM), "collect"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=where,
                env={
                    **environment,
                    "CHARGEWATCH_MQTT_URL": f"mqtt://127.0.0.1:{broker.port}",
                    "CHARGEWATCH_COLLECTOR_METRICS_PORT": str(free_port()),
                    "CHARGEWATCH_CLIENT_ID": "bench",
                },
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while "Collecting from" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the collector does not start: {self.log.read_text()[-1000:]}")
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def end(self) -> None:
        """SIGTERM, as systemd stops it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
