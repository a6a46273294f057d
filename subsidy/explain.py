"""From yuan back to clause, rule, inputs and messages: of a charger, a session, a station's month, an operator."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

import psycopg

from chargewatch.errors import Refusal
from chargewatch.instants import day_of_us, from_us, iso
from subsidy import award as amounts
from subsidy import bilingual, periods, qualification, serials, stages, tracing
from subsidy.amounts import money, plain
from subsidy.entitlement import Entitlement
from subsidy.facts import first_item, of_message
from subsidy.findings import Findings
from subsidy.operating import QUANTITIES
from subsidy.periods import Period
from subsidy.policy import Policy
from subsidy.statement import entitlement
from subsidy.versions import Row
from subsidy.wording import in_period, reasons

Rows = list[dict[str, Any]]
FIRST_DAY = date(2010, 1, 1)
"""No fact is older (contract 1)."""


def compute(
    connection: psycopg.Connection, subject: str, *, operator: str | None = None, policy: Policy, as_of: datetime
) -> Rows:
    """Steps from the figure to its evidence, in English (step, value, why) and Chinese (zh_step, zh_value, zh_why).

    Each with its subject, clause and evidence: messages with SHA-256, registry rows with the import that brought them.
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
        return [
            partial(_line, connection, due, owner, name, month) for owner in owners if _lines(due, owner, name, month)
        ]
    found: list[Callable[[], Rows]] = []
    for owner in owners:
        if due.eligibility.chargers.of(owner, name):
            found.append(partial(_charger, connection, due, owner, name, as_of))
        at = ((due.sessions["operator_id"] == owner) & (due.sessions["session_id"] == name)).to_numpy()
        if at.any():
            found.append(partial(_sessions, connection, due, [int(row) for row in at.nonzero()[0]]))
    if not before and name in due.operators:
        found.append(partial(_operator, connection, due, name, as_of))
    return found


def _until(last_day: date) -> Period:
    return Period(last_day, date.fromordinal(last_day.toordinal() + 1), last_day.isoformat())


def _step(
    subject: str,
    step: str,
    value: object,
    clause: str = "",
    why: str = "",
    evidence: Iterable[Mapping[str, Any]] = (),
    zh_why: str | None = None,
) -> dict[str, Any]:
    said = "" if value is None else str(value)
    return {
        "subject": subject,
        "step": step,
        "value": said,
        "clause": clause,
        "why": why,
        "evidence": list(evidence),
        "zh_step": bilingual.step(step),
        "zh_value": bilingual.value(said),
        "zh_why": bilingual.why(why) if zh_why is None else zh_why,
    }


def _stages(subject: str, found: Iterable[stages.Stage], evidence: Mapping[str, Any], policy: Policy) -> Rows:
    """The stages of an amount, each with its inputs and what it rests on."""
    rows, words = [], {code: reason.zh for code, reason in policy.reasons.items()}
    for one in found:
        said = "; ".join(f"{name} {value}" for name, value in one.inputs.items())
        rests = evidence.get(one.name, ()) if one.inputs else ()
        zh = bilingual.inputs(one.inputs, words)
        rows.append(_step(subject, f"stage {one.name}", f"{plain(one.yuan)} yuan", one.clause, said, rests, zh))
    return rows


def _charger(
    connection: psycopg.Connection, due: Entitlement, operator_id: str, charger_id: str, as_of: datetime
) -> Rows:
    policy, subject = due.policy, f"{operator_id}/{charger_id}"

    def row_of(table: str, key: tuple[str, ...], row: Row | None) -> list[tracing.Evidence]:
        return tracing.registered(connection, table, key, row, as_of)

    made = due.awards.by_charger.get((operator_id, charger_id))
    day = made.day if made else due.last_day
    charger = due.eligibility.chargers.on(day, operator_id, charger_id)
    if charger is None:
        return [_step(subject, "registered", "no", "137-六", f"not on {day}")]
    station = due.eligibility.stations.on(day, operator_id, charger["station_id"]) or {}
    window = policy.build.window
    clause = window.clause
    own = row_of("chargers", ("operator_id", "charger_id"), charger)
    placed = row_of("stations", ("operator_id", "station_id"), station or None)
    operator = due.eligibility.operators.on(day, operator_id)
    running = row_of("operators", ("operator_id",), operator)
    failed_by = ", ".join(qualification.failures(operator, day, policy)) or "meets 137-四"
    rows = [
        _step(subject, "operator", operator_id, policy.operators.legal_forms.clause, failed_by, running),
        _step(
            subject,
            "station",
            f"{charger['station_id']}, {station.get('category')}",
            policy.categories.clause,
            "",
            placed,
        ),
        _step(subject, "district", station.get("district"), policy.districts.clause, "", placed),
        _step(
            subject,
            "completed on",
            charger["completed_on"],
            clause,
            f"within {window.first_day} … {window.last_day}",
            own,
            f"应在 {window.first_day} 至 {window.last_day} 之间",
        ),
        _step(
            subject,
            "commissioned on",
            due.eligibility.commissioned.get(serials.normal(charger["serial_no"])),
            clause,
            "the earliest that any operator's row of any year gives for its serial number",
            own,
        ),
        _step(subject, "serial number", serials.normal(charger["serial_no"]), clause, "as it is compared", own),
        _step(subject, "accepted on", charger["accepted_on"], policy.reasons["not_accepted"].clause, "", own),
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
    period = periods.month_of(made.day) if made else _until(day)
    told = {line.subject: line for line in stages.of_operator(due, period, operator_id)}[f"build/{charger_id}"]
    unit = due.awarding.units.of(charger, day)
    shared = row_of("power_units", ("operator_id", "power_unit_id"), unit)
    earlier = [
        found
        for serial in (charger["serial_no"], charger["replaces_serial_no"])
        for award in due.awarding.earlier.earlier(serials.normal(serial), day)
        for found in row_of("awards", ("serial_no", "awarded_on", "programme", "kind"), award)
    ]
    rests = {"gross": own, "conditions": [*running, *placed, *own], "caps": [*own, *shared], "earlier_awards": earlier,
             "held": own, "payable": own}  # fmt: skip
    if made is None:
        failed = reasons(due.eligibility.failures(operator_id, charger_id, day), policy)
        by = due.awarding.subsidised_by(operator_id, charger_id, serials.normal(charger["serial_no"]), day)
        if by:
            failed += [{**one, "text": f"{one['text']}: {by}"} for one in reasons(["already_subsidised"], policy)]
        rows += [
            _step(subject, "not eligible", one["code"], one["clause"], one["text"], (), policy.reasons[one["code"]].zh)
            for one in failed
        ]
        rows += _stages(subject, told.stages, rests, policy)
        return [*rows, _step(subject, "amount", "0.00 yuan", clause, f"by {day}", own, f"截至 {day}")]
    rows.append(
        _step(subject, "last condition met on", made.day, clause, "the award belongs to the period of that day")
    )
    rows += [_step(subject, "note", note) for note in made.award.notes]
    for part in made.award.parts:
        rate = policy.build.rates.dc if part.kind == "dc" else policy.build.rates.ac
        rows.append(_step(subject, f"{part.kind} output", amounts.describe(part), rate.clause, "", own))
    rows += _stages(subject, told.stages, rests, policy)
    return [*rows, _step(subject, "amount", f"{money(told.payable)} yuan", clause, "", own)]


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
            zh = _seen_zh(finding, row, rule.says.zh)
            rows.append(_step(subject, f"finding {finding.rule}", finding.effect, rule.clause, said, evidence, zh))
    for one in reasons(decided["reasons"], policy):
        zh = policy.reasons[one["code"]].zh
        rows.append(_step(subject, "reason", one["code"], one["clause"], one["text"], (), zh))
    came_in = dict.fromkeys(stages.STAGES, _message(connection, row, due))
    rows += _stages(subject, stages.of_session(due, row), came_in, policy)
    return [*rows, _step(subject, "disposition", decided["disposition"], policy.operating.rate.clause)]


def _seen_zh(finding: Findings, row: int, says: str) -> str:
    if finding.groups is None:
        return says.format_map(finding.values(row))
    return "；".join(f"{one.subject}：{says.format_map(one.values)}" for one in finding.groups if row in one.rows)


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


def _line(connection: psycopg.Connection, due: Entitlement, operator_id: str, station_id: str, month: str) -> Rows:
    (line,) = _lines(due, operator_id, station_id, month)
    rate, subject = due.policy.operating.rate, f"{operator_id}/{station_id}/{month}"
    rows = [_step(subject, name.removesuffix("_kwh"), f"{plain(line[name])} kWh", rate.clause) for name in QUANTITIES]
    rounding = due.policy.operating.rounding
    said = f"{plain(line['admitted_kwh'])} kWh × {rate.value} {rate.unit}, {rounding.rule} to {rounding.unit} once"
    rows.append(_step(subject, "amount", f"{money(line['amount'])} yuan", rate.clause, said))
    decided, when = due.dispositions, periods.parse(month)
    mine = decided[in_period(decided, when, operator_id) & (decided["station_id"] == station_id)]
    came_in = tracing.messages(connection, due, [int(row) for row in mine.index])
    line_of = {one.subject: one for one in stages.of_operator(due, when, operator_id)}
    of_stage = {"conditions": "rejected", "held": "held", "rounding": "admitted", "payable": "admitted"}
    rests: dict[str, list[tracing.Evidence]] = {}
    for stage in stages.STAGES:
        those = mine if stage not in of_stage else mine[mine["disposition"] == of_stage[stage]]
        rests[stage] = [
            {"what": one["what"], "message_id": one["message_id"]}
            for row in those.index
            for one in came_in.get(int(row), ())
        ]
    rows += _stages(subject, line_of[f"operating/{station_id}/{month}"].stages, rests, due.policy)
    for row, one in zip(mine.index, mine.itertuples(), strict=True):
        said = f"{one.disposition} {', '.join(one.reasons)}".strip()
        zh = "；".join(due.policy.reasons[code].zh for code in one.reasons)
        zh = f"{bilingual.value(str(one.disposition))} {zh}".strip()
        rows.append(
            _step(
                subject,
                f"session {one.session_id}",
                f"{plain(one.energy_kwh)} kWh",
                rate.clause,
                said,
                came_in.get(int(row), ()),
                zh,
            )
        )
    return rows


def _operator(connection: psycopg.Connection, due: Entitlement, operator_id: str, as_of: datetime) -> Rows:
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
    whole = Period(FIRST_DAY, date.fromordinal(due.last_day.toordinal() + 1), due.last_day.isoformat())
    lines = stages.of_operator(due, whole, operator_id)
    clauses: dict[str, dict[str, None]] = {}
    for one in lines:
        for stage in one.stages:
            if stage.yuan:
                clauses.setdefault(stage.name, {})[stage.clause] = None
    totals = [
        stages.Stage(name, yuan, ", ".join(clauses.get(name, {build: None})), {"lines": str(len(lines))})
        for name, yuan in stages.sums(lines).items()
    ]
    registered = due.eligibility.operators.on(due.last_day, operator_id)
    rests = dict.fromkeys(
        stages.STAGES, tracing.registered(connection, "operators", ("operator_id",), registered, as_of)
    )
    return [*rows, *_stages(operator_id, totals, rests, due.policy)]
