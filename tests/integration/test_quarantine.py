"""Tried again: what is accepted by now moves into the store once, whoever tries; the fates add up all the while."""

import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chargewatch import database
from collector import capture, contract
from collector.contract import Decoded, Directory, Rejected
from collector.quarantine import contents as quarantine
from collector.quarantine import retrying
from collector.store import Store, directory
from tests.integration.collecting import Sent, at, facts, message, register, status, totals, write
from tests.servers import started


@pytest.fixture
def on_both(dsn: str) -> Iterator[psycopg.Connection]:
    with database.connect() as opened:
        register(opened)
        yield opened


@pytest.fixture
def connection(embedded_dsn: str) -> Iterator[psycopg.Connection]:
    with database.connect() as opened:
        register(opened)
        yield opened


def registered(connection: psycopg.Connection, operator: str, *connectors: str) -> None:
    for one in connectors:
        connection.execute("INSERT INTO connector_keys (operator_id, connector_id) VALUES (%s, %s)", [operator, one])


def waiting(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    rows = quarantine.waiting(connection, reason=None, operator_id=None, limit=1000)
    return sorted((row["operator_id"], row["reason"], row["place"]) for row in rows)


def test_a_message_of_an_operator_who_is_registered_by_now_is_read_again(on_both: psycopg.Connection) -> None:
    connection = on_both
    items = [status(0, 0), status(0, 0), status(7, 1), status(1, 2, "no"), status(1, 3, detail="13812345678")]
    early = message("status", items, operator="new", seq=5, receipt_s=10)
    write(connection, [early, message("heartbeat", [{"connector_id": "c0", "at": at(0)}], operator="new")])
    assert totals(connection) == {("new", "status"): (1, 0, 0, 1), ("new", "heartbeat"): (1, 0, 0, 1)}
    assert {row["still_quarantined"] for row in retrying.retry(connection)} == {1}
    registered(connection, "new", "c0", "c1")
    assert retrying.retry(connection, reason="unreadable") == []
    assert retrying.retry(connection) == [
        {"kind": "heartbeat", "tried": 1, "stored": 1, "duplicate": 0, "conflicts": 0, "still_quarantined": 0},
        {"kind": "status", "tried": 1, "stored": 1, "duplicate": 1, "conflicts": 0, "still_quarantined": 3},
    ]
    assert totals(connection) == {("new", "status"): (5, 1, 1, 3), ("new", "heartbeat"): (1, 1, 0, 0)}
    told = connection.execute(
        "SELECT f.received_at, f.place, f.seq, f.boot_id, f.recorded_at = m.recorded_at, m.offered, m.received_at,"
        " f.recorded_at > o.recorded_at, m.topic, m.sha256 = o.sha256, m.bytes = o.bytes"
        " FROM status_fact AS f JOIN message AS m USING (message_id) JOIN message AS o ON o.sha256 = m.sha256"
        " AND o.message_id < m.message_id"
    ).fetchall()
    assert told == [(early[2], 0, 5, "b", True, 5, early[2], True, "ev/1/new/status", True, True)]
    assert waiting(connection) == [
        ("new", "invalid_item", 3), ("new", "personal_data", 4), ("new", "unknown_connector", 2),
    ]  # fmt: skip
    registered(connection, "new", "c7")
    again = retrying.retry(connection)
    assert [(row["kind"], row["tried"], row["stored"], row["still_quarantined"]) for row in again] == [
        ("status", 3, 1, 2)
    ]
    assert totals(connection)["new", "status"] == (5, 2, 1, 2)
    before = connection.execute("SELECT * FROM quarantine_retry ORDER BY 1").fetchall()
    assert [row["tried"] for row in retrying.retry(connection)] == [2]
    assert connection.execute("SELECT * FROM quarantine_retry ORDER BY 1").fetchall() == before


def test_it_makes_the_same_facts_as_if_it_had_been_readable_at_once(connection: psycopg.Connection) -> None:
    """Refused first and moved later, or accepted at once: nobody can tell by the facts."""
    rng = random.Random(5)
    sent = [
        message(
            "status", [status(rng.randrange(3), rng.randrange(4), detail=rng.choice("xy")) for _ in range(3)],
            operator=rng.choice(["new", "op0"]), seq=n, receipt_s=rng.choice([10, 20, 30]),
        )
        for n in range(40)
    ]  # fmt: skip
    write(connection, sent, [7, 3, 9])
    registered(connection, "new", "c2", "c1", "c0")
    retrying.retry(connection)
    moved = _by_connector(connection)
    equations = totals(connection)
    connection.execute("SET session_replication_role = replica")
    for table in ("status_fact", "message", "quarantine_retry", "quarantine"):
        connection.execute(f"DELETE FROM {table}".encode())
    connection.execute("SET session_replication_role = origin")
    write(connection, sent, [7, 3, 9])
    assert _by_connector(connection) == moved
    assert totals(connection) == equations
    assert sum(row[0] for row in equations.values()) == 120


def _by_connector(connection: psycopg.Connection) -> list[Any]:
    return facts(connection)["status_fact"]


class Mended:
    """The decoding of an earlier day: what it refuses is readable to the decoding of today."""

    def __init__(self, refuses: str, reason: str) -> None:
        self.refuses, self.reason = refuses, reason

    def decode(self, sent: Sent, known: Directory) -> Decoded:
        """One message as that day's decoding gave it."""
        found = contract.decode(*sent, known)
        if self.refuses.encode() not in sent[1]:
            return found
        return contract.Decoded(
            found.topic, found.kind, found.operator_id, None, None, None, found.received_us, found.sha256, found.size,
            None, (Rejected(0, self.reason, "a rule that was mended since", contract.mask(sent[1])),),
        )  # fmt: skip


@pytest.mark.parametrize("reason", ["unreadable", "unknown_schema", "too_large", "invalid_item"])
def test_a_message_that_a_mended_rule_can_read_counts_as_its_items(connection: psycopg.Connection, reason: str) -> None:
    old, known = Mended("vendor", reason), directory(connection)
    private = status(2, 0, vendor="13812345678", detail="fine")
    sent = [
        message("status", [status(0, 0), status(1, 0, vendor=1)]),
        message("status", [status(1, 0), private, status(3, 0, vehicle="x", detail="浙C12345")], seq=1),
        message("heartbeat", [{"at": at(0), "connector_ids": ["c0", "c1", "c9x"]}], seq=2, vendor=1),
    ]  # fmt: skip
    Store(connection).write([old.decode(one, known) for one in sent])
    assert totals(connection) == {("op0", "status"): (2, 0, 0, 2), ("op0", "heartbeat"): (1, 0, 0, 1)}
    assert retrying.retry(connection, reason=reason) == [
        {"kind": "heartbeat", "tried": 1, "stored": 2, "duplicate": 0, "conflicts": 0, "still_quarantined": 1},
        {"kind": "status", "tried": 2, "stored": 3, "duplicate": 1, "conflicts": 0, "still_quarantined": 1},
    ]
    assert totals(connection) == {("op0", "status"): (5, 3, 1, 1), ("op0", "heartbeat"): (3, 2, 0, 1)}
    assert waiting(connection) == [("op0", "personal_data", 2), ("op0", "unknown_connector", 0)]
    shas = connection.execute("SELECT count(*), count(DISTINCT sha256) FROM message").fetchone()
    assert shas == (6, 3), "each is evidence of the bytes that came, masked or not"
    everything = connection.execute("SELECT payload FROM quarantine").fetchall()
    assert b"13812345678" not in b"".join(row[0] for row in everything)


def test_an_item_that_a_mended_rule_accepts_keeps_its_place_and_evidence(connection: psycopg.Connection) -> None:
    sent = message("heartbeat", [{"at": at(5), "connector_ids": ["c0", "c1"]}, {"connector_id": "c2", "at": at(6)}])
    found = contract.decode(*sent, directory(connection))
    items = found.accepted
    raws = [json.dumps(one).encode() for one in json.loads(sent[1])["items"]]
    old = contract.Decoded(
        found.topic, found.kind, found.operator_id, found.boot_id, found.seq, found.sent_us, found.received_us,
        found.sha256, found.size, None,
        tuple(Rejected(place, "implausible", "a rule that was mended", raw) for place, raw in enumerate(raws)),
    )  # fmt: skip
    Store(connection).write([old])
    assert totals(connection) == {("op0", "heartbeat"): (2, 0, 0, 2)}
    assert retrying.retry(connection) == [
        {"kind": "heartbeat", "tried": 2, "stored": 3, "duplicate": 0, "conflicts": 0, "still_quarantined": 0}
    ]
    assert totals(connection) == {("op0", "heartbeat"): (3, 3, 0, 0)}
    rows = connection.execute("SELECT place, connector_no FROM heartbeat_fact ORDER BY 1, 2").fetchall()
    assert rows == [(one.place, one.connector_no) for one in items]


def test_item_by_item_and_by_operator(connection: psycopg.Connection) -> None:
    write(connection, [message("status", [status(77, n) for n in range(4)], operator=op) for op in ("op0", "op1")])
    for operator in ("op0", "op1"):
        registered(connection, operator, "c77")
    numbers = sorted(row["quarantine_id"] for row in quarantine.waiting(
        connection, reason=None, operator_id="op0", limit=9
    ))  # fmt: skip
    assert retrying.retry(connection, numbers=numbers[:1])[0]["stored"] == 1
    assert retrying.retry(connection, numbers=numbers[:2])[0]["tried"] == 1
    assert retrying.retry(connection, numbers=[10**9]) == []
    assert retrying.retry(connection, operator_id="op1")[0]["stored"] == 4
    assert retrying.retry(connection, operator_id="op1") == []
    assert totals(connection) == {("op0", "status"): (4, 2, 0, 2), ("op1", "status"): (4, 4, 0, 0)}


def test_nothing_that_was_rightly_refused_gets_in_by_being_tried_again(connection: psycopg.Connection) -> None:
    """An item that looks like a message, and a heartbeat that names its connectors in two ways, are no way in."""
    smuggled = json.loads(message("status", [status(0, 0)])[1])
    both = {"connector_id": "c0", "connector_ids": ["c1"], "at": at(0)}
    write(connection, [
        message("status", [smuggled]), message("status", [smuggled, status(1, 1)]), message("heartbeat", [both]),
        message("status", [status(0, 10**9), status(0, -(10**9)), status(0, 0, detail="13812345678")], seq=1),
        message("session", [{"session_id": "s", "vehicle": 13812345678}]), message("status", []),
        ("ev/1/op0/status", b"nonsense", message("status", [])[2]), ("", b"x", message("status", [])[2]),
    ])  # fmt: skip
    before = totals(connection)
    assert {row["stored"] for row in retrying.retry(connection)} == {0}
    assert totals(connection) == before
    assert connection.execute("SELECT count(*) FROM quarantine_retry").fetchone() == (0,)


def test_a_link_that_was_refused_becomes_one(connection: psycopg.Connection) -> None:
    ready = b'{"schema":"ev.link/1","state":"ready","boot_id":"b"}'
    write(connection, [("ev/1/new/link", ready, message("status", [])[2])])
    assert totals(connection) == {("new", "link"): (1, 0, 0, 1)}
    registered(connection, "new", "c0")
    retrying.retry(connection)
    assert totals(connection) == {}
    assert connection.execute("SELECT operator_id, state FROM link_event").fetchall() == [("new", "ready")]


def many(connection: psycopg.Connection, messages: int = 300) -> dict[Any, tuple[int, ...]]:
    """Refused items and whole messages of an operator who is registered then; what the fates must come to."""
    sent = [message("status", [status(n % 3, n), status(n % 3, n)], operator="new", seq=n) for n in range(messages)]
    sent += [message("status", [status(0, n), status(77, n)], seq=n) for n in range(messages)]
    write(connection, sent)
    registered(connection, "new", "c0", "c1", "c2")
    registered(connection, "op0", "c77")
    return {
        ("new", "status"): (2 * messages, messages, messages, 0), ("op0", "status"): (2 * messages, 2 * messages, 0, 0)
    }  # fmt: skip


def test_two_at_once_move_everything_once(on_both: psycopg.Connection) -> None:
    connection = on_both
    expected = many(connection)
    outcomes, failures = list[list[dict[str, Any]]](), list[BaseException]()

    def run() -> None:
        try:
            with database.connect() as own:
                outcomes.append(retrying.retry(own))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(row["stored"] for rows in outcomes for row in rows) == 600
    assert totals(connection) == expected


def moved(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM quarantine_retry").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("after", [1, 200])
def test_killed_in_the_middle_it_has_moved_a_part_and_goes_on(connection: psycopg.Connection, after: int) -> None:
    expected = many(connection)
    script = (
        "from collector.quarantine import retrying; from chargewatch import database; retrying._AT_A_TIME = 20;"
        " retrying.retry(database.connect())"
    )
    with started(sys.executable, "-c", script, env=os.environ) as process:
        while moved(connection) < after:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.002)
    assert 0 < moved(connection) < 600
    for offered, stored, duplicate, quarantined in totals(connection).values():
        assert offered == stored + duplicate + quarantined
    retrying.retry(connection)
    assert totals(connection) == expected
    assert waiting(connection) == []


def test_a_long_quarantine_is_read_in_pages_and_at_one_look(connection: psycopg.Connection) -> None:
    write(connection, [message("status", [status(77, n) for n in range(25)], receipt_s=5)])
    write(connection, [message("meter", [{"connector_id": "c0", "at": at(0)}], operator="op1", receipt_s=6)])
    seen: list[int] = []
    before: int | None = None
    while page := quarantine.waiting(connection, reason=None, operator_id=None, limit=10, before=before):
        seen += [row["quarantine_id"] for row in page]
        before = seen[-1]
    assert len(seen) == 26
    assert seen == sorted(seen, reverse=True)
    found = quarantine.summary(connection, reason=None, operator_id=None)
    assert [tuple(row.values()) for row in found] == [
        ("unknown_connector", "op0", "status", 25, "2023-06-01T00:00:05Z", "2023-06-01T00:00:05Z", max(seen) - 1,
         "connector c77 is not in the registry"),
        ("invalid_item", "op1", "meter", 1, "2023-06-01T00:00:06Z", "2023-06-01T00:00:06Z", max(seen),
         "Object missing required field `energy_kwh`"),
    ]  # fmt: skip
    registered(connection, "op0", "c77")
    retrying.retry(connection)
    assert [row["reason"] for row in quarantine.summary(connection, reason=None, operator_id=None)] == ["invalid_item"]


def test_an_export_is_a_capture_file_that_is_refused_for_the_same_reasons(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    write(connection, [
        message("status", [status(0, 0), status(77, 0), status(1, 1, "no"), status(1, 2, detail="浙C12345")], seq=7),
        ("ev/1/op0/status", b"\xff\n", message("status", [], receipt_s=3)[2]),
        message("status", [status(0, 0)], operator="new"), message("status", []),
        message("heartbeat", [{"at": at(0), "connector_ids": ["c1", "c9x", 5]}]),
    ])  # fmt: skip
    file = tmp_path / "refused.ndjson"
    file.write_bytes(b"".join(quarantine.lines(connection, reason=None, operator_id=None)))
    told = [json.loads(line) for line in file.read_bytes().splitlines()]
    reasons = [line["reason"] for line in told]
    assert len(reasons) == 8
    assert (told[0]["place"], told[0]["detail"]) == (1, "connector c77 is not in the registry")
    known = directory(connection)
    again = [
        contract.decode(one.topic, one.payload, one.received_at, known)
        for one in capture.read(file)
        if isinstance(one, capture.Captured) and not one.why
    ]
    assert [[no.reason for no in one.rejected] for one in again] == [[reason] for reason in reasons]
    assert all(one.accepted == () for one in again)
    assert (again[0].boot_id, again[0].seq) == ("b", 7)
    filtered = list(quarantine.lines(connection, reason="wrong_operator", operator_id="new"))
    assert [json.loads(line)["reason"] for line in filtered] == ["wrong_operator"]


def test_what_a_retry_moved_is_told(connection: psycopg.Connection) -> None:
    write(connection, [message("status", [status(0, 0)], operator="new")])
    registered(connection, "new", "c0")
    (row,) = quarantine.waiting(connection, reason=None, operator_id=None, limit=5)
    retrying.retry(connection)
    shown = quarantine.one(connection, row["quarantine_id"])
    assert shown["retried"] == "read_again"
    assert shown["read_again_as"] > shown["message_id"]
    for sql in ("UPDATE quarantine_retry SET outcome = 'stored'", "DELETE FROM quarantine_retry"):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="refused"):
            connection.execute(sql.encode())


def test_in_a_rehearsal_it_is_recorded_at_the_clock_of_then(embedded_rehearsal_dsn: str) -> None:
    with database.connect() as connection:
        register(connection)
        known = directory(connection)
        first = message("status", [status(0, 0)], operator="new", receipt_s=1)
        later = message("status", [status(1, 0)], receipt_s=100)
        for topic, payload, receipt in (first, later):
            # The operator is not known yet: nothing is read of the first one but its receipt.
            Store(connection).write([contract.decode(topic, payload, receipt, known)])
        registered(connection, "new", "c0")
        retrying.retry(connection)
        rows = connection.execute("SELECT received_at, recorded_at FROM status_fact ORDER BY 1").fetchall()
        assert rows == [(first[2], later[2]), (later[2], later[2])]
