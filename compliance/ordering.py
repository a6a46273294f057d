"""Rectification orders in the database: issued from a record of the ledger, measured again, decided."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.instants import iso
from compliance.orders import BY_PERSON, Event, State, Subject, about, after, breaches, measured, term
from compliance.rules import Rules
from ledger.canonical import dumps, loads
from ledger.store import last
from uptime import profile as profiles
from uptime import report, settings

_LOCK = 0x63770005  # one at a time, so that nobody acts on a state that is no longer the order's

_ORDERS = """
SELECT order_id AS "order", latest.state, latest.event, subject, level, operator_id, id, breach, record_seq AS record,
  first.recorded_at AS issued_at, due_on, window_end, measurable_on, rules, rules_text, steps
FROM compliance_order JOIN compliance_step AS first USING (order_id)
CROSS JOIN LATERAL (
  SELECT state, event, step AS steps FROM compliance_step WHERE order_id = compliance_order.order_id
  ORDER BY step DESC LIMIT 1
) AS latest WHERE first.step = 1
"""


def issue(connection: psycopg.Connection, *, subject: str, who: str, rules: Rules) -> list[dict[str, Any]]:
    """Make an order of every breach in the availability record in force of a period such as 2023-06.

    Asked again nothing is added. Orders of a record that was superseded stay where the breach does; where the record
    in force shows it no longer, they are withdrawn. Gives the steps that were taken.
    """
    done: list[dict[str, Any]] = []
    with _alone(connection) as recorded_at:
        record = last(connection, "availability", subject)
        if record is None:
            raise Refusal(f"no availability of {subject} has been issued", "a month in `chargewatch ledger export`")
        body = loads(record.body)
        wrong = {row["profile"] for row in body} - {rules.profile}
        if wrong:
            raise Refusal(f"record {record.seq} was issued under {', '.join(sorted(wrong))}", f"{rules.profile}")
        found = breaches(body, rules.orders)
        standing = {about(one): one for one in orders(connection) if one["subject"] == subject}
        for key, row in sorted(found.items()):
            before = standing.get(key)
            if before and (before["state"] != "withdrawn" or before["record"] == record.seq):
                continue
            done.append(_open(connection, record.seq, subject, row, who, rules, recorded_at))
        for key, one in sorted(standing.items()):
            if key not in found and one["state"] in ("open", "escalated"):
                evidence = {"record": record.seq, "row": next((row for row in body if about(row) == key), None)}
                done.append(_step(connection, one, "breach_lifted", who, "", evidence, recorded_at))
    return done


def remeasure(connection: psycopg.Connection, *, who: str) -> list[dict[str, Any]]:
    """Measure every open order again whose window is over and settled, under the rules it was issued by.

    Gives one row an open order: the figure of its window and what it became, or from when it can be measured. A figure
    that is pending leaves its order open.
    """
    rows: list[dict[str, Any]] = []
    as_of = database.watermark(connection)
    waiting = [one for one in orders(connection) if one["state"] == "open"]
    figures: dict[tuple[str, date, date, str], dict[Subject, dict[str, Any]]] = {}
    for one in waiting:
        profile = profiles.load(_rules(one).profile)
        if as_of.astimezone(profile.zone).date() < one["measurable_on"]:
            rows.append({**_shown(one), "ratio": None, "verdict": None})
            continue
        window = (profile.id, one["due_on"], one["window_end"], one["level"])
        if window not in figures:
            found = report.compute(
                connection, first_day=one["due_on"], last_day=one["window_end"], by=one["level"], profile=profile,
                settings=settings.load(), as_of=as_of,
            )  # fmt: skip
            figures[window] = {about(row): row for row in found}
        row = figures[window].get(about(one))
        event = measured(row)
        if event is not None:
            with _alone(connection) as recorded_at:
                now = next(again for again in orders(connection) if again["order"] == one["order"])
                if now["state"] == "open":
                    _step(connection, now, event, who, "", row, recorded_at)
        now = next(again for again in orders(connection) if again["order"] == one["order"])
        rows.append({**_shown(now), "ratio": row and row["ratio"], "verdict": row and row["verdict"]})
    return rows


def decide(connection: psycopg.Connection, *, order: int, event: Event, who: str, reason: str) -> dict[str, Any]:
    """What a person decides about an order: `withdrawn` or `settled`, with a reason."""
    if event not in BY_PERSON:
        raise Refusal(f"{event} is not for a person to decide", f"one of {', '.join(BY_PERSON)}")
    if not reason.strip():
        raise Refusal("there is no reason", "a sentence that says why")
    with _alone(connection) as recorded_at:
        return _step(connection, _order(connection, order), event, who, reason, None, recorded_at)


def orders(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """Every order with the state it is in, the oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute((_ORDERS + " ORDER BY order_id").encode()).fetchall()


def listed(connection: psycopg.Connection, state: str | None = None) -> list[dict[str, Any]]:
    """Every order, or those in one state, as rows for a reader."""
    return [_shown(one) for one in orders(connection) if state in (None, one["state"])]


def steps(connection: psycopg.Connection, order: int) -> list[dict[str, Any]]:
    """All that happened to one order, with who, when, why and on which evidence."""
    _order(connection, order)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            'SELECT order_id AS "order", step, event, state, recorded_at, recorded_by, reason, evidence'
            " FROM compliance_step WHERE order_id = %s ORDER BY step",
            [order],
        ).fetchall()
    return [
        {**row, "recorded_at": iso(row["recorded_at"]), "evidence": row["evidence"] and loads(row["evidence"])}
        for row in rows
    ]


def _open(
    connection: psycopg.Connection, seq: int, subject: str, row: Any, who: str, rules: Rules, recorded_at: datetime
) -> dict[str, Any]:
    days = term(recorded_at.astimezone(profiles.load(rules.profile).zone).date(), rules.orders)
    made = connection.execute(
        "INSERT INTO compliance_order (record_seq, subject, level, operator_id, id, breach, rules, rules_text, due_on,"
        " window_end, measurable_on) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING order_id",
        [
            *(seq, subject, *about(row), dumps(row).decode(), rules.id, msgspec.json.encode(rules).decode()),
            *(days.due_on, days.window_end, days.measurable_on),
        ],
    ).fetchone()
    assert made is not None
    number = int(made[0])
    _write(connection, number, 1, "issued", after(None, "issued"), who, "", {"record": seq, "row": row}, recorded_at)
    return _shown(_order(connection, number))


def _step(
    connection: psycopg.Connection,
    order: dict[str, Any],
    event: Event,
    who: str,
    reason: str,
    evidence: object,
    recorded_at: datetime,
) -> dict[str, Any]:
    state = after(order["state"], event)
    _write(connection, order["order"], order["steps"] + 1, event, state, who, reason, evidence, recorded_at)
    return _shown(_order(connection, order["order"]))


def _write(
    connection: psycopg.Connection,
    order: int,
    step: int,
    event: Event,
    state: State,
    who: str,
    reason: str,
    evidence: object,
    recorded_at: datetime,
) -> None:
    text = None if evidence is None else dumps(evidence).decode()
    connection.execute(
        "INSERT INTO compliance_step VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [order, step, event, state, recorded_at, who, reason, text],
    )


def _order(connection: psycopg.Connection, number: int) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute((_ORDERS + " AND order_id = %s").encode(), [number]).fetchone()
    if row is None:
        raise Refusal(f"there is no order {number}", "a number from `chargewatch compliance order show`")
    return row


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    breach = loads(one["breach"])
    plain = {name: value for name, value in one.items() if name not in ("breach", "rules_text", "steps")}
    days = {name: one[name].isoformat() for name in ("due_on", "window_end", "measurable_on")}
    was = {"breach_ratio": breach["ratio"], "threshold": breach["threshold"], "rehearsal": breach["rehearsal"]}
    return {**plain, **days, "issued_at": iso(one["issued_at"]), **was}


def _rules(one: dict[str, Any]) -> Rules:
    return msgspec.json.decode(one["rules_text"], type=Rules, strict=False)


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[datetime]:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        with database.writing(connection) as recorded_at:
            yield recorded_at
