"""Jepsen's set test: acknowledged − stored = ∅, nothing twice, nothing unsent, every item one fate."""

import time
from collections.abc import Set

import psycopg

from tests.faults.stream import good_items


def stored(connection: psycopg.Connection, boot: str) -> dict[int, int]:
    """Facts in the store by the number of their message."""
    rows = connection.execute("SELECT seq, count(*) FROM status_fact WHERE boot_id = %s GROUP BY 1", [boot])
    return dict(rows.fetchall())


def wait_stored(connection: psycopg.Connection, acknowledged: Set[int], boot: str, seconds: float) -> dict[int, int]:
    """What is stored once all that was acknowledged is, or when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = stored(connection, boot)
        if acknowledged <= found.keys() or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def problems(
    connection: psycopg.Connection, acknowledged: Set[int], sent: Set[int], boot: str, seconds: float = 60
) -> list[str]:
    """What does not hold of one episode; empty if all does. Waits until the store has caught up."""
    found = wait_stored(connection, acknowledged, boot, seconds)
    wrong = []
    if lost := acknowledged - found.keys():
        wrong.append(f"{len(lost)} of {len(acknowledged)} acknowledged messages are lost: {sorted(lost)[:10]}")
    if partly := {number for number, facts in found.items() if facts < good_items(number)}:
        wrong.append(f"of {len(partly)} messages only some facts are stored: {sorted(partly)[:10]}")
    if twice := {number for number, facts in found.items() if facts > good_items(number)}:
        wrong.append(f"{len(twice)} messages are stored twice: {sorted(twice)[:10]}")
    if strange := found.keys() - sent:
        wrong.append(f"{len(strange)} messages are stored that nobody sent: {sorted(strange)[:10]}")
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return wrong + unbalanced(connection)


def unbalanced(connection: psycopg.Connection) -> list[str]:
    """Where the fates, the messages and the facts of the whole store contradict each other."""
    wrong = []
    sums = ", ".join(f"coalesce(sum({fate}), 0)" for fate in ("offered", "stored", "duplicate", "quarantined"))
    fates = _row(connection, f"SELECT {sums} FROM fates")
    if fates[0] != sum(fates[1:]):
        wrong.append(f"offered, stored, duplicate, quarantined do not add up: {fates}")
    if (messages := _row(connection, f"SELECT {sums} FROM message")) != fates:
        wrong.append(f"the fates are {fates} and the messages tell {messages}")
    facts = _row(
        connection,
        "SELECT " + " + ".join(
            f"(SELECT count(*) FROM {table} WHERE copy = 0)"
            for table in ("status_fact", "meter_fact", "heartbeat_fact", "session_fact")
        ),
    )[0]  # fmt: skip
    if facts != fates[1]:
        wrong.append(f"{fates[1]} items have the fate stored and there are {facts} facts")
    refused = _row(connection, "SELECT count(*) FROM quarantine")[0]
    if refused != fates[3]:
        wrong.append(f"{fates[3]} items have the fate quarantined and there are {refused} in quarantine")
    expected = _row(
        connection,
        "SELECT coalesce(sum(1 + seq % 3 + (seq % 11 = 0)::int), 0) FROM message WHERE seq IS NOT NULL",
    )[0]
    if expected != fates[0]:
        wrong.append(f"the messages held {expected} items and {fates[0]} were offered")
    return wrong


def _row(connection: psycopg.Connection, sql: str) -> tuple[int, ...]:
    row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return tuple(int(value) for value in row)
