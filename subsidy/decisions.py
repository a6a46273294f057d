"""Decisions about findings in the store: recorded once, by name and reason, never edited."""

import unicodedata
from datetime import datetime

import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from registry.tables import TABLES
from subsidy.findings.settled import Decision

_COLUMNS = "finding_id, rule, operator_id, subject, accepted, decided_by, reason, recorded_at"


def known(connection: psycopg.Connection, as_of: datetime) -> list[Decision]:
    """Every decision recorded by `as_of`, in the order in which they were taken."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM subsidy_finding_decision WHERE recorded_at <= %s ORDER BY recorded_at, finding_id",
        [as_of],
    )
    return [Decision(*row) for row in rows]


def record(
    connection: psycopg.Connection,
    finding_id: str,
    rule: str,
    operator_id: str,
    subject: str,
    *,
    accepted: bool,
    decided_by: str,
    reason: str,
) -> Decision:
    """Record what a person decided of a finding: once for all, never by who entered rows of its operator."""
    for name, text in (("name", decided_by), ("reason", reason)):
        if not text.strip():
            raise Refusal(f"the decision has no {name}", "who decides, and why")
    with database.writing(connection) as recorded_at:
        for entered_by in _entered_by(connection, operator_id):
            if _folded(entered_by) == _folded(decided_by):
                raise Refusal(
                    f"{decided_by.strip()} imported rows of operator {operator_id}",
                    "somebody else who decides",
                )
        done = connection.execute(
            f"INSERT INTO subsidy_finding_decision ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [finding_id, rule, operator_id, subject, accepted, decided_by.strip(), reason.strip(), recorded_at],
        )
        if done.rowcount == 0:
            raise Refusal(f"finding {finding_id} has been decided", "one decision for a finding")
    return Decision(finding_id, rule, operator_id, subject, accepted, decided_by.strip(), reason.strip(), recorded_at)


def _entered_by(connection: psycopg.Connection, operator_id: str) -> set[str]:
    """Everybody who imported a row of this operator."""
    tables = [table.name for table in TABLES if "operator_id" in table.names]
    asked = " UNION ".join(
        f"SELECT imported_by FROM registry_{name} JOIN registry_imports USING (import_id) WHERE operator_id = %(of)s"
        for name in tables
    )
    return {row[0] for row in connection.execute(asked.encode(), {"of": operator_id}).fetchall() if row[0]}


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
