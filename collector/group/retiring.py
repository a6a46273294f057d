"""A collector taken out for good: what the broker has queued for it is stored first, then the broker forgets it."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from chargewatch import database
from chargewatch.broker import address, identify
from chargewatch.errors import Refusal
from chargewatch.settings import Settings
from collector.group import members
from collector.service import Collector

_QUIET_S = 2.0
_CATCH_UP_S = 60.0
"""A busy group never leaves its member in peace: after so long it goes on without new messages."""
_ANSWER_S = 10.0


def retire(
    settings: Settings, client_id: str, *, last: bool, stopping: threading.Event, tell: Callable[[str], None]
) -> int:
    """Retire the collector of that id; gives how many items it still brought. Refusal if something would be lost.

    First as it always collects, until it has caught up; then without its subscriptions, so that nothing new is queued,
    until nothing comes any more (a broker need not deliver what it had queued, MQTT 5, 3.10.4, but in flight it does);
    then the broker is told to forget the session. Killed at any moment it has lost nothing, and is run again.
    """
    with database.connect() as connection:
        share = _may_go(connection, client_id, last)
    mine = replace(settings, client_id=client_id, share=share, metrics_port_collector=0)
    brought = _run(Collector(mine, tell), stopping)
    if not stopping.is_set():
        brought += _run(Collector(mine, tell, leaving=True), stopping)
    if stopping.is_set():
        raise Refusal(f"{client_id} was not retired", "another try; nothing is lost")
    _forget(mine)
    with database.connect() as connection:
        members.retired(connection, client_id)
    return brought


def _may_go(connection: psycopg.Connection, client_id: str, last: bool) -> str | None:
    """The group of a member that may go."""
    moment = connection.execute("SELECT clock_timestamp()").fetchone()
    assert moment is not None
    states = {one.client_id: one.state(moment[0]) for one in members.members(connection)}
    if states.get(client_id, "retired") == "retired":
        known = ", ".join(one for one, state in states.items() if state != "retired")
        raise Refusal(f"there is no collector {client_id}", f"one of {known}" if known else "a collector that has run")
    with database.job_lock(connection, f"collector {client_id}") as stopped:
        if not stopped:
            raise Refusal(f"the collector {client_id} is running", "it to be stopped first")
    staying = [one for one, state in states.items() if state in ("collecting", "away") and one != client_id]
    if not staying and not last:
        raise Refusal(
            f"{client_id} is the last collector: what operators send after it has gone would be kept by nobody",
            "another collector, or --last",
        )
    return next(one.share for one in members.members(connection) if one.client_id == client_id)


def _run(collector: Collector, stopping: threading.Event) -> int:
    """Collect until nothing has come for a moment."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            collector.run()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="retiring")
    thread.start()
    deadline = time.monotonic() + _CATCH_UP_S
    while thread.is_alive() and not stopping.wait(0.1):
        if collector.caught_up_s() > _QUIET_S or (time.monotonic() > deadline and not collector.leaving):
            break
    collector.stop()
    thread.join()
    if failed:
        raise failed[0]
    return sum(counts.offered for counts in collector.fates.counts.values())


def _forget(settings: Settings) -> None:
    """A clean start that expires at once leaves nothing of the session."""
    where, answers = address(settings), list[bool]()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=settings.client_id, protocol=paho.MQTTv5)
    identify(client, where)
    client.on_connect = lambda _c, _u, _flags, reason, _p: answers.append(not reason.is_failure)
    try:
        client.connect(where.host, where.port, clean_start=True)
    except OSError as error:
        raise Refusal(f"the broker at {where} went away: {error}", "another try; nothing is lost") from None
    deadline = time.monotonic() + _ANSWER_S
    while not answers and time.monotonic() < deadline:
        client.loop(0.1)
    client.disconnect()
    if not any(answers):
        raise Refusal(f"the broker at {where} does not let {settings.client_id} in", "another try; nothing is lost")
