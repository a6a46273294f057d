"""Gaps in sequences and late items, from the store alone."""

import random
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from chargewatch import database
from scheduler import arrivals
from tests.integration.collecting import message, register, status, write

LIMIT = timedelta(hours=24)


@pytest.fixture
def connection(rehearsal_dsn: str) -> Iterator[psycopg.Connection]:
    with database.connect() as opened:
        register(opened)
        yield opened


@pytest.fixture
def real(embedded_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    monkeypatch.setattr(arrivals, "SETTLING", timedelta(0))
    with database.connect() as opened:
        register(opened)
        yield opened


def send(
    connection: psycopg.Connection, *numbers: int, boot: str = "b", operator: str = "op0", receipt_s: float = 0
) -> None:
    sent = [
        message("status", [status(one % 10, one % 10**6)], seq=one, boot=boot, operator=operator, receipt_s=receipt_s)
        for one in numbers
    ]
    write(connection, sent)


def told(connection: psycopg.Connection) -> tuple[int, int]:
    arrivals.look(connection, LIMIT)
    return arrivals.sequence_gaps(connection).get(("op0",), 0), arrivals.sequence_missing(connection).get(("op0",), 0)


def test_a_gap_is_counted_once_and_what_is_missing_shrinks(real: psycopg.Connection) -> None:
    send(real, 0, 1, 2)
    assert told(real) == (0, 0)
    send(real, 10, 11)
    assert told(real) == (1, 7)
    assert told(real) == (1, 7)
    send(real, 5)  # in its middle: no new gap
    assert told(real) == (1, 6)
    send(real, 11, 2, 5)  # delivered again
    assert told(real) == (1, 6)
    send(real, 3, 4, 6, 7, 8, 9)
    assert told(real) == (1, 0)
    send(real, 7, boot="b2")  # a boot that began before it was heard
    send(real, 13, 15, boot="b")
    assert told(real) == (3, 2)
    assert arrivals.sequence_gaps(real) == {("op0",): 3}


def test_what_is_overtaken_on_its_way_is_no_gap(real: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "SETTLING", timedelta(minutes=2))
    send(real, 0, 2)
    assert told(real) == (0, 0)
    send(real, 1)
    monkeypatch.setattr(arrivals, "SETTLING", timedelta(0))
    assert told(real) == (0, 0)


def test_a_wild_sequence_is_followed_to_a_bound(real: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MOST_RUNS", 5)
    send(real, *range(0, 40, 2))
    assert told(real) == (19, 15 + 4)
    [(runs,)] = real.execute("SELECT count(*) FROM sequence_seen, unnest(seen)").fetchall()
    assert runs == 5
    send(real, 1, 33)  # one that was given up and one that was not
    assert told(real) == (19, 18)
    send(real, 2**63 - 1)
    assert told(real)[0] == 19


def test_strangers_make_no_series(real: psycopg.Connection) -> None:
    send(real, 0, 5, operator="stranger")
    assert told(real) == (0, 0)
    assert arrivals.sequence_gaps(real) == {}


def test_any_order_and_any_looks_miss_the_same(connection: psycopg.Connection) -> None:
    chance = random.Random(3)
    numbers = [one for one in range(300) if chance.random() < 0.9]
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    again = [*numbers, *chance.sample(numbers, 30)]
    chance.shuffle(again)
    while again:
        size = chance.randrange(1, 80)
        send(connection, *again[:size])
        again = again[size:]
        arrivals.look(connection, LIMIT)
    send(connection, 10_000, boot="later", receipt_s=1000)  # the senders' clock goes on
    assert told(connection)[1] == missing


def test_late_items_are_counted_once_by_operator(real: psycopg.Connection) -> None:
    day = 86_400
    sent = [
        message("status", [status(0, 0), status(1, 10), status(2, 11)], receipt_s=day + 10, seq=0),
        message("heartbeat", [{"connector_ids": ["c0", "c1"], "at": "2023-06-01T00:00:00Z"}], receipt_s=2 * day, seq=1),
        message("status", [status(0, 0)], operator="op1", receipt_s=day, seq=0),
    ]
    write(real, sent)
    for _ in range(2):
        arrivals.look(real, LIMIT)
        assert arrivals.late_items(real) == {("op0",): 3}
    write(real, [message("status", [status(0, 0)], receipt_s=3 * day, seq=2)])  # a duplicate is not stored
    arrivals.look(real, LIMIT)
    assert arrivals.late_items(real) == {("op0",): 3}
