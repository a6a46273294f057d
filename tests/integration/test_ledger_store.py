"""The ledger in a real database: issued once, never changed, whoever issues at the same time."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from chargewatch.database import connect
from chargewatch.errors import Refusal
from ledger import store
from ledger.canonical import loads
from ledger.verify import verify

AS_OF = datetime(2023, 7, 16, tzinfo=UTC)


def rows(ratio: str = "0.95", as_of: datetime = AS_OF) -> list[dict[str, Any]]:
    return [{"level": "operator", "id": "A", "operator_id": "A", "ratio": ratio, "as_of": as_of}]


def issue(conn: psycopg.Connection, ratio: str = "0.95", hours: int = 0, subject: str = "2023-06") -> store.Record:
    as_of = AS_OF + timedelta(hours=hours)
    return store.issue(conn, kind="availability", subject=subject, body=rows(ratio, as_of), as_of=as_of)


def test_issuing_the_same_twice_adds_nothing(dsn: str) -> None:
    with connect() as conn:
        first = issue(conn)
        assert issue(conn, hours=5) == first
        assert list(store.all_records(conn)) == [first]
        assert (first.seq, first.previous, first.supersedes, first.difference) == (1, None, None, None)


def test_another_body_supersedes_and_says_what_changed(dsn: str) -> None:
    late = [{"input": "status", "operator_id": "A", "boot_id": "b", "first_seq": 1, "last_seq": 1, "items": 1}]
    with connect() as conn:
        first = issue(conn)
        second = store.issue(conn, kind="availability", subject="2023-06", body=rows("0.89"), as_of=AS_OF, inputs=late)
        assert (second.seq, second.supersedes, second.previous) == (2, 1, first.hash)
        where = "level=operator operator_id=A id=A"
        assert loads(second.difference or "") == {
            "changes": [{"row": where, "field": "ratio", "before": "0.95", "after": "0.89"}],
            "inputs": late,
        }
        assert store.record(conn, 1) == first
        assert store.last(conn, "availability", "2023-06") == second
        assert store.last(conn, "availability", "2023-06", as_of=first.recorded_at) == first
        assert store.last(conn, "statement", "2023-06") is None


def test_going_back_to_what_was_issued_first_is_a_third_record(dsn: str) -> None:
    with connect() as conn:
        for ratio in ("0.95", "0.89", "0.95"):
            issue(conn, ratio)
        assert [record.supersedes for record in store.all_records(conn)] == [None, 1, 2]


def test_a_figure_computed_at_an_earlier_as_of_never_supersedes_a_later_one(dsn: str) -> None:
    with connect() as conn:
        later = issue(conn, "0.89", hours=2)
        assert issue(conn, "0.95", hours=1) == later


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_record SET body = '[]'",
        "UPDATE ledger_record SET body = '[]' WHERE false",
        "DELETE FROM ledger_record",
        "TRUNCATE ledger_record CASCADE",
        "UPDATE ledger_head SET last_seq = 0",
        "DELETE FROM ledger_head",
        "TRUNCATE ledger_head",
    ],
)
def test_the_database_itself_refuses_a_change(embedded_dsn: str, statement: str) -> None:
    with connect() as conn:
        record = issue(conn)
        with pytest.raises(psycopg.errors.IntegrityError, match="refused"):
            conn.execute(statement.encode())
        assert list(store.all_records(conn)) == [record]


def test_eight_issuers_at_once_make_one_gap_free_chain(dsn: str) -> None:
    def issuer(number: int) -> None:
        with connect() as conn:
            for subject in range(10):
                issue(conn, "0.95", subject=f"shared-{subject}")
                issue(conn, f"0.{number}", subject=f"own-{number}-{subject}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(issuer, range(8)))
    with connect() as conn:
        records = list(store.all_records(conn))
    assert [record.seq for record in records] == list(range(1, 10 + 80 + 1))
    assert verify(records, []) == []


def test_a_head_seals_the_day_and_a_tail_cut_off_afterwards_is_found(dsn: str) -> None:
    with connect() as conn:
        issue(conn), issue(conn, "0.89")
        until = datetime.now(UTC)
        day = until.date()
        head = store.seal(conn, day, until)
        third = issue(conn, "0.88")
        assert store.seal(conn, day, until) == head
        assert (head.last_seq, third.seq) == (2, 3)
        with store.contents(conn) as (count, records, heads):
            everything = list(records)
            assert (count, verify(everything, heads)) == (3, [])
        # As an administrator could who switches the triggers off.
        conn.execute("ALTER TABLE ledger_record DISABLE TRIGGER ALL")
        conn.execute("DELETE FROM ledger_record WHERE seq > 1")
        with store.contents(conn) as (_, records, heads):
            assert f"the head of {day}" in {problem.where for problem in verify(records, heads)}


def test_a_day_is_sealed_once_it_is_over_and_in_its_order(embedded_dsn: str) -> None:
    with connect() as conn:
        until = datetime.now(UTC)
        with pytest.raises(Refusal, match="not ended"):
            store.seal(conn, until.date(), until + timedelta(days=1))
        store.seal(conn, until.date(), until)
        with pytest.raises(Refusal, match="order"):
            store.seal(conn, until.date() - timedelta(days=1), until - timedelta(days=1))


def test_a_clock_set_back_puts_no_record_under_a_sealed_head(embedded_dsn: str) -> None:
    with connect() as conn:
        until = datetime.now(UTC)
        head = store.seal(conn, date(2023, 7, 16), until)
        # The clock as it would be: the function that the store asks, one hour behind.
        conn.execute("CREATE SCHEMA behind")
        conn.execute(
            "CREATE FUNCTION behind.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
            " $$ SELECT pg_catalog.clock_timestamp() - interval '1 hour' $$"
        )
        conn.execute("SET search_path = behind, pg_catalog, public")
        assert issue(conn).recorded_at == head.recorded_at


KILLED = """
import os, signal
from datetime import UTC, datetime
from chargewatch.database import connect
from ledger import store
AS_OF = datetime(2023, 7, 16, tzinfo=UTC)
real = store.record_hash
def die(record):
    if record.seq == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(record)
store.record_hash = die
with connect() as conn:
    for ratio in ("0.95", "0.89"):
        store.issue(conn, kind="availability", subject="2023-06", body=[{"ratio": ratio}], as_of=AS_OF)
"""


def test_an_issuer_killed_in_the_middle_leaves_a_whole_ledger_and_no_lock(dsn: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    with connect() as conn:
        assert [record.seq for record in store.all_records(conn)] == [1]
        assert issue(conn, "0.89").seq == 2
        assert verify(store.all_records(conn), []) == []


def test_in_a_rehearsal_the_ledger_keeps_the_senders_time(embedded_rehearsal_dsn: str) -> None:
    with connect() as conn:
        assert issue(conn).recorded_at == datetime(1970, 1, 1, tzinfo=UTC)


def test_every_change_of_a_stored_row_is_found(embedded_dsn: str) -> None:
    with connect() as conn:
        issue(conn), issue(conn, "0.89"), issue(conn, subject="2023-07")
        store.seal(conn, date(2023, 7, 16), datetime.now(UTC))
        conn.execute("ALTER TABLE ledger_record DISABLE TRIGGER ALL")
        conn.execute("ALTER TABLE ledger_head DISABLE TRIGGER ALL")
        for table, change in (
            ("ledger_record", "body = replace(body, '0.89', '0.90') WHERE seq = 2"),
            ("ledger_record", "as_of = as_of + interval '1 us' WHERE seq = 2"),
            ("ledger_record", "recorded_at = recorded_at + interval '1 us' WHERE seq = 3"),
            ("ledger_record", "subject = '2023-08' WHERE seq = 3"),
            ("ledger_record", "kind = 'statement' WHERE seq = 3"),
            ("ledger_record", "difference = replace(difference, '0.95', '0.94') WHERE seq = 2"),
            ("ledger_record", "seq = 4 WHERE seq = 3"),
            ("ledger_head", "day = day + 1"),
            ("ledger_head", "last_seq = 2"),
            ("ledger_head", "recorded_at = recorded_at + interval '1 us'"),
        ):
            with conn.transaction(force_rollback=True):
                conn.execute(f"UPDATE {table} SET {change}".encode())
                assert verify(store.all_records(conn), store.all_heads(conn)) != [], change
        assert verify(store.all_records(conn), store.all_heads(conn)) == []
