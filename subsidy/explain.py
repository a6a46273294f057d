"""From yuan back to clause, rule, inputs and messages: of a charger, a session, a station's month, an operator."""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any

import psycopg

from chargewatch.errors import Refusal
from chargewatch.instants import day_of_us, from_us, iso
from subsidy import award as amounts
from subsidy import periods, serials
from subsidy.amounts import money, plain
from subsidy.entitlement import Entitlement
from subsidy.facts import first_item, of_message
from subsidy.operating import QUANTITIES
from subsidy.periods import Period
from subsidy.policy import Policy
from subsidy.statement import entitlement
from subsidy.wording import in_period, reasons

Rows = list[dict[str, Any]]


def compute(
    connection: psycopg.Connection, subject: str, *, operator: str | None = None, policy: Policy, as_of: datetime
) -> Rows:
    """Steps from the figure to its evidence: subject, step, value, clause, why, evidence (messages, with SHA-256).

    `subject` is a charger, a session, `STATION/2023-06` or an operator, with or without its operator in front. Refusal
    if the registry and the facts know none, or several.
    """
    last_day = max(as_of.astimezone(policy.zone).date(), policy.build.window.last_day)
    due = entitlement(connection, _until(last_day), policy, as_of)
    things = _named(connection, due, subject, operator, as_of)
    if not things:
        raise Refusal(f"nothing is known of {subject!r}", "a charger, a session, STATION/2023-06 or an operator")
    if len(things) > 1:
        raise Refusal(f"{subject!r} names {len(things)} things", "one of them, as OPERATOR/ID or with --operator")
    return things[0]()


def _named(
    connection: psycopg.Connection, due: Entitlement, subject: str, operator: str | None, as_of: datetime
) -> list[Callable[[], Rows]]:
    """What a subject can mean, each as a way to explain it."""
    *before, name = subject.split("/")
    month = re.fullmatch(r"20\d\d-\d\d", name) and name
    if month:
        *before, name = before or [""]
    owners = before or ([operator] if operator else due.operators)
    if len(before) > 1:
        return []
    if month:
        return [partial(_line, due, owner, name, month) for owner in owners if _lines(due, owner, name, month)]
    found: list[Callable[[], Rows]] = []
    for owner in owners:
        if due.eligibility.chargers.of(owner, name):
            found.append(partial(_charger, connection, due, owner, name, as_of))
        at = ((due.sessions["operator_id"] == owner) & (due.sessions["session_id"] == name)).to_numpy()
        if at.any():
            found.append(partial(_sessions, connection, due, [int(row) for row in at.nonzero()[0]]))
    if not before and name in due.operators:
        found.append(partial(_operator, due, name))
    return found


def _until(last_day: date) -> Period:
    return Period(last_day, date.fromordinal(last_day.toordinal() + 1), last_day.isoformat())


def _step(
    subject: str, step: str, value: object, clause: str = "", why: str = "", evidence: object = ()
) -> dict[str, Any]:
    return {
        "subject": subject,
        "step": step,
        "value": "" if value is None else str(value),
        "clause": clause,
        "why": why,
        "evidence": list(evidence),  # type: ignore[call-overload]
    }


def _charger(
    connection: psycopg.Connection, due: Entitlement, operator_id: str, charger_id: str, as_of: datetime
) -> Rows:
    policy, subject = due.policy, f"{operator_id}/{charger_id}"
    made = due.awards.by_charger.get((operator_id, charger_id))
    day = made.day if made else due.last_day
    charger = due.eligibility.chargers.on(day, operator_id, charger_id)
    if charger is None:
        return [_step(subject, "registered", "no", "137-六", f"not on {day}")]
    station = due.eligibility.stations.on(day, operator_id, charger["station_id"]) or {}
    window = policy.build.window
    clause = window.clause
    rows = [
        _step(subject, "station", f"{charger['station_id']}, {station.get('category')}", policy.categories.clause),
        _step(subject, "district", station.get("district"), policy.districts.clause),
        _step(
            subject, "completed on", charger["completed_on"], clause, f"within {window.first_day} … {window.last_day}"
        ),
        _step(
            subject,
            "commissioned on",
            due.eligibility.commissioned.get(serials.normal(charger["serial_no"])),
            clause,
            "the earliest that any operator's row of any year gives for its serial number",
        ),
        _step(subject, "serial number", serials.normal(charger["serial_no"]), clause, "as it is compared"),
        _step(subject, "accepted on", charger["accepted_on"], policy.reasons["not_accepted"].clause),
    ]
    for connector_id in due.eligibility.connectors_on(operator_id, charger_id, day):
        item = due.eligibility.operation.first_item.get((operator_id, connector_id, charger_id))
        evidence = first_item(connection, operator_id, connector_id, item, policy.zone, as_of) if item else []
        rows.append(_step(subject, f"first status or meter item of {connector_id}", item, clause, "", evidence))
    proof = due.eligibility.operation.first_proven.get((operator_id, charger_id))
    rows.append(
        _step(
            subject, "first proven session", proof, clause, "", _proof(connection, due, operator_id, charger_id, proof)
        )
    )
    if made is None:
        failed = reasons(due.eligibility.failures(operator_id, charger_id, day), policy)
        by = due.awarding.subsidised_by(operator_id, charger_id, serials.normal(charger["serial_no"]), day)
        if by:
            failed += [{**one, "text": f"{one['text']}: {by}"} for one in reasons(["already_subsidised"], policy)]
        rows += [_step(subject, "not eligible", one["code"], one["clause"], one["text"]) for one in failed]
        return [*rows, _step(subject, "amount", "0.00 yuan", clause, f"by {day}")]
    rows.append(
        _step(subject, "last condition met on", made.day, clause, "the award belongs to the period of that day")
    )
    rows += [_step(subject, "note", note) for note in made.award.notes]
    for part in made.award.parts:
        rate = policy.build.rates.dc if part.kind == "dc" else policy.build.rates.ac
        rows.append(_step(subject, f"{part.kind} output", amounts.describe(part), rate.clause))
    return [*rows, _step(subject, "amount", f"{money(made.award.amount)} yuan", clause)]


def _proof(
    connection: psycopg.Connection, due: Entitlement, operator_id: str, charger_id: str, day: date | None
) -> list[dict[str, Any]]:
    if day is None:
        return []
    here = due.place[(due.place["operator_id"] == operator_id) & (due.place["charger_id"] == charger_id)]
    mine = due.sessions.iloc[[row for row in here["row"].unique() if due.proven[row]]]
    first = mine.sort_values(["ended_us", "session_id"]).index[0]
    return _message(connection, int(first), due)


def _sessions(connection: psycopg.Connection, due: Entitlement, rows: list[int]) -> Rows:
    """One order, or several under one contradictory number."""
    return [step for row in rows for step in _session(connection, due, row)]


def _session(connection: psycopg.Connection, due: Entitlement, row: int) -> Rows:
    policy, session = due.policy, due.sessions.iloc[row]
    decided = due.dispositions.iloc[row]
    subject = f"{session['operator_id']}/{session['session_id']}"
    at = due.place[due.place["row"] == row]
    day = day_of_us(session["ended_us"] - 1, policy.zone)
    rows = [
        _step(
            subject,
            "energy",
            f"{plain(session['energy_kwh'])} kWh",
            policy.operating.rate.clause,
            f"{iso(session['started_us'])} to {iso(session['ended_us'])}, revision {session['revision']}",
            _message(connection, row, due),
        ),
        _step(subject, "policy day", day, policy.operating.window.clause, "of its last instant before its end"),
    ]
    for place in at.itertuples():
        where = f"charger {place.charger_id}, station {place.station_id}, {place.category}, {place.district}"
        rows.append(_step(subject, f"connector {place.connector_id}", where, policy.districts.clause, "as of that day"))
    for finding in due.findings:
        if finding.at[row]:
            other = int(finding.other[row])
            evidence = _message(connection, other, due) if other >= 0 else []
            said = f"{finding.seen(row)}; threshold: {finding.threshold}" if finding.threshold else finding.seen(row)
            rule = policy.findings.rule(finding.rule)
            rows.append(_step(subject, f"finding {finding.rule}", finding.effect, rule.clause, said, evidence))
    for one in reasons(decided["reasons"], policy):
        rows.append(_step(subject, "reason", one["code"], one["clause"], one["text"]))
    return [*rows, _step(subject, "disposition", decided["disposition"], policy.operating.rate.clause)]


def _message(connection: psycopg.Connection, row: int, due: Entitlement) -> list[dict[str, Any]]:
    session = due.sessions.iloc[row]
    return of_message(
        connection,
        int(session["message_id"]),
        from_us(session["received_us"]),
        f"session {session['session_id']}",
        int(session["place"]),
    )


def _lines(due: Entitlement, operator_id: str, station_id: str, month: str) -> Rows:
    lines = due.lines
    mine = (lines["operator_id"] == operator_id) & (lines["station_id"] == station_id) & (lines["month"] == month)
    return lines[mine].to_dict("records")  # type: ignore[no-any-return]


def _line(due: Entitlement, operator_id: str, station_id: str, month: str) -> Rows:
    (line,) = _lines(due, operator_id, station_id, month)
    rate, subject = due.policy.operating.rate, f"{operator_id}/{station_id}/{month}"
    rows = [_step(subject, name.removesuffix("_kwh"), f"{plain(line[name])} kWh", rate.clause) for name in QUANTITIES]
    rounding = due.policy.operating.rounding
    said = f"{plain(line['admitted_kwh'])} kWh × {rate.value} {rate.unit}, {rounding.rule} to {rounding.unit} once"
    rows.append(_step(subject, "amount", f"{money(line['amount'])} yuan", rate.clause, said))
    decided, when = due.dispositions, periods.parse(month)
    for one in decided[in_period(decided, when, operator_id) & (decided["station_id"] == station_id)].itertuples():
        said = ", ".join(one.reasons)
        rows.append(
            _step(
                subject,
                f"session {one.session_id}",
                f"{plain(one.energy_kwh)} kWh",
                rate.clause,
                f"{one.disposition} {said}".strip(),
            )
        )
    return rows


def _operator(due: Entitlement, operator_id: str) -> Rows:
    build, operating = due.policy.build.window.clause, due.policy.operating.rate.clause
    rows = [
        _step(operator_id, f"award of {made.charger_id}", f"{money(made.award.amount)} yuan", build, f"on {made.day}")
        for (owner, _), made in sorted(due.awards.by_charger.items())
        if owner == operator_id
    ]
    for line in due.lines[due.lines["operator_id"] == operator_id].to_dict("records"):
        what = f"station {line['station_id']}, {line['month']}"
        rows.append(
            _step(operator_id, what, f"{money(line['amount'])} yuan", operating, f"{plain(line['admitted_kwh'])} kWh")
        )
    return rows
