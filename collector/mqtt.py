"""The broker's messages, by paho, each acknowledged only when whoever takes them says so.

One thread of its own does all of MQTT, so that an acknowledgement can never fall onto another connection: packet ids
start again with every connection, and the id of an old one would acknowledge a new message that nobody has stored yet.
Every message carries the epoch of its connection; acknowledgements of an earlier epoch are dropped, the broker delivers
those messages again, and the store finds duplicates. Acknowledgements go out in the order of receipt (MQTT-4.6.0-2).
"""

import contextlib
import random
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from chargewatch.broker import Address, identify, why
from collector.receiving import Delivery, Receiver
from collector.topics import Filter, subscriptions

SESSION_EXPIRY_S = 7 * 24 * 3600
"""How long the broker keeps our queue while we are away; without it MQTT 5 forgets at every disconnection."""

_KEEPALIVE_S = 30
_CONNECT_TIMEOUT_S = 10.0
_LEAVE_S = 5.0
_STEADY_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 30.0
_TAKEN_OVER = 142
_BRIEF_IN_A_ROW = 3
"""So many connections that ended soon after they were made are no accident. mosquitto 2.0.11 does not say why."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One delivery: nothing of paho's leaves its callback."""

    epoch: int
    mid: int
    qos: int
    topic: str
    payload: bytes
    received_at: datetime
    retained: bool


class Lost(Exception):
    """The connection cannot be had or has ended; `final` where trying again cannot help."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class Subscription(threading.Thread):
    """Keeps one client's subscriptions alive; hands what comes to `deliver`, on its own thread.

    `filters` are subscribed at every connection, and then `leave` is unsubscribed, so that nothing falls between. The
    broker may refuse any of `filters` but the first.

    `deliver` must not block. `connected(epoch, session_present)` is called before the first delivery of a connection.
    While `room()` is false a lost connection is not made again. With `persistent` the broker keeps the queue between
    connections and starts.
    """

    def __init__(
        self,
        where: Address,
        *,
        client_id: str,
        receive_maximum: int,
        persistent: bool,
        clock: Callable[[], datetime],
        deliver: Callable[[list[Message]], None],
        connected: Callable[[int, bool], None],
        room: Callable[[], bool],
        tell: Callable[[str], None],
        filters: Sequence[Filter] | None = None,
        leave: Sequence[str] = (),
    ) -> None:
        super().__init__(name="mqtt", daemon=True)
        self.leave = leave
        self.filters = subscriptions(None, where.prefix)[:1] if filters is None else filters
        self.where, self.client_id, self.receive_maximum = where, client_id, receive_maximum
        self.persistent, self.clock, self.deliver = persistent, clock, deliver
        self.connected, self.room, self.tell = connected, room, tell
        self.epoch = 0
        self.up = threading.Event()
        self.failure: str | None = None
        """Why the thread has given up; None while it has not."""
        self._version = paho.MQTTv5
        self._proven, self._up_since = False, 0.0
        self._ended: list[Any] = []
        self._stopping = threading.Event()
        self._acknowledgements: deque[Message] = deque()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        self._taken: list[Message] = []
        self._told = 0
        self._open = 0  # delivered on this connection, and not acknowledged

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Messages that are safe now, in the order of their receipt; from any thread."""
        self._acknowledgements.extend(messages)
        self._wake()

    def stop(self) -> None:
        """Send the acknowledgements given so far, disconnect, end the thread."""
        self._stopping.set()
        self._wake()
        self.join(_CONNECT_TIMEOUT_S)
        if not self.is_alive():
            self._wake_r.close()
            self._wake_w.close()

    def run(self) -> None:
        """Connect, serve, and connect again, until stopped."""
        try:
            self._keep_connected()
        except Exception as error:  # a thread that ends without a word would let its owner wait for ever
            self.failure = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.up.clear()

    def _keep_connected(self) -> None:
        pause, brief = _FIRST_PAUSE_S, 0
        while not self._stopping.is_set():
            try:
                self._serve(self._connect())
                return
            except Lost as lost:
                # Where another client has our id each takes it from the other: that must not go on at full speed.
                held = self.up.is_set() and time.monotonic() - self._up_since > _STEADY_S
                brief = brief + 1 if self.up.is_set() and not held else 0
                self.up.clear()
                if lost.final or not self._proven:
                    self.failure = str(lost)
                    return
                pause = _FIRST_PAUSE_S if held else min(pause * 2, _LONGEST_PAUSE_S)
                # Not all clients of a broker that comes back at the same moment.
                wait_s = pause * random.uniform(0.5, 1.0)
                self.tell(f"The broker at {self.where} is away ({lost}); trying again in {wait_s:.1f} s.")
                if brief == _BRIEF_IN_A_ROW:
                    self.tell(
                        f"Connections end soon after they are made, as when another client has the id {self.client_id}:"
                        " CHARGEWATCH_CLIENT_ID must be each collector's own."
                    )
                self._stopping.wait(wait_s)
                # Every connection may bring a whole window once more: only so many are held in memory.
                while not self.room() and not self._stopping.wait(_FIRST_PAUSE_S):
                    pass

    def _connect(self) -> Receiver:
        try:
            return self._connect_as(self._version)
        except Lost as lost:
            if lost.final or self._proven or self._version != paho.MQTTv5:
                raise
            # A broker of MQTT 3.1.1 may refuse version 5, or just close. What the first answer was is what is told.
            try:
                client = self._connect_as(paho.MQTTv311)
            except Lost as again:
                raise (again if again.final else lost) from None
            self._version = paho.MQTTv311
            return client

    def _connect_as(self, version: Any) -> Receiver:
        client = Receiver(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            clean_session=None if version == paho.MQTTv5 else not self.persistent,
            protocol=version,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        identify(client, self.where)
        answer: list[tuple[bool, Any]] = []
        ended: list[Any] = []
        client.on_connect = lambda _c, _u, flags, reason, _p: answer.append((flags.session_present, reason))
        client.on_disconnect = lambda _c, _u, _flags, reason, _p: ended.append(reason)
        # Without it paho writes each packet at once; this loop writes them together.
        client.on_socket_register_write = lambda _c, _u, _s: None
        try:
            if version == paho.MQTTv5:
                properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
                properties.ReceiveMaximum = self.receive_maximum
                properties.SessionExpiryInterval = SESSION_EXPIRY_S if self.persistent else 0
                client.connect_async(
                    self.where.host, self.where.port, _KEEPALIVE_S, clean_start=not self.persistent,
                    properties=properties,
                )  # fmt: skip
            else:
                client.connect_async(self.where.host, self.where.port, _KEEPALIVE_S)
            client.reconnect()
        except (OSError, ValueError) as error:  # ValueError: paho's word for a name that cannot be one
            raise Lost(why(error)) from None
        self.epoch += 1
        self._taken, self._open = [], 0
        self._until(client, answer, ended, "it does not answer")
        session_present, reason = answer[0]
        if reason.is_failure:
            raise Lost(f"it answers: {reason}", final=self._proven is False and version == paho.MQTTv311)
        self.connected(self.epoch, session_present)
        self._told = self.epoch
        self._subscribe(client, version, ended)
        self._proven, self._ended, self._up_since = True, ended, time.monotonic()
        self.up.set()
        return client

    def _subscribe(self, client: Receiver, version: Any, ended: list[Any]) -> None:
        """First what is wanted, then let go of the rest: a change of one for the other loses nothing."""
        subscribed: list[Any] = []
        left: list[Any] = []
        client.on_subscribe = lambda _c, _u, _mid, reasons, _p: subscribed.extend(reasons)
        client.on_unsubscribe = lambda _c, _u, _mid, reasons, _p: left.append(reasons)
        names = [name for name, _ in self.filters]
        if version != paho.MQTTv5 and any(name.startswith("$share/") for name in names):
            # To such a broker $share/… is a topic like any other, on which nothing ever comes.
            raise Lost("it has no shared subscriptions, because it does not speak MQTT 5", final=True)
        if names:
            options = [(name, SubscribeOptions(qos=qos)) for name, qos in self.filters]
            client.subscribe(options if version == paho.MQTTv5 else list(self.filters))
            self._until(client, subscribed, ended, "it does not answer the subscription")
        for name, reason in zip(names, subscribed, strict=False):
            if reason.is_failure and name == names[0]:
                raise Lost(f"it refuses the subscription to {name}: {reason}", final=not self._proven)
            if reason.is_failure and not self._proven:
                self.tell(f"The broker at {self.where} refuses the subscription to {name}: {reason}.")
        if self.leave:
            client.unsubscribe(list(self.leave))
            self._until(client, left, ended, "it does not answer the unsubscription")

    def _until(self, client: Receiver, answer: list[Any], ended: list[Any], otherwise: str) -> None:
        deadline = time.monotonic() + _CONNECT_TIMEOUT_S
        while not answer:
            if ended or client.socket() is None:
                raise Lost(f"it closes the connection: {ended[0]}" if ended else "it closes the connection")
            if time.monotonic() > deadline:
                raise Lost(otherwise)
            self._turn(client, 0.5)

    def _serve(self, client: Receiver) -> None:
        while client.socket() is not None:
            self._turn(client, 1.0)
            self._send_acknowledgements(client)
            if self._stopping.is_set():
                self._leave(client)
                return
        reason = self._ended[0] if self._ended else "no reason given"
        taken = getattr(reason, "value", None) == _TAKEN_OVER
        raise Lost(
            f"another client has taken the id {self.client_id}" if taken else f"connection lost: {reason}", final=taken
        )

    def _leave(self, client: Receiver) -> None:
        """Disconnect once the broker has read the acknowledgements: what it answers after them tells that it has."""
        answered: list[Any] = []
        client.on_unsubscribe = lambda _c, _u, _mid, reasons, _p: answered.append(reasons)
        client.unsubscribe("chargewatch/nothing")
        deadline = time.monotonic() + _LEAVE_S
        while not answered and client.socket() is not None and time.monotonic() < deadline:
            self._turn(client, 0.1)
        client.disconnect()
        while client.socket() is not None and client.want_write() and time.monotonic() < deadline:
            self._turn(client, 0.1)

    def _turn(self, client: Receiver, seconds: float) -> None:
        """Wait for the socket or for an acknowledgement, at most so long; read and write what there is."""
        link = client.socket()
        if link is None:
            return
        pending = getattr(link, "pending", None)
        waiting = pending is not None and pending()
        if too_many := self._open > self.receive_maximum and self.up.is_set() and not self._stopping.is_set():
            # mosquitto 2.0 sends two for each acknowledgement while many wait (eclipse-mosquitto issue 2301): let TCP
            # hold it back until ours have caught up.
            client.leave_unread()
        sources = [self._wake_r] if too_many else [link, self._wake_r]
        patience = 0 if waiting and not too_many else seconds
        readable, _, _ = select.select(sources, [link] if client.want_write() else [], [], patience)
        if self._wake_r in readable:
            with contextlib.suppress(BlockingIOError):
                self._wake_r.recv(4096)
        if link in readable or (waiting and not too_many):
            self._take(client.receive())
        if client.want_write():
            client.loop_write()
        client.loop_misc()

    def _send_acknowledgements(self, client: Receiver) -> None:
        given = [self._acknowledgements.popleft() for _ in range(len(self._acknowledgements))]
        if ids := [message.mid for message in given if message.epoch == self.epoch and message.qos]:
            client.acknowledge(ids)
            self._open -= len(ids)
        if client.want_write() and client.socket() is not None:
            client.loop_write()

    def _take(self, deliveries: list[Delivery]) -> None:
        """Hand them over, once it is told which connection they came by: the first may come along with its answer."""
        now, prefix = self.clock(), self.where.prefix
        self._open += sum(1 for delivery in deliveries if delivery[1])
        self._taken += [
            Message(self.epoch, packet_id, qos, topic.removeprefix(prefix), payload, now, retained)
            for packet_id, qos, topic, payload, retained in deliveries
        ]
        if self._taken and self._told == self.epoch:
            self.deliver(self._taken)
            self._taken = []

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is full, or closed after the end
            self._wake_w.send(b"\0")
