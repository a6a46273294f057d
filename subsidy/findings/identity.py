"""A finding's number, made of its content: the rule, the subject and the evidence. Computed again, it is the same."""

import hashlib
import json
from typing import Any

from subsidy.findings.found import Evidence, Findings, Looked

DIGITS = 16


def finding_id(found: Findings, number: int, looked: Looked) -> str:
    """Of the finding of this number: a session's position, or the number of its group."""
    rule, (operator_id, subject) = found.rule, subject_of(found, number, looked)
    content = [rule, found.subject, operator_id, subject, *evidence(found, number, looked)]
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return "F" + hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def subject_of(found: Findings, number: int, looked: Looked) -> tuple[str, str]:
    """The operator and what the finding is about."""
    if found.groups is not None:
        return found.groups[number].operator_id, found.groups[number].subject
    sessions = looked.sessions
    return str(sessions["operator_id"].iloc[number]), str(sessions["session_id"].iloc[number])


def rows_of(found: Findings, number: int) -> list[int]:
    """Positions of the sessions that it touches."""
    return [number] if found.groups is None else [int(row) for row in found.groups[number].rows]


def evidence(found: Findings, number: int, looked: Looked) -> Evidence:
    """The rows it rests on: its sessions in the version that counts, the other one, and what else was looked at."""
    rows = rows_of(found, number)
    if found.groups is not None:
        orders = [session(row, looked) for row in rows]
        return (*sorted(orders, key=lambda one: list(map(str, one.values()))), *found.groups[number].evidence)
    other = int(found.other[number])
    rows += [other] if other >= 0 else []
    return (*(session(row, looked) for row in rows), *found.rests_on(number))


def session(row: int, looked: Looked) -> dict[str, Any]:
    """A session as evidence: which version of which order."""
    one = looked.sessions.iloc[row]
    return {
        "what": "session", "operator_id": one["operator_id"], "session_id": one["session_id"],
        "revision": int(one["revision"]), "content_sha256": one["content_sha256"],
    }  # fmt: skip
