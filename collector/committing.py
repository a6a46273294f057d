"""The database's side of the collector: one batch at a time is stored, however long that takes, then acknowledged.

A thread of its own, so that the next batch fills while one commits. It alone uses the connection. Whatever fails is
tried again with growing pauses, and said; what a single message makes fail costs that message alone.
"""

import errno
import os
import queue
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime

import msgspec
import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.settings import Settings
from collector import contract
from collector.archive import Archive
from collector.clock import Clock
from collector.contract import Decoded, Directory
from collector.metrics import Metrics
from collector.mqtt import Message
from collector.pulse import taken as pulses
from collector.store import Fates, Store, directory, version_and_time

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
_LOOK_S = 5.0
_PREDECESSOR_S = 10.0
_OF_THE_MESSAGE = ("22", "23", "54")
"""SQLSTATE classes of what a value is to blame for: data exception, integrity constraint, program limit."""

_SERVER_NOTICES = (
    b"SET tcp_keepalives_idle = 10", b"SET tcp_keepalives_interval = 5", b"SET tcp_keepalives_count = 3",
)  # fmt: skip
"""So that the server lets go of our lock half a minute after this machine has vanished, not after two hours."""


class Batch(msgspec.Struct):
    """Messages in the order of their receipt; some are `facts`, some our own `pulses`, retained copies neither."""

    messages: list[Message] = msgspec.field(default_factory=list)
    facts: list[Message] = msgspec.field(default_factory=list)
    decoded: list[Decoded] = msgspec.field(default_factory=list)
    pulses: list[Message] = msgspec.field(default_factory=list)
    directory: Directory | None = None
    items: int = 0


class Unbalanced(Exception):
    """The store has not told one fate for every item of a batch: nothing of it may be acknowledged."""


class _Away(Exception):
    """The database could not take a batch before the collector was told to stop."""


class Committer(threading.Thread):
    """Stores what `submit` hands over and calls `acknowledge` with it; `failure` is set where it cannot go on at all.

    `known` is the registry by which to decode; a batch decoded by an older one is decoded again before it is stored.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        metrics: Metrics,
        acknowledge: Callable[[list[Message]], None],
        tell: Callable[[str], None],
        stopping: threading.Event,
    ) -> None:
        super().__init__(name="store", daemon=True)
        self.settings, self.clock, self.metrics = settings, clock, metrics
        self.acknowledge, self.tell, self.stopping = acknowledge, tell, stopping
        self.free = threading.Event()
        self.free.set()
        self.fates = Fates()
        self.known = Directory({})
        self.rehearsal = False
        self.failure: Exception | None = None
        self.held = 0
        """Messages handed over and not yet stored."""
        self.asked_at = 0.0
        """Since when (time.monotonic) the database or the disk is asked for something; 0 while it is not."""
        self._predecessor: tuple[int, datetime] | None = None
        self._inbox: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._version = -1
        self._link = ExitStack()
        self._store: Store | None = None
        self._archive = Archive(settings.capture_dir) if settings.capture_dir else None

    def submit(self, batch: Batch) -> None:
        """Hand over a batch; only while `free` is set."""
        self.free.clear()
        self.held = len(batch.messages)
        self._inbox.put(batch)

    def end(self) -> None:
        """Nothing more will be handed over."""
        self._inbox.put(None)

    def run(self) -> None:
        """Store batch after batch until `end`; look at the database from time to time while there is none."""
        try:
            while True:
                try:
                    batch = self._inbox.get(timeout=_LOOK_S)
                except queue.Empty:
                    self._look_around()
                    continue
                if batch is None:
                    return
                self._commit(batch)
                self.held = 0
                self.free.set()
        except _Away:
            pass
        except Exception as error:
            self.failure = error
        finally:
            self.close()
            if self._archive is not None:
                with suppress(OSError):
                    self._archive.close()
            self.free.set()

    def _commit(self, batch: Batch) -> None:
        self._insist(lambda: self._keep_bytes(batch), len(batch.messages))
        started = time.monotonic()
        self._insist(lambda: self._write(batch), len(batch.messages))
        self.metrics.commit_seconds.observe(time.monotonic() - started)
        self.acknowledge(batch.messages)

    def _insist(self, step: Callable[[], None], messages: int) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return self._ask(step)
            except (psycopg.Error, Refusal, OSError) as error:
                self._failed(error)
                if self.stopping.is_set():
                    raise _Away from None
                wait_s = pause * random.uniform(0.5, 1.0)
                why = " ".join(str(error).split())
                self.tell(f"{messages} messages cannot be stored now ({why}); trying again in {wait_s:.1f} s.")
                self.stopping.wait(wait_s)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _ask(self, step: Callable[[], object]) -> None:
        self.asked_at = time.monotonic()
        try:
            step()
        finally:
            self.asked_at = 0.0

    def _keep_bytes(self, batch: Batch) -> None:
        if self._archive is not None:
            self._archive.write((one.topic, one.payload, one.received_at) for one in batch.facts)

    def _write(self, batch: Batch) -> None:
        store = self._ready()
        if batch.directory is not self.known:
            batch.decoded = [self.decode(one, self.known) for one in batch.facts]
            batch.directory = self.known
        if not self.rehearsal:
            pulses.write(store.connection, batch.pulses)
        self._divide(store, batch.facts, batch.decoded)

    def decode(self, message: Message, known: Directory) -> Decoded:
        """What a message holds, by the registry as it was known then."""
        receipt = None if self.rehearsal else message.received_at
        return contract.decode(message.topic, message.payload, receipt, known)

    def _divide(self, store: Store, messages: Sequence[Message], decoded: Sequence[Decoded]) -> None:
        """Store them together; where the database refuses a value, halve until its message stands alone."""
        try:
            fates = store.write(decoded)
        except Exception as error:
            if not _the_messages_own(error):
                raise
            if len(decoded) == 1:
                refused = contract.refused_by_the_database(decoded[0], messages[0].payload, type(error).__name__)
                self._committed([refused], store.write([refused]))
                return
            half = len(decoded) // 2
            self._divide(store, messages[:half], decoded[:half])
            self._divide(store, messages[half:], decoded[half:])
            return
        self._committed(decoded, fates)

    def _committed(self, decoded: Sequence[Decoded], fates: Fates) -> None:
        offered = sum(one.offered for one in decoded)
        counts = fates.counts.values()
        told = sum(one.stored + one.duplicate + one.quarantined for one in counts)
        if not offered == told == sum(one.offered for one in counts):
            raise Unbalanced(f"{offered} items were offered and {told} have a fate")
        self.fates.add(fates)
        self.metrics.committed(decoded, fates, self.known.connectors)

    def _ready(self) -> Store:
        """The store, connected, and the registry as it stands now."""
        if self._store is None:
            self._store = self.open()
        else:
            self._look(self._store.connection)
        self.metrics.database_up(True)
        return self._store

    def open(self) -> Store:
        """A connection that holds the lock of our client id: two collectors under one would take it from each other."""
        self.close()
        connection = self._link.enter_context(database.connect())
        self._end_our_own_last_session(connection)
        deadline = time.monotonic() + _PREDECESSOR_S
        while not self._link.enter_context(database.job_lock(connection, f"collector {self.settings.client_id}")):
            # The server may not have noticed yet that a predecessor was killed.
            if time.monotonic() > deadline or self.stopping.wait(0.2):
                raise Refusal(
                    f"a collector named {self.settings.client_id} is running already",
                    "CHARGEWATCH_CLIENT_ID to be another one",
                )
        self._store = Store(connection)
        self.rehearsal = self._store.rehearsal
        self._look(connection)
        self.metrics.database_up(True)
        return self._store

    def _end_our_own_last_session(self, connection: psycopg.Connection) -> None:
        """Behind a network that broke the server waits for it still, and it holds the lock and half a batch."""
        for statement in _SERVER_NOTICES:
            connection.execute(statement)
        if self._predecessor is not None:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s",
                self._predecessor,
            )
        self._predecessor = connection.execute(
            "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()

    def close(self) -> None:
        """Let go of the connection."""
        self._store = None
        with suppress(psycopg.Error):
            self._link.close()

    def cut(self) -> None:
        """Break off what waits for the database; from another thread."""
        store = self._store
        if store is not None:
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(store.connection.fileno())) as link:
                link.shutdown(socket.SHUT_RDWR)

    def _look(self, connection: psycopg.Connection) -> None:
        version, moment = version_and_time(connection)
        self.clock.set(moment)
        if version != self._version:
            self.known, self._version = directory(connection), version

    def _look_around(self) -> None:
        """Nothing comes: is the database there, what time is it, has the registry changed?"""
        try:
            self._ask(self._ready)
        except (psycopg.Error, Refusal, OSError) as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.close()
        self.metrics.database_up(False)
        self.metrics.database_failed(reason(error))


def reason(error: Exception) -> str:
    """One word for why the database, or the disk of the archive, did not take a batch; a label of the metrics."""
    if isinstance(error, psycopg.errors.DiskFull) or getattr(error, "errno", None) == errno.ENOSPC:
        return "disk_full"
    if isinstance(error, Refusal):
        return "id_in_use" if "is running already" in error.seen else "unreachable"
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return "read_only"
    if isinstance(error, psycopg.OperationalError):
        return "connection_lost" if (error.sqlstate or "57P01")[:3] in ("57P", "080") else "refused"
    return "archive" if isinstance(error, OSError) else "refused"


def _the_messages_own(error: Exception) -> bool:
    """Whether a value of the batch is to blame, and not the database's state, its connection or the machine."""
    if isinstance(error, psycopg.Error):
        return (error.sqlstate or "")[:2] in _OF_THE_MESSAGE or isinstance(error, psycopg.DataError)
    return isinstance(error, (ValueError, TypeError, ArithmeticError, RecursionError, struct.error))
