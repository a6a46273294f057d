"""Statements and steps out of the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import psycopg

from ledger import entries, store
from ledger.canonical import loads
from ledger.chain import Record
from payments.books import Books
from payments.statements import Key, Statement, fen, statements
from payments.steps import read
from subsidy import policy as policies


@dataclass(frozen=True, slots=True)
class Position:
    """What was issued, and what has become of it."""

    statements: dict[Key, Statement]
    books: Books


def load(conn: psycopg.Connection) -> Position:
    """The whole position, from the ledger's records alone."""
    return Position(
        stated(store.firsts(conn, "statement")),
        Books(read(record.body) for record in store.all_records(conn, entries.KIND)),
    )


def stated(records: Iterable[Record]) -> dict[Key, Statement]:
    """Every operator's statement in the first record of each subject: money moves with that one."""
    programme_of = cache(lambda policy: policies.load(policy).programme)
    found = [
        one
        for record in records
        if record.supersedes is None
        for one in statements(record.seq, record.hash, record.subject, loads(record.body), programme_of)
    ]
    return {one.key: one for one in found}


def known_now(conn: psycopg.Connection, subjects: Iterable[str]) -> dict[Key, int]:
    """The totals in fen of the records in force: what differs from the first one comes as an adjustment."""
    found = {}
    for subject in sorted(subjects):
        record = store.last(conn, "statement", subject)
        if record is not None:
            found.update({Key(subject, row["operator_id"]): fen(row["total_yuan"]) for row in loads(record.body)})
    return found
