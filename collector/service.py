"""The collector: the broker's messages into the store, each acknowledged after its commit.

Three threads: one does all of MQTT (`collector.mqtt`), one decodes and fills the next batch (here), one stores the
batch before it (`collector.committing`). The unacknowledged messages are the brake: while the database is away they
stay at the broker, but for the window (Receive Maximum) that is held here and tried again and again.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress

import psycopg

from chargewatch.broker import address
from chargewatch.errors import Refusal
from chargewatch.settings import Settings
from collector.broker_watch import BrokerWatch
from collector.clock import Clock
from collector.committing import Batch, Committer
from collector.group import members
from collector.metrics import Metrics
from collector.mqtt import SESSION_EXPIRY_S, Message, Subscription
from collector.pulse import rhythm as pulse
from collector.pulse.heart import Heart
from collector.store import Fates, link_states
from collector.topics import PULSES, subscriptions

_IDLE_S = 0.5
_PULSE = PULSES.removesuffix("+")
_STUCK_S = 60.0
"""A database that has a batch for so long without a word is taken for gone, as behind a broken network."""
_PARTING_S = 20.0
"""Less than the 90 s that systemd gives a service to stop."""


class Collector:
    """One collector; `run` returns when `stop` was called and what had been taken is stored and acknowledged."""

    def __init__(self, settings: Settings, tell: Callable[[str], None], *, leaving: bool = False) -> None:
        """`leaving`: it asks for nothing more and takes what the broker has queued for it."""
        self.settings, self.tell, self.leaving = settings, tell, leaving
        self.stopping = threading.Event()
        self._came_in: deque[Message] = deque()
        self._came = threading.Event()
        self._batch = Batch()
        self._came_at = time.monotonic()
        self._epoch, self._session_since = 0, 0
        self._cut = 0.0
        self._clock = clock = Clock()
        where = address(settings)
        self.subscription = Subscription(
            where,
            client_id=settings.client_id,
            receive_maximum=settings.receive_maximum,
            persistent=True,
            clock=clock,
            deliver=self._deliver,
            connected=self._connected,
            room=lambda: self._only_here() <= settings.receive_maximum,
            tell=tell,
            filters=[] if leaving else subscriptions(settings.share, where.prefix),
        )
        self.metrics = Metrics(self._unacknowledged, self.subscription.up.is_set)
        self._committer = Committer(
            settings,
            clock=clock,
            metrics=self.metrics,
            acknowledge=self.subscription.acknowledge,
            tell=tell,
            stopping=self.stopping,
        )

    @property
    def fates(self) -> Fates:
        """What became of all that was taken."""
        return self._committer.fates

    def caught_up_s(self) -> float:
        """For how long nothing has come while it was connected and had stored all; 0 where it is not so."""
        if not self.subscription.up.is_set() or self._unacknowledged():
            self._came_at = time.monotonic()
        return time.monotonic() - self._came_at

    def stop(self) -> None:
        """Ask it to end; from a signal handler or another thread."""
        self.stopping.set()

    def run(self) -> None:
        """Collect until stopped; Refusal if database or broker cannot be had at the start."""
        with ExitStack() as ending:
            ending.callback(self._committer.close)
            store = self._committer.open()
            self.metrics.links(link_states(store.connection))
            self._serve_metrics(ending)
            self._join(store.connection)
            self.subscription.start()
            ending.callback(self.subscription.stop)
            self._show_life(ending)
            while not (self.subscription.up.wait(0.05) or self.subscription.failure or self.stopping.is_set()):
                pass
            if not self.subscription.failure:
                self.tell(f"Collecting from {self.subscription.where} as {self.settings.client_id}.")
            self._committer.start()
            self._collect()
            if self._committer.failure is not None:
                raise self._committer.failure
            if self.subscription.failure:
                raise Refusal(
                    f"the broker at {self.subscription.where} cannot be used: {self.subscription.failure}",
                    "CHARGEWATCH_MQTT_URL to name a running broker that lets this client in",
                )

    def _join(self, connection: psycopg.Connection) -> None:
        """Enter the collector among the members, and learn what it must let go of at the broker."""
        self.subscription.leave = members.enter(
            connection, self.settings.client_id, self.settings.share, self.subscription.filters, SESSION_EXPIRY_S
        )

    def _show_life(self, ending: ExitStack) -> None:
        sign = members.Sign(self.settings.client_id, self.subscription.filters, self.subscription.up.is_set)
        sign.start()
        ending.callback(sign.stop)
        # A rehearsal's clock is the senders': the platform has no time of its own there.
        if not (self._committer.rehearsal or self.leaving):
            rhythm = pulse.load(self.settings.pulses)
            heart = Heart(self.subscription.where, self.settings.client_id, rhythm, self._clock, self.tell)
            heart.start()
            ending.callback(heart.stop)

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
            watch = BrokerWatch(self.subscription.where, self.settings.client_id, self.tell)
            self.metrics.registry.register(watch)
            watch.start()
            ending.callback(watch.stop)

    def _collect(self) -> None:
        while not self._ending():
            self._fill()
            self._hand_over()
        # What has been taken is finished; what the broker still has stays there.
        left = len(self._came_in)
        while left and self._committer.is_alive():
            left -= self._take(left)
            self._hand_over()
        self._hand_over()
        self._committer.end()
        self._committer.join(_PARTING_S)
        if self._committer.is_alive():
            self._committer.cut()
            self._committer.join(_PARTING_S)
        if self._unacknowledged():
            self.tell(f"{self._unacknowledged()} messages were not stored; the broker keeps them.")

    def _ending(self) -> bool:
        if self.subscription.failure or not self._committer.is_alive():
            self.stopping.set()
        return self.stopping.is_set()

    def _fill(self) -> None:
        """Until the batch is full; or until it is old, or nothing more comes for a tenth of that, and may be stored."""
        self._came.clear()
        if not self._came_in:
            self._came.wait(_IDLE_S)
        self._take()
        age_s = self.settings.batch_ms / 1000
        deadline = time.monotonic() + age_s
        while self._batch.messages and not (self._full() or self._ending()):
            # Looking ten times a batch costs less than being woken by every message.
            self.stopping.wait(age_s / 10)
            more = self._take()
            if self._committer.free.is_set() and (not more or time.monotonic() >= deadline):
                return
            self._watch()
        self._watch()

    def _full(self) -> bool:
        # Half the window: while one half commits the other may come.
        most_messages = max(1, self.settings.receive_maximum // 2)
        return len(self._batch.messages) >= most_messages or self._batch.items >= self.settings.batch_items

    def _take(self, most: int | None = None) -> int:
        """Decode what has come by now, at most until the batch is full; how many messages that were."""
        batch, taken = self._batch, 0
        batch.directory = batch.directory or self._committer.known
        while self._came_in and taken != most and not self._full():
            message = self._came_in.popleft()
            taken += 1
            if self._comes_again(message):
                continue
            batch.messages.append(message)
            if message.topic.startswith(_PULSE):
                batch.pulses.append(message)
                continue
            if message.retained and not message.topic.endswith("/link"):
                continue  # a retained copy is never a fact
            decoded = self._committer.decode(message, batch.directory)
            batch.facts.append(message)
            batch.decoded.append(decoded)
            batch.items += decoded.offered
        return taken

    def _hand_over(self) -> None:
        """Give the batch to be stored, once the one before it is."""
        while not self._committer.free.wait(_IDLE_S):
            self._watch()
        if self._batch.messages and self._committer.is_alive():
            self._committer.submit(self._batch)
            self._batch = Batch()

    def _watch(self) -> None:
        since = self._committer.asked_at
        patience_s = _PARTING_S if self.stopping.is_set() else _STUCK_S
        if since != self._cut and since and time.monotonic() - since > patience_s:
            self._cut = since
            self.tell("The database does not answer; its connection is cut.")
            self._committer.cut()

    def _deliver(self, messages: list[Message]) -> None:
        self._came_in.extend(messages)
        self._came_at = time.monotonic()
        self._came.set()

    def _connected(self, epoch: int, session_present: bool) -> None:
        if not session_present:
            self._session_since = epoch
        self._epoch = epoch
        # What the broker delivers again need not be held until then.
        for _ in range(len(self._came_in)):
            with suppress(IndexError):
                message = self._came_in.popleft()
                if not self._comes_again(message):
                    self._came_in.append(message)

    def _comes_again(self, message: Message) -> bool:
        """Whether the broker has kept the session since that delivery, on a connection that is gone."""
        return self._session_since <= message.epoch < self._epoch

    def _only_here(self) -> int:
        """Messages held whatever the next connection brings: a reconnection must not add windows without end."""
        since = self._session_since
        return self._in_hand() + sum(message.epoch < since for message in list(self._came_in))

    def _in_hand(self) -> int:
        return len(self._batch.messages) + self._committer.held

    def _unacknowledged(self) -> int:
        return len(self._came_in) + self._in_hand()
