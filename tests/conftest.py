"""What all tests share: fresh databases on both backends, a real broker, the command as a user types it.

`dsn` runs a test twice, on the embedded PostgreSQL and on TimescaleDB. Each test gets a database of its own, copied
from one that was migrated once in the session, and finds it in CHARGEWATCH_DSN; so do the processes that it starts.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.bring import ci, tools_path, why_no_broker, why_no_timescale
from tests.commands import Command, Typed
from tests.servers import Broker, free_port, timescale_server

WITHOUT_SOCKETS = ("unit", "generative", "spec", "health")
_numbers = itertools.count()
os.environ["PATH"] = tools_path()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unit tests open no socket, not even to this machine."""
    tests = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(tests).parts[0] if item.path.is_relative_to(tests) else ""
        if folder in WITHOUT_SOCKETS:
            item.add_marker(pytest.mark.disable_socket)
        if folder in ("integration", "functional"):
            item.add_marker(folder)


@pytest.fixture(autouse=True)
def _no_server_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """libpq opens its sockets below Python's: where there are no sockets, there is no database to be found either."""
    if request.node.get_closest_marker("disable_socket"):
        monkeypatch.setenv("CHARGEWATCH_HOME", "/dev/null/unit-tests-have-no-database")
        monkeypatch.setenv("CHARGEWATCH_DSN", "host=/dev/null/unit-tests-have-no-database")
        assert not {"dsn", "embedded_dsn", "broker"} & set(request.fixturenames), "this is an integration test"


def need(why_not: str) -> None:
    """Leave the test out for this reason, if there is one; where nothing may be left out, fail."""
    if why_not and ci():
        pytest.fail(f"CI is set and nothing may be left out, but {why_not}")
    if why_not:
        pytest.skip(why_not)


class Databases:
    """Fresh migrated databases on one server: `fresh()` copies one that was migrated once."""

    def __init__(self, server: str) -> None:
        self.server = server  # URI with `{database}` where the name goes
        self.templates: dict[bool, str] = {}

    def uri(self, name: str) -> str:
        return self.server.replace("{database}", name)

    def run(self, sql: str) -> None:
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())

    def template(self, rehearsal: bool) -> str:
        if rehearsal not in self.templates:
            name = f"migrated_{os.getpid()}_{'rehearsal' if rehearsal else 'real'}"
            self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            self.run(f"CREATE DATABASE {name}")
            # A process of its own: Django is configured once a process.
            subprocess.run(
                [sys.executable, "-c", f"from chargewatch.migrate import migrate; migrate(rehearsal={rehearsal})"],
                env={**os.environ, "CHARGEWATCH_DSN": self.uri(name)},
                check=True,
            )
            # Nobody connects to it any more, so that it can be copied at any time.
            self.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            self.templates[rehearsal] = name
        return self.templates[rehearsal]

    def fresh(self, rehearsal: bool) -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        # Without fsync, copying files is ten times faster than to write them through the log.
        self.run(f"CREATE DATABASE {name} TEMPLATE {self.template(rehearsal)} STRATEGY FILE_COPY")
        return name

    def drop(self, name: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def databases() -> Iterator[Callable[[str], Databases]]:
    """Gives the databases of a backend, "embedded" or "timescale"; its server starts when it is first asked for."""
    from chargewatch import embedded

    with ExitStack() as stack:
        started: dict[str, Databases] = {}

        def start_embedded() -> str:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="chargewatch-", dir="/tmp"))
            os.chmod(home, 0o755)  # the server runs as another user where we are root
            stack.callback(embedded.stop, Path(home))
            server = embedded.ensure(Path(home))
            with psycopg.connect(server, autocommit=True) as connection:
                # The machine does not lose power within a test; kill -9 of a server loses nothing by it.
                for setting in ("fsync", "full_page_writes"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
                connection.execute("SELECT pg_reload_conf()")
            return server.replace("/postgres?", "/{database}?")

        def start_timescale() -> str:
            need(why_no_timescale())
            return stack.enter_context(timescale_server()) + "/{database}"

        def of(backend: str) -> Databases:
            if backend not in started:
                started[backend] = Databases(start_embedded() if backend == "embedded" else start_timescale())
            return started[backend]

        yield of


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty CHARGEWATCH_HOME; an embedded server that the test started there is stopped."""
    from chargewatch import embedded

    folder = Path(tempfile.mkdtemp(prefix="chargewatch-", dir="/tmp"))
    folder.chmod(0o755)
    monkeypatch.setenv("CHARGEWATCH_HOME", str(folder))
    monkeypatch.delenv("CHARGEWATCH_DSN", raising=False)
    # No two tests, and no service of this machine, share a port or a broker by accident.
    monkeypatch.setenv("CHARGEWATCH_COLLECTOR_METRICS_PORT", "0")
    monkeypatch.setenv("CHARGEWATCH_SCHEDULER_METRICS_PORT", "0")
    monkeypatch.setenv("CHARGEWATCH_MQTT_URL", f"mqtt://127.0.0.1:{free_port()}")
    yield folder
    if (folder / "users").exists():
        embedded.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _database(
    backend: str, rehearsal: bool, databases: Callable[[str], Databases], monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    server = databases(backend)
    name = server.fresh(rehearsal)
    monkeypatch.setenv("CHARGEWATCH_DSN", server.uri(name))
    yield server.uri(name)
    server.drop(name)


@pytest.fixture(params=["embedded", "timescale"])
def dsn(
    request: pytest.FixtureRequest,
    home: Path,
    databases: Callable[[str], Databases],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A fresh migrated database, once on the embedded PostgreSQL and once on TimescaleDB; CHARGEWATCH_DSN names it."""
    yield from _database(request.param, False, databases, monkeypatch)


@pytest.fixture
def embedded_dsn(home: Path, databases: Callable[[str], Databases], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh migrated database on the embedded PostgreSQL; CHARGEWATCH_DSN names it."""
    yield from _database("embedded", False, databases, monkeypatch)


@pytest.fixture(params=["embedded", "timescale"])
def rehearsal_dsn(
    request: pytest.FixtureRequest,
    home: Path,
    databases: Callable[[str], Databases],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A fresh database migrated as a rehearsal, on both backends; CHARGEWATCH_DSN names it."""
    yield from _database(request.param, True, databases, monkeypatch)


@pytest.fixture
def embedded_rehearsal_dsn(
    home: Path, databases: Callable[[str], Databases], monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A fresh database migrated as a rehearsal on the embedded PostgreSQL; CHARGEWATCH_DSN names it."""
    yield from _database("embedded", True, databases, monkeypatch)


@pytest.fixture
def empty_dsn(home: Path, databases: Callable[[str], Databases], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database without any table, on the embedded PostgreSQL; CHARGEWATCH_DSN names it."""
    server, name = databases("embedded"), f"empty_{os.getpid()}_{next(_numbers)}"
    server.run(f"CREATE DATABASE {name}")
    monkeypatch.setenv("CHARGEWATCH_DSN", server.uri(name))
    yield server.uri(name)
    server.drop(name)


@pytest.fixture
def broker(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """A running mosquitto of this test alone; CHARGEWATCH_MQTT_URL names it."""
    need(why_no_broker())
    folder = Path(tempfile.mkdtemp(prefix="mosquitto-"))
    server = Broker(folder)
    monkeypatch.setenv("CHARGEWATCH_MQTT_URL", server.url)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def chargewatch(home: Path, tmp_path: Path) -> Iterator[Command]:
    """The command as a user types it: `chargewatch("uptime", "report", …)`, or `.start("collect")` to let it run."""
    command = Command(tmp_path, {})
    yield command
    command.end_all()


@pytest.fixture
def typed(home: Path, tmp_path: Path) -> Iterator[Typed]:
    """The command line without its process, for tests of what commands answer: `typed("uptime", "report", …)`."""
    command = Typed(tmp_path, {})
    yield command
    command.end_all()
