"""The store: one fate for every item, whatever the batching, the order or the repetition; nothing is ever edited."""

import itertools
import random
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from chargewatch import database
from collector.contract import decode
from collector.quarantine import contents as quarantine
from collector.quarantine import retrying
from collector.store import Fates, Store, directory
from tests.integration.collecting import (
    FACTS,
    Sent,
    at,
    decoded,
    facts,
    message,
    register,
    status,
    totals,
    write,
)  # fmt: skip


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with database.connect() as opened:
        register(opened)
        yield opened


def counts(fates: Fates) -> dict[str, tuple[int, ...]]:
    return {
        kind: (one.offered, one.stored, one.duplicate, one.quarantined, one.conflicts)
        for kind, one in fates.by_kind().items()
    }


def test_every_kind_is_stored_with_its_evidence(connection: psycopg.Connection) -> None:
    session = {
        "session_id": "s1", "connector_ids": ["c1", "c0"], "start": at(-3600), "end": at(0), "energy_kwh": 12.340,
        "meter_start_kwh": 100.1, "meter_end_kwh": 112.44, "total_fee": 10.50, "vehicle": "v1", "void": True,
        "revision": 2, "stop_reason": "full", "service_fee": 1.1,
    }  # fmt: skip
    meter = {"connector_id": "c1", "at": at(0), "energy_kwh": 1.0000000000000000001, "soc_pct": 55}
    fates = write(connection, [
        message("status", [status(0, 0, detail="温州", fault_code="E1"), status(1, 0)], seq=1, receipt_s=1),
        message("meter", [meter], seq=2, receipt_s=1),
        message("heartbeat", [{"at": at(0), "connector_ids": ["c0", "c1"]}], seq=3, receipt_s=1),
        message("session", [session], seq=4, receipt_s=1),
    ])  # fmt: skip
    assert counts(fates) == {
        "heartbeat": (2, 2, 0, 0, 0), "meter": (1, 1, 0, 0, 0), "session": (1, 1, 0, 0, 0), "status": (2, 2, 0, 0, 0),
    }  # fmt: skip
    row = connection.execute(
        "SELECT s.energy_kwh::text, connector_nos, void, revision, body, total_fee::text, vehicle, stop_reason, seq,"
        " s.at - started_at = '1 h', array_agg(connector_id ORDER BY connector_id) FROM session_fact AS s"
        " JOIN connector_keys ON connector_no = ANY(connector_nos) GROUP BY s.*, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
    ).fetchone()
    assert row is not None
    assert row[0] == "12.34"
    assert row[2:] == (
        True, 2, {"service_fee": "1.1", "total_fee": "10.5"}, "10.5", "v1", "full", 4, True, ["c0", "c1"],
    )  # fmt: skip
    told = connection.execute(
        "SELECT f.detail, f.fault_code, f.place, f.boot_id, m.topic, octet_length(m.sha256), m.offered,"
        " f.received_at = m.received_at, f.recorded_at = m.recorded_at, f.recorded_at > f.received_at"
        " FROM status_fact AS f JOIN message AS m USING (message_id) ORDER BY place"
    ).fetchall()
    assert told[0] == ("温州", "E1", 0, "b", "ev/1/op0/status", 32, 2, True, True, True)
    assert told[1][:3] == (None, None, 1)


def a_mixed_stream(seed: int) -> list[Sent]:
    """Messages that repeat one another, contradict one another, share their receipts, and hold bad items."""
    rng = random.Random(seed)
    stream = []
    for _ in range(40):
        receipt = rng.choice([10, 10, 20, 30, 40])
        operator, boot, place = f"op{rng.randrange(2)}", rng.choice("ab"), rng.randrange(3)
        kind = rng.choice(["status", "meter", "heartbeat", "session"])
        items: list[dict[str, Any]] = []
        for _ in range(rng.randrange(1, 5)):
            connector, moment = rng.choice([0, 1, 1, 99]), rng.randrange(3)
            if kind == "status":
                items.append(status(connector, moment, rng.choice(["available", "faulted"]), detail=rng.choice("xy")))
            elif kind == "meter":
                item = {"connector_id": f"c{connector}", "at": at(moment), "energy_kwh": rng.choice([1, 1.0, 2, -1])}
                items.append(item | rng.choice([{}, {"soc_pct": 5}]))
            elif kind == "heartbeat":
                items.append({"at": at(moment), "connector_ids": [f"c{connector}", "c2"]})
            else:
                items.append({
                    "session_id": f"s{moment}", "connector_id": f"c{connector}", "start": at(0), "end": at(moment),
                    "energy_kwh": rng.choice([1, 2]), "revision": rng.randrange(2),
                })  # fmt: skip
        changes: dict[str, Any] = {} if rng.random() < 0.9 else {"sent_at": "bad"}
        stream.append(message(kind, items, operator=operator, seq=place, boot=boot, receipt_s=receipt, **changes))
    return stream


@pytest.mark.parametrize("seed", range(3))
def test_batching_order_and_repetition_leave_no_trace(dsn: str, seed: int) -> None:
    rng = random.Random(seed)
    stream = a_mixed_stream(seed)
    outcomes = []
    for how in ("one by one", "one batch", "in batches", "backwards", "shuffled", "twice"):
        with database.connect() as connection:
            _empty(connection)
            register(connection)
            sent = {
                "backwards": stream[::-1],
                "shuffled": rng.sample(stream, len(stream)),
                "twice": rng.sample(stream * 2, len(stream) * 2),
            }.get(how, stream)
            sizes = [1] * len(sent) if how == "one by one" else [] if how == "one batch" else [3, 7, 1, 1, 5, 9]
            fates = write(connection, sent, sizes)
            if how == "one batch":
                assert counts(fates) == outcomes[0][2], "a batch is what its messages are one by one"
            stored = {kind: one.stored for kind, one in fates.by_kind().items()}
            for one in fates.counts.values():
                assert one.offered == one.stored + one.duplicate + one.quarantined
            factor = 2 if how == "twice" else 1
            quarantined = {kind: one.quarantined // factor for kind, one in fates.by_kind().items()}
            offered = {kind: one.offered // factor for kind, one in fates.by_kind().items()}
            assert totals(connection) == {
                key: (one.offered, one.stored, one.duplicate, one.quarantined) for key, one in fates.counts.items()
            }
            outcomes.append((facts(connection), (stored, quarantined, offered), counts(fates)))
            for table in FACTS:
                row = connection.execute(f"SELECT count(*) FROM {table} WHERE copy = 0".encode()).fetchone()
                assert row is not None
                assert row[0] == stored.get(table.removesuffix("_fact"), 0)
    assert sum(map(len, outcomes[0][0].values())) > 20
    for outcome in outcomes[1:]:
        assert outcome[0] == outcomes[0][0]
        assert outcome[1] == outcomes[0][1]


def _empty(connection: psycopg.Connection) -> None:
    """What no program may do: only a test takes the guards away, and puts them back."""
    tables = [*FACTS, "message", "quarantine_retry", "quarantine", "link_event"]
    connection.execute("SET session_replication_role = replica")
    for table in tables:
        connection.execute(f"DELETE FROM {table}".encode())
    connection.execute("DELETE FROM connector_keys")
    connection.execute("SET session_replication_role = origin")
    connection.execute("ALTER SEQUENCE connector_keys_connector_no_seq RESTART")


def test_an_earlier_receipt_that_comes_later_counts_and_stays_a_duplicate(connection: psycopg.Connection) -> None:
    meter = [{"connector_id": "c0", "at": at(0), "energy_kwh": energy} for energy in (1, 2, 3)]
    late, early, later = (
        message("meter", [meter[n]], seq=n, receipt_s=receipt_s) for n, receipt_s in ((0, 20), (1, 10), (2, 30))
    )
    fates = write(connection, [late, early, later], [1, 1, 1])
    assert counts(fates) == {"meter": (3, 1, 2, 0, 2)}
    rows = connection.execute("SELECT energy_kwh::int, copy FROM meter_fact ORDER BY copy").fetchall()
    assert rows == [(1, 0), (2, 1)]
    assert dict(facts(connection)["meter_fact"][0])["energy_kwh"] == "2"


def test_a_late_year_and_an_early_one_fit_one_batch(connection: psycopg.Connection) -> None:
    old = {"connector_id": "c0", "at": "2010-01-01T00:00:00Z"}
    assert counts(write(connection, [message("heartbeat", [old, {**old, "at": at(0)}])])) == {
        "heartbeat": (2, 2, 0, 0, 0)
    }


@pytest.mark.parametrize("table", [*FACTS, "message", "quarantine", "link_event"])
def test_facts_are_never_edited(connection: psycopg.Connection, table: str) -> None:
    session = {"session_id": "s", "connector_id": "c0", "start": at(0), "end": at(0), "energy_kwh": 1}
    write(connection, [
        message("status", [status(0, 0), status(99, 0)]),
        message("meter", [{"connector_id": "c0", "at": at(0), "energy_kwh": 1}]),
        message("heartbeat", [{"connector_id": "c0", "at": at(0)}]),
        message("session", [session]),
        ("ev/1/op0/link", b'{"schema":"ev.link/1","state":"ready","boot_id":"b"}', database.now(connection)),
    ])  # fmt: skip
    for sql in (f"UPDATE {table} SET received_at = received_at", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="refused"):
            connection.execute(sql.encode())
    parts = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table]
    )
    for (part,) in parts.fetchall():
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="refused"):
            connection.execute(f"DELETE FROM {part}".encode())
        if "_hyper_" not in part:
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="refused"):
                connection.execute(f"TRUNCATE {part}".encode())
    row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    assert row[0] >= 1


def test_a_batch_that_fails_leaves_nothing_and_can_be_written_again(connection: psycopg.Connection) -> None:
    batch = decoded(connection, [message("status", [status(0, 0)])])
    store = Store(connection)
    connection.execute("ALTER TABLE quarantine ADD CONSTRAINT never CHECK (false) NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation):
        store.write(batch + decoded(connection, [message("status", [status(99, 0)], receipt_s=86400 * 60)]))
    assert totals(connection) == {}
    assert facts(connection)["status_fact"] == []
    connection.execute("ALTER TABLE quarantine DROP CONSTRAINT never")
    assert counts(store.write(batch)) == {"status": (1, 1, 0, 0, 0)}


def test_writers_that_collide_store_each_item_once(connection: psycopg.Connection) -> None:
    stream = [
        message("heartbeat", [{"connector_id": f"c{c}", "at": at(second)} for c in range(10)], seq=second)
        for second in range(60)
    ]
    results, failures = list[Fates](), list[BaseException]()

    def run(order: list[Sent]) -> None:
        try:
            with database.connect() as own:
                results.append(write(own, order, itertools.repeat(4, 14)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(order,)) for order in (stream, stream[::-1], stream)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(fates.by_kind()["heartbeat"].stored for fates in results) == 600
    assert totals(connection) == {("op0", "heartbeat"): (1800, 600, 1200, 0)}


def test_what_was_unknown_moves_into_the_store_once_it_is_registered(connection: psycopg.Connection) -> None:
    write(connection, [
        message("status", [status(0, 0), status(98, 0), status(99, 0, detail="bad")], receipt_s=1, seq=7),
        message("heartbeat", [{"at": at(0), "connector_ids": ["c98", "c99", "c1"]}], receipt_s=1),
        message("status", [status(98, 0, detail="again")], receipt_s=2, seq=8),
        message("status", [{"connector_id": "c98"}], receipt_s=2),
    ])  # fmt: skip
    assert totals(connection) == {("op0", "status"): (5, 1, 0, 4), ("op0", "heartbeat"): (3, 1, 0, 2)}
    assert {row["still_quarantined"] for row in retrying.retry(connection, reason="unknown_connector")} == {2, 3}
    connection.execute("INSERT INTO connector_keys (operator_id, connector_id) VALUES ('op0', 'c98'), ('op1', 'c99')")
    assert retrying.retry(connection, operator_id="op1") == []
    assert retrying.retry(connection, reason="unknown_connector") == [
        {"kind": "heartbeat", "tried": 2, "stored": 1, "duplicate": 0, "conflicts": 0, "still_quarantined": 1},
        {"kind": "status", "tried": 3, "stored": 1, "duplicate": 1, "conflicts": 1, "still_quarantined": 1},
    ]
    assert totals(connection) == {("op0", "status"): (5, 2, 1, 2), ("op0", "heartbeat"): (3, 2, 0, 1)}
    moved = connection.execute(
        "SELECT f.received_at = m.received_at, f.recorded_at > m.recorded_at, f.seq, f.place FROM status_fact AS f"
        " JOIN message AS m USING (message_id) WHERE f.recorded_at > m.recorded_at"
    ).fetchall()
    assert moved == [(True, True, 7, 1)]
    assert [row["still_quarantined"] for row in retrying.retry(connection, reason="unknown_connector")] == [1, 1]
    waiting = quarantine.waiting(connection, reason="unknown_connector", operator_id="op0", limit=10)
    assert {row["detail"] for row in waiting} == {"connector c99 is not in the registry"}
    shown = quarantine.one(connection, waiting[0]["quarantine_id"])
    assert '"c99"' in shown["payload"]
    assert len(shown["message_sha256"]) == 64


def test_an_operators_link_is_kept_for_live_views_and_is_no_item(connection: psycopg.Connection) -> None:
    def link(state: str, seconds: int) -> Sent:
        payload = b'{"schema":"ev.link/1","state":"%b","boot_id":"b"}' % state.encode()
        return "ev/1/op0/link", payload, message("status", [], receipt_s=seconds)[2]

    fates = write(connection, [link("ready", 1), link("ready", 2), link("lost", 3), link("ready", 4)], [1, 1])
    assert fates.counts == {}
    rows = connection.execute("SELECT state FROM link_event ORDER BY received_at").fetchall()
    assert [row[0] for row in rows] == ["ready", "lost", "ready"]


def test_a_rehearsals_clock_is_the_senders(rehearsal_dsn: str) -> None:
    with database.connect() as connection:
        register(connection)
        batch, known = [], directory(connection)
        for sent in (message("status", [status(0, 0)], receipt_s=3), ("ev/1/op0/status", b"bad", None)):
            batch.append(decode(sent[0], sent[1], None, known))
        Store(connection).write(batch[:1])
        Store(connection).write(batch[1:])
        rows = connection.execute(
            "SELECT received_at, recorded_at, sent_at FROM message ORDER BY message_id"
        ).fetchall()
        sent_at = message("status", [], receipt_s=3)[2]
        assert rows == [(sent_at, sent_at, sent_at), (sent_at, sent_at, None)]
        assert database.now(connection) == sent_at
