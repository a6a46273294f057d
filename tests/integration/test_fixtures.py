"""The fixtures that other tests stand on give what they promise."""

import psycopg
import pytest


def test_each_test_has_a_fresh_database(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM store").fetchone() == (1,)
        connection.execute("CREATE TABLE left_behind ()")


def test_nothing_is_left_behind(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT to_regclass('left_behind')").fetchone() == (None,)


def test_backends_differ(dsn: str, request: pytest.FixtureRequest) -> None:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    assert found == (1 if "timescale" in request.node.name else 0,)
