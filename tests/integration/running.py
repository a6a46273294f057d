"""A collector in a thread of the test, so that a trap can be put back into it and its state be looked at."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chargewatch import settings
from collector.service import Collector
from tests.integration.publishing import wait_until


class Thread(threading.Thread):
    """Runs a collector; what it says and what ended it are kept."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.said: list[str] = []
        self.collector = Collector(settings.load(), self.said.append)
        self.error: Exception | None = None

    def run(self) -> None:
        """Until stopped, or until something ends it."""
        try:
            self.collector.run()
        except Exception as error:
            self.error = error

    @property
    def held(self) -> int:
        """Messages that are not acknowledged."""
        return self.collector._unacknowledged()

    def stop(self) -> None:
        """A clean stop."""
        self.collector.stop()
        self.join(60)
        assert not self.is_alive()


@contextmanager
def collecting(**env: str) -> Iterator[Thread]:
    """A collector that is connected; `env` is what it finds in the environment beside the test's own."""
    before = dict(os.environ)
    os.environ |= {"CHARGEWATCH_CLIENT_ID": "one", **{f"CHARGEWATCH_{name}": value for name, value in env.items()}}
    thread = Thread()
    thread.start()
    wait_until(lambda: thread.collector.subscription.up.is_set() or not thread.is_alive())
    try:
        yield thread
    finally:
        thread.stop()
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
