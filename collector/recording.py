"""The broker's messages into a capture file."""

import gzip
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from chargewatch import database
from chargewatch.broker import address
from chargewatch.errors import Refusal
from chargewatch.settings import Settings
from collector import capture
from collector.mqtt import Message, Subscription
from collector.personal import mask

_WAIT_S = 0.2


def record(
    settings: Settings,
    path: Path,
    *,
    seconds: float | None,
    count: int | None,
    stopping: threading.Event,
    tell: Callable[[str], None],
) -> int:
    """Append every message that comes to the file until stopped, for so long, or so many; gives how many there were.

    Under a client id of its own that the broker forgets afterwards, so that no collector misses anything. Retained
    copies are left out, personal values masked.
    """
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def deliver(some: list[Message]) -> None:
        for one in some:
            messages.put(one)

    subscription = Subscription(
        address(settings),
        client_id=f"{settings.client_id}-record-{os.getpid()}",
        receive_maximum=settings.receive_maximum,
        persistent=False,
        clock=database.machine_time,
        deliver=deliver,
        connected=lambda epoch, session_present: None,
        room=lambda: messages.qsize() <= settings.receive_maximum,
        tell=tell,
    )
    written = 0
    with _opened(path) as file:
        subscription.start()
        started = time.monotonic()
        while not stopping.is_set() and not subscription.failure:
            if seconds is not None and time.monotonic() - started >= seconds:
                break
            try:
                message = messages.get(timeout=_WAIT_S)
            except queue.Empty:
                file.flush()
                continue
            if not message.retained:
                file.write(capture.line(message.topic, mask(message.payload), message.received_at))
                written += 1
            subscription.acknowledge([message])
            if count is not None and written >= count:
                break
        subscription.stop()
    if subscription.failure:
        raise Refusal(
            f"the broker at {subscription.where} cannot be used: {subscription.failure}",
            "CHARGEWATCH_MQTT_URL to name a running broker that lets this client in",
        )
    return written


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "ab")
        return path.open("ab")
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}", "a file in a folder that exists") from None
