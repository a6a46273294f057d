"""Contests in the store: filed by an operator, decided by the commission, and what a granted one lifts.

A granted contest lifts semantics 2.4 for the connectors and the time that it names: there what came late counts like
what came in time. It does so from the moment of its decision: a figure as of before is what it was.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.instants import iso, to_us


@dataclass(frozen=True, slots=True)
class Contest:
    """What an operator contests: some of its connectors from when to when, and on what ground."""

    operator_id: str
    reference: str
    """The operator's own number of the letter."""
    connectors: Sequence[str]
    start: datetime
    end: datetime
    ground: str
    filed_by: str


def file(connection: psycopg.Connection, contest: Contest) -> int:
    """Record a contest; its number. Refusal where it names nothing that the registry and the past know."""
    for name in ("reference", "ground", "filed_by"):
        if not getattr(contest, name).strip():
            raise Refusal(f"the contest's {name} is empty", "a few words")
    if contest.start >= contest.end:
        raise Refusal(f"{iso(contest.start)} is not before {iso(contest.end)}", "a time that ends after its start")
    with database.writing(connection) as recorded_at:
        if contest.end > recorded_at:
            raise Refusal(f"{iso(contest.end)} has not come yet", "a time that has passed")
        known: dict[str, int] = dict(
            connection.execute(
                "SELECT connector_id, connector_no FROM connector_keys WHERE operator_id = %s", [contest.operator_id]
            ).fetchall()
        )
        if missing := sorted(set(contest.connectors) - set(known)):
            raise Refusal(
                f"the registry knows no connector {', '.join(missing)} of operator {contest.operator_id!r}",
                "ids as in `chargewatch registry export`",
            )
        numbers = sorted({known[one] for one in contest.connectors})
        row = connection.execute(
            "INSERT INTO uptime_contest (recorded_at, filed_by, operator_id, reference, connector_nos, started_at,"
            " ended_at, ground) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING contest_no",
            [
                recorded_at, contest.filed_by.strip(), contest.operator_id, contest.reference.strip(), numbers,
                contest.start, contest.end, contest.ground.strip(),
            ],
        ).fetchone()  # fmt: skip
        if row is None:
            raise Refusal(
                f"operator {contest.operator_id} has already filed a contest {contest.reference.strip()!r}",
                "a reference of its own for each contest",
            )
    return int(row[0])


def decide(connection: psycopg.Connection, number: int, *, granted: bool, decided_by: str, reason: str) -> None:
    """Record the commission's decision, by name and reason; never by who filed, and once for all."""
    for name, text in (("name", decided_by), ("reason", reason)):
        if not text.strip():
            raise Refusal(f"the decision has no {name}", "who decides, and why")
    with database.writing(connection) as recorded_at:
        row = connection.execute("SELECT filed_by FROM uptime_contest WHERE contest_no = %s", [number]).fetchone()
        if row is None:
            raise Refusal(f"there is no contest {number}", "a number of `chargewatch uptime contest list`")
        if _same_person(row[0], decided_by):
            raise Refusal(f"{decided_by.strip()} filed contest {number}", "somebody else who decides it")
        done = connection.execute(
            "INSERT INTO uptime_contest_decision VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [number, recorded_at, decided_by.strip(), granted, reason.strip()],
        )
        if done.rowcount == 0:
            raise Refusal(f"contest {number} has been decided", "one decision; a new contest can be filed")


def _same_person(one: str, other: str) -> bool:
    told = ["".join(unicodedata.normalize("NFKC", name).casefold().split()) for name in (one, other)]
    return told[0] == told[1]


_LIST = """
SELECT contest_no, c.operator_id, reference,
  (SELECT array_agg(connector_id ORDER BY connector_id COLLATE "C") FROM connector_keys
   WHERE connector_no = ANY(connector_nos)),
  started_at, ended_at, ground, filed_by, c.recorded_at, d.granted, decided_by, d.reason, d.recorded_at
FROM uptime_contest AS c LEFT JOIN uptime_contest_decision AS d USING (contest_no)
ORDER BY contest_no
"""


def listed(connection: psycopg.Connection, operator: str | None = None) -> list[dict[str, Any]]:
    """Every contest, in the order of filing, with its state (open, granted, refused) and who did what when."""
    names = ["contest", "operator_id", "reference", "connectors", "from", "to", "ground", "filed_by", "filed_at"]
    rows = []
    for row in connection.execute(_LIST.encode()):
        told = dict(zip(names, row, strict=False)) | {
            "from": iso(row[4]), "to": iso(row[5]), "filed_at": iso(row[8]),
            "state": "open" if row[9] is None else "granted" if row[9] else "refused",
            "decided_by": row[10], "reason": row[11], "decided_at": None if row[12] is None else iso(row[12]),
        }  # fmt: skip
        if operator in (None, told["operator_id"]):
            rows.append(told)
    return rows


def undecided(connection: psycopg.Connection, start: datetime, end: datetime, as_of: datetime) -> list[str]:
    """References of the contests about some time in [start, end) that were filed and not decided as of then."""
    rows = connection.execute(
        "SELECT operator_id || ' ' || reference FROM uptime_contest AS c WHERE started_at < %s AND ended_at > %s"
        " AND recorded_at <= %s AND NOT EXISTS (SELECT 1 FROM uptime_contest_decision AS d"
        " WHERE d.contest_no = c.contest_no AND d.recorded_at <= %s) ORDER BY contest_no",
        [end, start, as_of, as_of],
    )
    return [row[0] for row in rows]


def granted(connection: psycopg.Connection, as_of: datetime, since: datetime | None = None) -> pd.DataFrame:
    """What contests granted as of then lift: connector, from_us, to_us, contest_no.

    Only those decided after `since`, if it is given.
    """
    rows = connection.execute(
        "SELECT unnest(connector_nos), started_at, ended_at, contest_no FROM uptime_contest"
        " JOIN uptime_contest_decision AS d USING (contest_no) WHERE granted AND d.recorded_at <= %s"
        " AND (%s::timestamptz IS NULL OR d.recorded_at > %s) ORDER BY contest_no, 1",
        [as_of, since, since],
    ).fetchall()
    told = [(number, to_us(start), to_us(end), contest) for number, start, end, contest in rows]
    return pd.DataFrame(told, columns=["connector", "from_us", "to_us", "contest_no"], dtype=np.int64)


def said(connection: psycopg.Connection, numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Each of these contests as an input that changed a figure (uptime.diff)."""
    chosen = set(numbers)
    kept = ["operator_id", "reference", "from", "to", "decided_by", "reason"]
    return {
        row["contest"]: {
            "input": "contest",
            "change": "granted",
            **{name: row[name] for name in kept},
            "recorded_at": row["decided_at"],
        }
        for row in listed(connection)
        if row["contest"] in chosen
    }
