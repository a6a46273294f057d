"""Mutated messages through a real broker, collector and database; a million of them: tests/faults/mutations.py."""

import psycopg

from chargewatch import database
from tests.commands import Command
from tests.faults.mutations import deliver
from tests.integration.collecting import register
from tests.integration.publishing import collect
from tests.servers import Broker

COUNT = 10_000


def test_mutated_messages_cost_nothing_but_themselves(embedded_dsn: str, broker: Broker, chargewatch: Command) -> None:
    with database.connect() as connection:
        register(connection)
        running = collect(chargewatch)
        expected = deliver(broker.port, connection, running, count=COUNT, seed=137)
        assert expected.controls == COUNT // 20
        assert len(expected.reasons) == 9, "every reason of contract 1 occurs"
        assert running.terminate() == 0
        _nothing_of_it_is_an_error(connection)


def _nothing_of_it_is_an_error(connection: psycopg.Connection) -> None:
    refused = connection.execute("SELECT count(*) FROM quarantine WHERE detail LIKE 'the database refuses it%'")
    assert refused.fetchone() == (0,)
