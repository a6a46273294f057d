"""The documents of a statement, from the store: workbook, pages to print, stages."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from chargewatch import paper
from chargewatch.errors import Refusal
from chargewatch.instants import iso
from subsidy import stages
from subsidy.adjustments import Adjustment
from subsidy.charging import bills
from subsidy.document import printed
from subsidy.document.printed import Party
from subsidy.document.workbook import xlsx
from subsidy.entitlement import Entitlement
from subsidy.findings.found import Ints
from subsidy.periods import Period
from subsidy.prices import Bill

Adjusted = Mapping[str, Sequence[Adjustment]]


def workbook(
    connection: psycopg.Connection,
    due: Entitlement,
    period: Period,
    statements: Sequence[Mapping[str, Any]],
    adjusted: Adjusted,
    as_of: datetime,
) -> bytes:
    """The workbook of some operators' statements, one row an order."""

    def charged(at: Ints) -> Iterator[tuple[int, Bill]]:
        return ((row, bill) for row, bill, _ in bills(connection, due.sessions, at, as_of))

    lines = {
        one["operator_id"]: stages.of_operator(due, period, one["operator_id"], adjusted.get(one["operator_id"], ()))
        for one in statements
    }
    return xlsx(due, period, statements, lines, charged, as_of)


def files(
    connection: psycopg.Connection,
    due: Entitlement,
    period: Period,
    statement: Mapping[str, Any],
    adjusted: Adjusted,
    as_of: datetime,
    *,
    pdf: bool,
) -> Iterable[tuple[str, bytes]]:
    """One operator's documents by the ending of their names; the same statement gives the same bytes."""
    operator_id = str(statement["operator_id"])
    party = _party(due, operator_id, period)
    book = workbook(connection, due, period, [statement], adjusted, as_of)
    told = stages.document(
        due, period, [operator_id], adjusted, rehearsal=bool(statement["rehearsal"]), as_of=iso(as_of)
    )
    steps = (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()
    lines = stages.of_operator(due, period, operator_id, adjusted.get(operator_id, ()))
    digests = {"工作簿": _digest(book), "计算步骤": _digest(steps)}
    pages = {
        "application": printed.application(statement, period, party, due.policy),
        "settlement": printed.settlement(statement, lines, period, party, due.policy, digests),
    }
    yield ".xlsx", book
    yield "-stages.json", steps
    for name, page in pages.items():
        yield f"-{name}.html", page.encode()
        if pdf:
            yield f"-{name}.pdf", paper.pdf(page)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _party(due: Entitlement, operator_id: str, period: Period) -> Party:
    operators = due.eligibility.operators
    row = operators.on(period.last_day, operator_id) or next(iter(operators.of(operator_id)), None)
    if row is None:
        raise Refusal(f"the registry knows no operator {operator_id!r}", f"one of {', '.join(due.operators)}")
    names = {}
    for owner, station_id in due.eligibility.stations.all_keys():
        station = due.eligibility.stations.on(period.last_day, owner, station_id)
        if owner == operator_id and station is not None:
            names[station_id] = str(station["name"])
    return Party(str(row["name"]), str(row["uscc"] or ""), names)
