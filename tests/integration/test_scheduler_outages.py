"""Outages of the platform, from pulses in the store to declarations in the registry."""

import random
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from chargewatch import database
from chargewatch.instants import EPOCH, US_PER_S
from collector.pulse.outages import Pulse, outages
from collector.pulse.rhythm import PulseSettings
from scheduler.outages import declare
from tests.integration.collecting import START

HOURLY = PulseSettings("hourly", "", Decimal(600), Decimal(3600), Decimal(3600), Decimal(7200))
START_US = (START - EPOCH) // timedelta(microseconds=1)


def beats(client: str, boot: str, first_s: int, until_s: int, every_s: int = 600) -> list[Pulse]:
    return [
        Pulse(client, boot, nth, START_US + second * US_PER_S, START_US + second * US_PER_S)
        for nth, second in enumerate(range(first_s, until_s + 1, every_s))
    ]


def late(pulse: Pulse, seconds: int) -> Pulse:
    return pulse._replace(received_us=pulse.sent_us + seconds * US_PER_S)


def keep(connection: psycopg.Connection, pulses: list[Pulse]) -> None:
    for client in {one.client_id for one in pulses}:
        connection.execute(
            "INSERT INTO collector_member VALUES (%s, NULL, 'h', '{}', 0, now(), now(), NULL) ON CONFLICT DO NOTHING",
            [client],
        )
    rows = [
        (*one[:3], *(EPOCH + timedelta(microseconds=us) for us in (one.sent_us, one.received_us))) for one in pulses
    ]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO pulse VALUES (%s, %s, %s, %s, %s, clock_timestamp())", rows)


def standing(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        'SELECT start, "end", reference FROM (SELECT DISTINCT ON (declaration_id) * FROM registry_declarations'
        " ORDER BY declaration_id, recorded_at DESC, row_id DESC) AS d WHERE withdrawn_at IS NULL ORDER BY start"
    ).fetchall()


def at(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def connection(embedded_dsn: str) -> Any:
    with database.connect() as opened:
        yield opened


def test_an_outage_is_declared_once_it_has_settled_and_once(connection: psycopg.Connection) -> None:
    hour = 3600
    assert declare(connection, HOURLY) == "no new pulses"
    keep(connection, beats("c", "b1", 0, 10 * hour) + beats("c", "b2", 15 * hour, 16 * hour))
    assert declare(connection, HOURLY) == "outages: none new"
    keep(
        connection,
        [one for one in beats("c", "b2", 15 * hour, 20 * hour) if one.sent_us > START_US + 16 * hour * US_PER_S],
    )
    assert declare(connection, HOURLY) == "outages: 1 declared"
    assert declare(connection, HOURLY) == "no new pulses"
    keep(connection, beats("c", "b3", 20 * hour, 40 * hour))
    assert declare(connection, HOURLY) == "outages: none new"
    [(start, end, reference)] = standing(connection)
    assert (start, end) == (at(10 * hour), at(15 * hour))
    assert reference.startswith("hourly: pulse c/b1/60 sent 2023-06-01T10:00:00Z")
    rows = connection.execute(
        "SELECT operator_id, scope, scope_id, cause, filed_at = d.recorded_at, approved, imported_by"
        " FROM registry_declarations d JOIN registry_imports USING (import_id)"
    ).fetchall()
    assert rows == [(None, "platform", None, "platform_outage", True, True, "scheduler")]


def test_a_silence_and_a_loss_that_began_before_the_last_look_are_found(connection: psycopg.Connection) -> None:
    hour = 3600
    keep(connection, beats("c", "b1", 0, 10 * hour) + beats("d", "b1", 0, 10 * hour))
    assert declare(connection, HOURLY) == "outages: none new"
    keep(connection, beats("d", "b2", 30 * hour, 60 * hour))
    assert declare(connection, HOURLY) == "outages: 1 declared"
    lost_until = [
        one for one in beats("c", "b1", 10 * hour, 80 * hour) if one.sent_us >= START_US + 70 * hour * US_PER_S
    ]
    keep(connection, beats("d", "b2", 60 * hour, 80 * hour) + lost_until)
    assert declare(connection, HOURLY) == "outages: 1 declared, 1 withdrawn"
    assert [row[:2] for row in standing(connection)] == [(at(10 * hour), at(70 * hour))]


def test_a_pulse_that_comes_much_later_withdraws_and_files_the_longer_one(connection: psycopg.Connection) -> None:
    hour = 3600
    keep(connection, beats("c", "b1", 0, 10 * hour) + beats("c", "b2", 15 * hour, 40 * hour))
    declare(connection, HOURLY)
    # Another collector's queue was found: it had sent in the silence, and it was received an hour after.
    keep(connection, [late(one, 5 * hour) for one in beats("d", "b", 12 * hour, 12 * hour)])
    assert declare(connection, HOURLY) == "outages: 1 declared, 1 withdrawn"
    assert [row[:2] for row in standing(connection)] == [(at(10 * hour), at(17 * hour))]
    versions = connection.execute("SELECT count(*), count(withdrawn_at) FROM registry_declarations").fetchone()
    assert versions == (3, 1)


def test_what_a_person_withdrew_or_changed_stays_so(connection: psycopg.Connection) -> None:
    hour = 3600
    keep(connection, beats("c", "b1", 0, 10 * hour) + beats("c", "b2", 15 * hour, 40 * hour))
    declare(connection, HOURLY)
    connection.execute(
        "WITH i AS (INSERT INTO registry_imports (recorded_at, imported_by, source, sha256, rows)"
        " VALUES (clock_timestamp(), 'wang', 'x', '', 1) RETURNING import_id)"
        ' INSERT INTO registry_declarations (declaration_id, scope, cause, start, "end", filed_at, reference, approved,'
        " withdrawn_at, import_id, recorded_at)"
        ' SELECT declaration_id, scope, cause, start, "end", filed_at, reference, approved, now(), i.import_id,'
        " clock_timestamp() FROM registry_declarations, i"
    )
    keep(connection, [one for one in beats("c", "b2", 15 * hour, 45 * hour) if one.seq > 150])
    keep(connection, beats("c", "b1", 0, 10 * hour)[-3:])  # looked at again
    assert declare(connection, HOURLY) == "outages: none new"
    assert standing(connection) == []


@pytest.mark.parametrize("seed", range(2))
def test_any_order_and_any_batches_declare_the_same(connection: psycopg.Connection, seed: int) -> None:
    chance, hour, pulses = random.Random(seed), 3600, list[Pulse]()
    for client in ("c", "d"):
        second = chance.randrange(20) * hour
        for boot in range(25):
            length = chance.randrange(1, 20) * hour
            pulses += beats(client, f"b{boot}", second, second + length)
            second += length + chance.choice([600, hour, 4 * hour, 9 * hour])
    end_us = max(one.sent_us for one in pulses) + 100 * hour * US_PER_S
    pulses = [one for one in pulses if chance.random() < 0.99]
    pulses = [one if chance.random() < 0.995 else late(one, chance.choice([600, 2 * hour, 9 * hour])) for one in pulses]
    pulses += beats("c", "last", (end_us - START_US) // US_PER_S - 90 * hour, (end_us - START_US) // US_PER_S)
    wanted = [(one.from_us, one.to_us) for one in outages(pulses, HOURLY)]
    assert len(wanted) > 3
    # Mostly as they were received, some in another order by far.
    pulses.sort(key=lambda one: one.received_us + (chance.random() < 0.05) * chance.randrange(10**12))
    while pulses:
        size = chance.choice([1, 5, 50, 200])
        keep(connection, pulses[:size])
        pulses = pulses[size:]
        declare(connection, HOURLY)
        times = [row[:2] for row in standing(connection)]
        assert all(one[1] <= two[0] for one, two in pairwise(times)), "two that overlap"
    declare(connection, HOURLY)
    told = [tuple((moment - EPOCH) // timedelta(microseconds=1) for moment in row[:2]) for row in standing(connection)]
    assert told == wanted
