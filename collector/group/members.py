"""The collectors as a group: who belongs to it, when each was last there, what the broker still keeps for it."""

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from collector.topics import Filter, others

SIGN_S = 10.0
"""How often a member leaves its sign of life."""
MISSED_S = 60
"""A member that left none for so long is away."""


class Member(msgspec.Struct, frozen=True):
    """One collector as it last was; `share` is its group, None for one that receives every message."""

    client_id: str
    share: str | None
    host: str
    subscriptions: list[str]
    started_at: datetime
    last_seen_at: datetime
    kept_until: datetime
    """When the broker forgets its queue and its share, if it does not come back."""
    retired_at: datetime | None

    def state(self, now: datetime) -> str:
        """`collecting`; `away`: its part waits for it at the broker; `expired`: that part is lost; `retired`."""
        if self.retired_at is not None:
            return "retired"
        if now - self.last_seen_at <= timedelta(seconds=MISSED_S):
            return "collecting"
        return "away" if now < self.kept_until else "expired"


_MEMBERS = """
SELECT client_id, share, host, subscriptions, started_at, last_seen_at,
       last_seen_at + make_interval(secs => session_expiry_s), retired_at
FROM collector_member ORDER BY client_id COLLATE "C"
"""
_ENTER = """
INSERT INTO collector_member AS m
VALUES (%(client_id)s, %(share)s, %(host)s, %(wanted)s, %(expiry)s, clock_timestamp(), clock_timestamp(), NULL)
ON CONFLICT (client_id) DO UPDATE SET
  share = excluded.share, host = excluded.host, session_expiry_s = excluded.session_expiry_s,
  subscriptions = ARRAY(SELECT DISTINCT unnest(m.subscriptions || excluded.subscriptions)),
  started_at = excluded.started_at, last_seen_at = excluded.last_seen_at, retired_at = NULL
RETURNING subscriptions
"""


def members(connection: psycopg.Connection) -> list[Member]:
    """Every collector that ever was, retired ones too, by client_id."""
    return [Member(*row) for row in connection.execute(_MEMBERS)]


def enter(
    connection: psycopg.Connection, client_id: str, share: str | None, filters: Iterable[Filter], expiry_s: int
) -> list[str]:
    """Enter a collector before it subscribes to `filters`; gives the filters that it must let go of then.

    What the broker may hold for it is written down first: killed in between, the next start knows of both.
    """
    filters = list(filters)
    row = connection.execute(
        _ENTER,
        {
            "client_id": client_id,
            "share": share,
            "host": socket.gethostname(),
            "wanted": [name for name, _ in filters],
            "expiry": expiry_s,
        },
    ).fetchone()
    assert row is not None
    return others(filters, row[0])


def seen(connection: psycopg.Connection, client_id: str, filters: Iterable[Filter]) -> None:
    """A sign of life of a collector that is connected, with just these subscriptions."""
    connection.execute(
        "UPDATE collector_member SET last_seen_at = clock_timestamp(), subscriptions = %s WHERE client_id = %s",
        [[name for name, _ in filters], client_id],
    )


def retired(connection: psycopg.Connection, client_id: str) -> None:
    """The broker keeps nothing more for this collector."""
    connection.execute(
        "UPDATE collector_member SET retired_at = clock_timestamp(), subscriptions = '{}' WHERE client_id = %s",
        [client_id],
    )


class Sign(threading.Thread):
    """Leaves a collector's sign of life while it is connected to the broker, through a connection of its own.

    So a long commit is no absence. Where the database is away the collector itself says so; here it is tried again.
    """

    def __init__(self, client_id: str, filters: Iterable[Filter], connected: Callable[[], bool]) -> None:
        super().__init__(name="sign", daemon=True)
        self.client_id, self.filters, self.connected = client_id, list(filters), connected
        self._stopping = threading.Event()
        self._link = ExitStack()
        self._connection: Any = None

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        """One sign now and then one every ten seconds, until stopped."""
        while not self._stopping.is_set():
            if self.connected():
                try:
                    self._leave()
                except (psycopg.Error, Refusal, OSError):
                    self._close()
            self._stopping.wait(SIGN_S if self.connected() else 0.2)
        self._close()

    def _leave(self) -> None:
        if self._connection is None:
            self._connection = self._link.enter_context(database.connect())
        seen(self._connection, self.client_id, self.filters)

    def _close(self) -> None:
        self._connection = None
        with suppress(psycopg.Error):
            self._link.close()
