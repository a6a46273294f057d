"""Identities out of the store: the registry as of a time, what imports wrote over, and the earlier awards."""

from datetime import datetime
from typing import Any

import psycopg

from registry import snapshot
from registry.history import stories
from registry.tables import BY_NAME
from subsidy.identity.holdings import Registered
from subsidy.identity.judgements import judge, said
from subsidy.identity.words import clause, effect, worded
from subsidy.policy import Policy
from subsidy.versions import Row, Versions, rows


def compute(
    connection: psycopg.Connection, *, operator: str | None, code: str | None, policy: Policy, as_of: datetime
) -> list[dict[str, Any]]:
    """Every judgement with its words, days and rows; only an operator's, or of one code, where these are given."""
    tables = snapshot.load(connection, as_of).tables
    registered = Registered(
        Versions(tables["chargers"], "operator_id", "charger_id"),
        Versions(tables["connectors"], "operator_id", "connector_id"),
        Versions(tables["stations"], "operator_id", "station_id"),
        tuple(rows(tables["meters"])),
    )
    found = judge(registered, rows(tables["awards"]), former(connection, as_of), policy)
    return [
        {
            "code": one.code,
            "effect": effect(one, policy),
            "level": one.level,
            "operator_id": one.operator_id or None,
            "id": one.id,
            "from_day": said(one.from_day) or None,
            "until_day": said(one.until_day) or None,
            "clause": clause(one, policy),
            "zh": worded(one, policy)[0],
            "en": worded(one, policy)[1],
            "evidence": [dict(row) for row in one.evidence],
        }
        for one in found
        if (operator is None or one.operator_id == operator) and (code is None or one.code == code)
    ]


def former(connection: psycopg.Connection, as_of: datetime) -> list[Row]:
    """Chargers' rows as they stood by `as_of` before an import wrote over them, of those it wrote over."""
    return [
        version.cells
        for story in stories(connection, tables=(BY_NAME["chargers"],), until=as_of)
        for version in story.versions[:-1]
    ]
