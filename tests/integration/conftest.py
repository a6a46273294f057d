"""Brokers, publishers and a registry, for the tests of those who connect to them."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chargewatch import database
from tests.bring import why_no_broker
from tests.conftest import need
from tests.integration.collecting import register
from tests.integration.production_broker import ProductionBroker, registered
from tests.integration.publishing import Publisher
from tests.servers import Broker


@pytest.fixture
def connection(embedded_dsn: str) -> Iterator[psycopg.Connection]:
    """A connection to a fresh database in which op0, op1 and op2 have connectors c0 to c9."""
    with database.connect() as opened:
        register(opened)
        yield opened


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    """One who publishes, straight to the broker, and knows what was acknowledged."""
    one = Publisher(broker.port)
    yield one
    one.close()


@pytest.fixture
def city(embedded_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProductionBroker]:
    """The production broker, running, its places in the environment; A and B are registered."""
    need(why_no_broker())
    with database.connect() as connection:
        for operator_id in ("A", "B"):
            registered(connection, operator_id)
    one = ProductionBroker(tmp_path)
    for name, value in one.environment.items():
        monkeypatch.setenv(name, value)
    one.start()
    yield one
    one.stop()
