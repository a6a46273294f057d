"""What the demo stands on: its own database, broker, collector and scheduler, all ended at its end."""

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from chargewatch import embedded, settings
from chargewatch.demo import broker
from chargewatch.demo.processes import Processes, free_port
from chargewatch.errors import Refusal
from chargewatch.output import say

DATABASE = "demo"


@dataclass(frozen=True, slots=True)
class Stage:
    """A rehearsal store and a broker, ready; collector and scheduler start when the city is registered."""

    folder: Path
    dsn: str
    mqtt_url: str
    metrics: dict[str, str]
    processes: Processes

    def connect(self) -> psycopg.Connection:
        """A connection to the demo's store."""
        return psycopg.connect(self.dsn, autocommit=True)

    def start(self, process: str, command: str, ready: str) -> None:
        """Start `chargewatch COMMAND` and wait until it says that it is ready."""
        self.processes.start(process, self.processes.command(command))
        self.processes.wait_for_words(process, ready)


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Start database and broker in the demo's own folder; whatever happens, everything started here is ended."""
    folder = settings.load().home / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(
            f"the folder {folder} cannot be made: {error.strerror}", "CHARGEWATCH_HOME to be writable"
        ) from None
    with contextlib.ExitStack() as ending:
        ending.enter_context(_alone(folder))
        say("database   an embedded PostgreSQL is starting …")
        server = embedded.ensure(folder)
        ending.callback(embedded.stop, folder)
        dsn = server.replace("/postgres?", f"/{DATABASE}?")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {DATABASE}")
        port, collector, scheduler = free_port(1883), free_port(9464), free_port(9465)
        mqtt_url = f"mqtt://127.0.0.1:{port}"
        processes = Processes(
            folder,
            {
                "CHARGEWATCH_HOME": str(folder),
                "CHARGEWATCH_DSN": dsn,
                "CHARGEWATCH_MQTT_URL": mqtt_url,
                "CHARGEWATCH_CLIENT_ID": "chargewatch-demo",
                "CHARGEWATCH_COLLECTOR_METRICS_PORT": str(collector),
                "CHARGEWATCH_SCHEDULER_METRICS_PORT": str(scheduler),
                "CHARGEWATCH_CAPTURE_DIR": "",
            },
        )
        ending.callback(processes.end)
        processes.run("migrate", "--rehearsal")
        say(f"broker     {broker.start(processes, folder / 'broker', port)}.")
        yield Stage(
            folder,
            dsn,
            mqtt_url,
            {
                "collector": f"http://127.0.0.1:{collector}/metrics",
                "scheduler": f"http://127.0.0.1:{scheduler}/metrics",
            },
            processes,
        )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(
                f"a demo is running in {folder} already", "it to end first, or another CHARGEWATCH_HOME"
            ) from None
        yield
