"""Each trap that others fell into, put back into our collector, is found; without it the same test holds.

| test | traps (tests/faults/traps.py) |
|---|---|
| test_faults.py, kills between COPY and COMMIT | acknowledges_on_receipt |
| test_faults.py, packet ids of a forgotten session | acknowledges_whatever_the_connection |
| what comes while nobody collects | session_ends_with_the_connection, starts_clean |
| in the order of receipt | acknowledges_out_of_order |
| the connection while the database is stuck | blocks_the_callback |
| the window | window_without_end |
| the window over reconnections | another_window_with_every_connection |
| what only we have | drops_what_a_forgotten_session_delivered |
| a retained copy | takes_retained_copies |
| two collectors under one id | fights_for_its_id_without_a_word |
| rows that the database swallows | a trigger in the database |

The broker's own traps are in test_broker_traps.py, those of decoding in tests/unit/test_decoding_traps.py.
"""

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

import collector.mqtt
from chargewatch import database
from collector.store import RowsMissing
from tests.conftest import Databases
from tests.faults.proxy import BACK, OUT, Proxy
from tests.faults.traps import TRAPS
from tests.integration.collecting import message, register, status, totals, write
from tests.integration.publishing import Publisher, numbered, stored, wait_until
from tests.integration.running import collecting
from tests.servers import Broker


@pytest.fixture
def trap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """The name of the trap that is put back into this process's collectors, or None."""
    name: str | None = request.param
    if name is not None:
        TRAPS[name](monkeypatch.setattr)
    return name


def with_traps(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("trap", [None, *names], indirect=True)


@pytest.fixture
def proxy(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    one = Proxy(broker.port)
    monkeypatch.setenv("CHARGEWATCH_MQTT_URL", f"mqtt://127.0.0.1:{one.port}")
    yield one
    one.close()


@contextmanager
def stuck(connection: psycopg.Connection) -> Iterator[None]:
    """The database takes what it is sent and does not answer."""
    with connection.transaction():
        connection.execute("LOCK TABLE message IN ACCESS EXCLUSIVE MODE")
        yield


def send(publisher: Publisher, numbers: range) -> None:
    for number in numbers:
        publisher.send(number, *numbered(number))
    publisher.settle(len(publisher.sent))


def becomes(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether it holds within that time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@with_traps("session_ends_with_the_connection", "starts_clean")
def test_what_comes_while_nobody_collects(
    trap: str | None, connection: psycopg.Connection, publisher: Publisher
) -> None:
    with collecting():
        pass
    send(publisher, range(50))
    with collecting():
        assert becomes(lambda: stored(connection) == list(range(50)), 1.5 if trap else 30) is (trap is None)


@with_traps("acknowledges_out_of_order")
def test_acknowledgements_go_out_in_the_order_of_receipt(
    trap: str | None, connection: psycopg.Connection, publisher: Publisher, proxy: Proxy
) -> None:
    proxy.heard = []
    with collecting(BATCH_MS="20") as one:
        send(publisher, range(300))
        wait_until(lambda: len(stored(connection)) == 300)
        wait_until(lambda: one.held == 0)
    received, acknowledged = [], []
    for heard in proxy.heard:
        received += [mid for kind, mid in packets(heard[BACK]) if kind == "PUBLISH"]
        acknowledged += [mid for kind, mid in packets(heard[OUT]) if kind == "PUBACK"]
    assert len(acknowledged) >= 300
    assert (acknowledged == received) is (trap is None)


def packets(said: bytearray) -> Iterator[tuple[str, int]]:
    """PUBLISH at QoS 1, PUBACK and PINGREQ in what one side of an MQTT connection said, with their packet ids."""
    at = 0
    while at < len(said):
        first, at, length, shift = said[at], at + 1, 0, 0
        while True:
            byte, at = said[at], at + 1
            length |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
        if first >> 4 == 3 and first & 6:
            topic = struct.unpack_from(">H", said, at)[0]
            yield "PUBLISH", struct.unpack_from(">H", said, at + 2 + topic)[0]
        elif first >> 4 == 4:
            yield "PUBACK", struct.unpack_from(">H", said, at)[0]
        elif first >> 4 == 12:
            yield "PINGREQ", 0
        at += length


@with_traps("blocks_the_callback")
def test_the_connection_stays_while_the_database_is_stuck(
    trap: str | None, connection: psycopg.Connection, publisher: Publisher, proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Alive for the broker is who says something within the keep-alive."""
    monkeypatch.setattr(collector.mqtt, "_KEEPALIVE_S", 1)
    proxy.heard = []
    with collecting():
        with stuck(connection):
            send(publisher, range(10))
            time.sleep(0.5)
            before = pings(proxy)
            time.sleep(2.5)
            assert (pings(proxy) > before) is (trap is None)
        wait_until(lambda: len(stored(connection)) == 10)


def pings(proxy: Proxy) -> int:
    """Signs of life that went out so far."""
    return sum(kind == "PINGREQ" for heard in proxy.heard or [] for kind, _ in packets(heard[OUT]))


@with_traps("window_without_end")
def test_no_more_than_the_window_is_held_while_the_database_is_stuck(
    trap: str | None, connection: psycopg.Connection, publisher: Publisher
) -> None:
    with collecting(RECEIVE_MAXIMUM="50") as one:
        with stuck(connection):
            send(publisher, range(500))
            wait_until(lambda: one.held >= 50)
            time.sleep(0.3)
            assert (one.held <= 50) is (trap is None)
        wait_until(lambda: len(stored(connection)) == 500)


@with_traps("another_window_with_every_connection")
def test_reconnections_do_not_add_windows_without_end(
    trap: str | None, connection: psycopg.Connection, publisher: Publisher, proxy: Proxy
) -> None:
    most = 0
    with collecting(RECEIVE_MAXIMUM="50") as one:
        subscription = one.collector.subscription
        with stuck(connection):
            send(publisher, range(500))
            wait_until(lambda: one.held >= 50)
            for epoch in range(2, 5):
                proxy.cut()
                wait_until(lambda epoch=epoch: subscription.epoch >= epoch and subscription.up.is_set())  # type: ignore[misc]
                time.sleep(0.3)
                most = max(most, one.held)
        assert (most <= 2 * 50) is (trap is None)
        wait_until(lambda: len(stored(connection)) == 500)
    assert stored(connection) == list(range(500))


@with_traps("drops_what_a_forgotten_session_delivered")
def test_what_only_we_have_is_stored_however_often_the_broker_comes_back(
    trap: str | None, connection: psycopg.Connection, publisher: Publisher, broker: Broker, proxy: Proxy
) -> None:
    with collecting(RECEIVE_MAXIMUM="40") as one:
        subscription = one.collector.subscription
        with stuck(connection):
            send(publisher, range(1))
            wait_until(lambda: one.collector._committer.held == 1)
            send(publisher, range(39))
            wait_until(lambda: one.held >= 39)
            broker.stop()
            for kept in broker.folder.glob("mosquitto.db*"):
                kept.unlink()
            broker.start()
            wait_until(lambda: subscription.epoch >= 2 and subscription.up.is_set())
            proxy.cut()  # and now the session is kept
            wait_until(lambda: subscription.epoch >= 3 and subscription.up.is_set())
        found = becomes(lambda: stored(connection) == list(range(39)), 1.5 if trap else 30)
        assert found is (trap is None)


@with_traps("takes_retained_copies")
def test_a_retained_copy_is_never_a_fact(
    trap: str | None, connection: psycopg.Connection, publisher: Publisher
) -> None:
    publisher.send(0, *numbered(0), retain=True)
    publisher.settle(1)
    with collecting():
        publisher.send(1, *numbered(1))
        wait_until(lambda: 1 in stored(connection))
    assert (totals(connection) == {("op0", "status"): (1, 1, 0, 0)}) is (trap is None)


@with_traps("fights_for_its_id_without_a_word")
def test_two_collectors_of_different_databases_under_one_id_are_told(
    trap: str | None,
    connection: psycopg.Connection,
    broker: Broker,
    databases: Callable[[str], Databases],
) -> None:
    """In one database its lock tells; else the broker, and mosquitto 2.0.11 does not say why."""
    server = databases("embedded")
    other = server.fresh(False)
    with collecting() as first, collecting(DSN=server.uri(other)) as second:
        words = "another client has"

        def told() -> bool:
            return any(words in said for said in [*first.said, *second.said, str(first.error), str(second.error)])

        assert becomes(told, 5 if trap else 30) is (trap is None)
    server.drop(other)


@pytest.mark.parametrize("repeats", [False, True])
def test_rows_that_the_database_swallows_are_missed(dsn: str, repeats: bool) -> None:
    """What TimescaleDB 2.17.2 did to INSERT … ON CONFLICT, by a trigger: it says that all is well."""
    with database.connect() as connection:
        register(connection)
        sent = [message("status", [status(place, number) for place in range(5)], seq=number) for number in range(20)]
        if repeats:  # upon what is recorded already, by another way
            write(connection, sent[:3])
        connection.execute("CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        connection.execute(
            "CREATE TRIGGER swallow BEFORE INSERT ON status_fact FOR EACH ROW WHEN (NEW.seq = 7 AND NEW.place = 2)"
            " EXECUTE FUNCTION swallow()"
        )
        before = totals(connection)
        with pytest.raises(RowsMissing, match="table status_fact took"):
            write(connection, sent)
        assert totals(connection) == before
        connection.execute("DROP TRIGGER swallow ON status_fact")
        write(connection, sent)
        assert len(stored(connection)) == 100
