"""The collector: the broker's messages into the store, each acknowledged after its commit.

The unacknowledged messages are the brake: while the database is away they stay at the broker, but for the window
(Receive Maximum) that is held here and tried again and again.
"""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.settings import Settings
from collector import contract
from collector.archive import Archive
from collector.clock import Clock
from collector.contract import Decoded, Directory
from collector.metrics import Metrics
from collector.mqtt import Message, Subscription, address
from collector.store import Fates, Store, directory, link_states, version_and_time

_IDLE_S = 0.5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
_PREDECESSOR_S = 10.0


class Away(Exception):
    """The database could not take a batch before the collector was told to stop."""


class Collector:
    """One collector; `run` returns when `stop` was called and what had been taken is stored and acknowledged."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self.settings, self.tell = settings, tell
        self.fates = Fates()
        self.stopping = threading.Event()
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._batch: list[tuple[Message, Decoded]] = []
        self._items = 0
        self._clock = Clock()
        self._session_kept_since = 0
        self._held = ExitStack()
        self._store: Store | None = None
        self._directory, self._version = Directory({}), -1
        self._rehearsal = False
        self._archive = Archive(settings.capture_dir) if settings.capture_dir else None
        self.metrics = Metrics(self._unacknowledged)
        self.subscription = Subscription(
            address(settings.mqtt_url),
            client_id=settings.client_id,
            receive_maximum=settings.receive_maximum,
            persistent=True,
            clock=self._clock,
            deliver=self._queue.put,
            connected=self._connected,
            room=lambda: self._queue.qsize() <= settings.receive_maximum,
            tell=tell,
        )

    def stop(self) -> None:
        """Ask it to end; from a signal handler or another thread."""
        self.stopping.set()

    def run(self) -> None:
        """Collect until stopped; Refusal if database or broker cannot be had at the start."""
        with ExitStack() as ending:
            ending.callback(self._close)
            store = self._open()
            self._rehearsal = store.rehearsal
            self.metrics.links(link_states(store.connection))
            self._serve_metrics(ending)
            self.subscription.start()
            ending.callback(self.subscription.stop)
            if self._archive is not None:
                ending.callback(self._archive.close)
            while not (self.subscription.up.wait(0.05) or self.subscription.failure or self.stopping.is_set()):
                pass
            if not self.subscription.failure:
                self.tell(f"Collecting from {self.subscription.where} as {self.settings.client_id}.")
            self._collect()
            if self.subscription.failure:
                raise Refusal(
                    f"the broker at {self.subscription.where} cannot be used: {self.subscription.failure}",
                    "CHARGEWATCH_MQTT_URL to name a running broker that lets this client in",
                )

    def _serve_metrics(self, ending: ExitStack) -> None:
        port = self.settings.metrics_port_collector
        if port:
            try:
                ending.callback(self.metrics.serve(self.settings.metrics_host, port))
            except OSError as error:
                raise Refusal(
                    f"the metrics cannot be served on port {port}: {error.strerror}",
                    "CHARGEWATCH_COLLECTOR_METRICS_PORT to be free, or 0",
                ) from None

    def _collect(self) -> None:
        try:
            while not self.stopping.is_set() and not self.subscription.failure:
                self._fill(self.settings.batch_ms / 1000)
                self._flush()
            # What has been taken is finished; what the broker still has stays there.
            for _ in range(self._queue.qsize()):
                self._take(self._queue.get())
            self._flush()
        except Away:
            self.tell(f"{self._unacknowledged()} messages were not stored; the broker keeps them.")

    def _fill(self, most_s: float) -> None:
        """Until the batch is full or old, or nothing more comes for a tenth of its age, or half the window is in it."""
        if not self._batch:
            try:
                first = self._queue.get(timeout=_IDLE_S)
            except queue.Empty:
                return
            self._refresh()
            self._take(first)
        deadline = time.monotonic() + most_s
        most_messages = max(1, self.settings.receive_maximum // 2)
        while (
            len(self._batch) < most_messages
            and self._items < self.settings.batch_items
            and (left := deadline - time.monotonic()) > 0
        ):
            try:
                self._take(self._queue.get(timeout=min(left, most_s / 10)))
            except queue.Empty:
                return

    def _take(self, message: Message) -> None:
        if message.epoch < self._session_kept_since:
            return  # the broker has kept the session and delivers it again
        if message.retained and not message.topic.endswith("/link"):
            self.subscription.acknowledge([message])  # a retained copy is never a fact
            return
        receipt = None if self._rehearsal else message.received_at
        decoded = contract.decode(message.topic, message.payload, receipt, self._directory)
        self._batch.append((message, decoded))
        self._items += decoded.offered

    def _flush(self) -> None:
        """Store the batch, however long disk or database are away, then acknowledge it."""
        if not self._batch:
            return
        self._insist(self._keep_bytes)
        started = time.monotonic()
        self._insist(self._write)
        self.metrics.commit_seconds.observe(time.monotonic() - started)
        self.subscription.acknowledge([message for message, _ in self._batch])
        self._batch, self._items = [], 0

    def _insist(self, step: Callable[[], None]) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return step()
            except (psycopg.Error, Refusal, OSError) as error:
                self._close()
                if self.stopping.is_set():
                    raise Away from None
                what = " ".join(str(error).split())
                self.tell(f"{len(self._batch)} messages cannot be stored now ({what}); trying again in {pause:.1f} s.")
                self.stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _keep_bytes(self) -> None:
        if self._archive is not None:
            kept = [(one.topic, one.payload, one.received_at) for one, _ in self._batch if not one.retained]
            self._archive.write(kept)

    def _write(self) -> None:
        store = self._store or self._open()
        decoded = [one for _, one in self._batch]
        try:
            self._committed(decoded, store.write(decoded))
        except psycopg.DataError:
            # One message holds a value that PostgreSQL refuses: find it, so that it costs nobody else.
            for message, one in self._batch:
                try:
                    self._committed([one], store.write([one]))
                except psycopg.DataError as error:
                    refused = contract.refused_by_the_database(one, message.payload, type(error).__name__)
                    self._committed([refused], store.write([refused]))

    def _committed(self, decoded: list[Decoded], fates: Fates) -> None:
        self.fates.add(fates)
        self.metrics.committed(decoded, fates, self._directory.connectors)

    def _open(self) -> Store:
        """A connection that holds the lock of our client id: two collectors under one would take it from each other."""
        self._close()
        connection = self._held.enter_context(database.connect())
        deadline = time.monotonic() + _PREDECESSOR_S
        while not self._held.enter_context(database.job_lock(connection, f"collector {self.settings.client_id}")):
            # The server may not have noticed yet that a predecessor was killed.
            if time.monotonic() > deadline or self.stopping.wait(0.2):
                raise Refusal(
                    f"a collector named {self.settings.client_id} is running already",
                    "CHARGEWATCH_CLIENT_ID to be another one",
                )
        self._store = Store(connection)
        self._version, moment = version_and_time(connection)
        self._clock.set(moment)
        self._directory = directory(connection)
        return self._store

    def _close(self) -> None:
        self._store = None
        with suppress(psycopg.Error):
            self._held.close()

    def _refresh(self) -> None:
        """The registry, if it has changed since the last batch. Without a database the last one known will do."""
        if self._store is not None:
            try:
                version, moment = version_and_time(self._store.connection)
                self._clock.set(moment)
                if version != self._version:
                    self._directory, self._version = directory(self._store.connection), version
            except psycopg.Error:
                self._close()

    def _connected(self, epoch: int, session_present: bool) -> None:
        if session_present:
            self._session_kept_since = epoch

    def _unacknowledged(self) -> int:
        return self._queue.qsize() + len(self._batch)
