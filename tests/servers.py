"""Real servers for the tests: the broker, and PostgreSQL with TimescaleDB in its Debian 13 root.

Each listens on a free port of 127.0.0.1, keeps its state in a temporary folder and ends with the process that started
it, also if that is killed (setpriv --pdeathsig).
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.bring import POSTGRES, TRIXIE, find_mosquitto


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    """Wait until the port accepts a connection; raises with the log's end if the process ends before that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args} does not listen on {port}: {log.read_text(errors='replace')[-2000:]}")


def dies_with_us(stop_signal: str) -> list[str]:
    """Words before a command that make the kernel stop it when this process ends, however it ends."""
    return ["setpriv", "--pdeathsig", stop_signal, "--"] if shutil.which("setpriv") else []


def end(process: subprocess.Popen[bytes], how: int = signal.SIGTERM, seconds: float = 20) -> None:
    """Stop a process of ours, at the latest by SIGKILL."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(seconds)


@contextlib.contextmanager
def started(*words: str | Path, **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process that runs beside a test, and not longer, however the test ends."""
    process = subprocess.Popen([*dies_with_us("KILL"), *words], **options)
    try:
        yield process
    finally:
        end(process, signal.SIGKILL)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


class Broker:
    """A mosquitto that keeps its sessions on disk; `start` after `stop` or `kill` takes the same port and state."""

    # Every queue explicit and large: mosquitto's own defaults drop in silence (1,000 messages a client).
    CONFIGURATION = """
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 0
max_packet_size 1048576
persistent_client_expiration 1d
{user}
"""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.log = folder / "mosquitto.log"
        self.configuration = folder / "mosquitto.conf"
        user = "user root" if os.geteuid() == 0 else ""
        self.configuration.write_text(self.CONFIGURATION.format(port=self.port, folder=folder, user=user))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What CHARGEWATCH_MQTT_URL takes."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = find_mosquitto()
        assert program is not None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*dies_with_us("TERM"), program, "-c", str(self.configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for_port(self.port, self.process, self.log)

    def stop(self) -> None:
        """Stop it as an administrator does: it saves its sessions first."""
        if self.process is not None:
            end(self.process)

    def kill(self) -> None:
        """kill -9: what was not yet saved is lost."""
        if self.process is not None:
            end(self.process, signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: the socket stays open and says nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


SERVER_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "timescaledb.max_background_workers": "0",
    "shared_buffers": "256MB",
    "dynamic_shared_memory_type": "sysv",  # the root's /dev/shm is a plain folder: nothing is mounted there
    "max_locks_per_transaction": "1024",
    "max_connections": "80",
    "fsync": "off",  # the machine does not lose power within a test; kill -9 of a server loses nothing by it
    "full_page_writes": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@contextlib.contextmanager
def timescale_server() -> Iterator[str]:
    """PostgreSQL 17 with TimescaleDB's Apache edition, run in the Debian 13 root; yields its URI without a database."""
    user, group = postgres_ids()
    identity = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    _remove_what_was_left_behind()
    cluster = Path(tempfile.mkdtemp(prefix="cluster-", dir=TRIXIE / "var/tmp"))
    data = f"/{cluster.relative_to(TRIXIE)}/data"  # as seen from inside
    port, password, log = free_port(), secrets.token_hex(16), cluster / "log"
    process = None
    try:
        (cluster / "password").write_text(password)
        shutil.chown(cluster, user, group)
        shutil.chown(cluster / "password", user, group)
        subprocess.run(
            [
                *("chroot", str(TRIXIE), *identity, f"{POSTGRES}/initdb", "-D", data, "-U", "postgres"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync"),
                f"--pwfile={Path(data).parent}/password",
            ],
            check=True,
            capture_output=True,
            env=environment,
        )
        options = [f"--{name}={value}" for name, value in {**SERVER_OPTIONS, "port": port}.items()]
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *("chroot", str(TRIXIE), *identity, "--pdeathsig", "INT"),
                    *(f"{POSTGRES}/postgres", "-D", data, *options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=environment,
            )
        wait_for_port(port, process, log)
        uri = f"postgresql://postgres:{password}@127.0.0.1:{port}"
        _wait_until_ready(f"{uri}/postgres")
        yield uri
    finally:
        if process is not None:
            end(process, signal.SIGINT)
        shutil.rmtree(cluster, ignore_errors=True)


def _wait_until_ready(uri: str) -> None:
    for _ in range(300):
        try:
            psycopg.connect(uri).close()
            return
        except psycopg.OperationalError:  # it listens before it has started up
            time.sleep(0.1)
    raise RuntimeError("PostgreSQL does not get ready")


def _remove_what_was_left_behind() -> None:
    """Folders of servers that died with a killed test run."""
    for old in (TRIXIE / "var/tmp").glob("cluster-*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > 3600 and not _serves(old):
                shutil.rmtree(old, ignore_errors=True)


def _serves(cluster: Path) -> bool:
    try:
        pid = (cluster / "data/postmaster.pid").read_text().split()[0]
        return str(cluster.name) in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def postgres_ids() -> tuple[int, int]:
    """User and group of PostgreSQL in the Debian 13 root."""
    for line in (TRIXIE / "etc/passwd").read_text().splitlines():
        name, _, user, group, *_ = line.split(":")
        if name == "postgres":
            return int(user), int(group)
    raise RuntimeError(f"no user postgres in {TRIXIE}")
