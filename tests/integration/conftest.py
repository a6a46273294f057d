"""A city's own broker, for the tests of those who connect to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chargewatch import database
from tests.bring import why_no_broker
from tests.conftest import need
from tests.integration.production_broker import ProductionBroker, registered


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
