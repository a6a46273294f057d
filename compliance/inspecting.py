"""What inspectors found, in the database: recorded beside what the platform believed then, and what follows from it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import psycopg
from psycopg.rows import dict_row

from chargewatch import database
from chargewatch.errors import Refusal
from chargewatch.instants import iso
from compliance import agreement, drawing
from compliance import rules as compliance_rules
from uptime import explain, settings
from uptime import profile as profiles

CHARGED, FAILED, UNTESTED = "charged", "failed", "untested"


def record(
    connection: psycopg.Connection,
    *,
    operator_id: str,
    connector_id: str,
    at: datetime,
    result: str,
    energy_kwh: Decimal | None,
    photo: str,
    note: str,
    who: str,
    sample: int | None = None,
    corrects: int | None = None,
) -> dict[str, Any]:
    """Keep what an inspector found at a connector, with what the platform believed at that instant; gives the visit.

    A visit of a sample is to one of its connectors, after the draw; the first at which it was tried counts. A
    correction takes the place of an earlier record of the same connector, which stays on record.
    """
    of = drawing.sample(connection, sample) if sample is not None else None
    rules = drawing.rules_of(of) if of else compliance_rules.load()
    _sound(result, energy_kwh, note, rules.inspection.energy_more_than_kwh.value)
    if at > database.watermark(connection):
        raise Refusal(f"the visit at {iso(at)} lies in the future", "a time that has passed")
    if of and at < of["recorded_at"]:
        raise Refusal(f"the visit was before sample {sample} was drawn at {iso(of['recorded_at'])}", "a later visit")
    if corrects is not None:
        _correctable(connection, corrects, (sample, operator_id, connector_id))
    profile, used = profiles.load(rules.profile), settings.load(of["settings"] if of else settings.DEFAULT)
    # As of then: what has come in since, the operator's own account of that day among it, is left out.
    found = explain.compute(
        connection, operator_id=operator_id, connector_id=connector_id, start=at,
        end=at + timedelta(microseconds=1), last_day=at.astimezone(profile.zone).date() + timedelta(days=1),
        profile=profile, settings=used, as_of=at,
    )  # fmt: skip
    state, reason = (found[0]["state"], found[0]["reason"]) if found else (None, None)
    columns = {
        "recorded_by": who, "sample_id": sample, "operator_id": operator_id, "connector_id": connector_id, "at": at,
        "result": result, "energy_kwh": energy_kwh, "photo": photo, "note": note, "state": state, "reason": reason,
        "status": _announced(connection, operator_id, connector_id, at), "profile": profile.id, "settings": used.id,
        "corrects": corrects,
    }  # fmt: skip
    try:
        with database.writing(connection) as recorded_at:
            row = connection.execute(
                f"INSERT INTO compliance_visit (recorded_at, {', '.join(columns)})"
                f" VALUES ({', '.join(['%s'] * (1 + len(columns)))}) RETURNING visit_id".encode(),
                [recorded_at, *columns.values()],
            ).fetchone()
    except psycopg.errors.ForeignKeyViolation:
        raise Refusal(
            f"sample {sample} does not hold connector {connector_id!r} of operator {operator_id!r}",
            f"one of `chargewatch compliance sample show {sample}`",
        ) from None
    except psycopg.errors.UniqueViolation:
        raise Refusal(f"visit {corrects} was corrected already", "the number of the correction") from None
    assert row is not None
    return next(one for one in visits(connection, sample) if one["visit"] == row[0])


def visits(connection: psycopg.Connection, sample: int | None = None) -> list[dict[str, Any]]:
    """Every visit, or those of a sample, in the order they were recorded; `counts` says which stand uncorrected."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT visit_id AS visit, sample_id AS sample, operator_id, connector_id, at, result, energy_kwh, photo,"
            " note, state, reason, status, profile, settings, recorded_by, recorded_at, corrects,"
            " NOT EXISTS (SELECT 1 FROM compliance_visit AS later WHERE later.corrects = visit.visit_id) AS counts"
            " FROM compliance_visit AS visit WHERE %(sample)s::bigint IS NULL OR sample_id = %(sample)s"
            " ORDER BY visit_id",
            {"sample": sample},
        ).fetchall()
    rehearsal = database.is_rehearsal(connection)
    for row in rows:
        row |= {"at": iso(row["at"]), "recorded_at": iso(row["recorded_at"]), "rehearsal": rehearsal}
        row["energy_kwh"] = None if row["energy_kwh"] is None else str(row["energy_kwh"])
    return rows


def visited(connection: psycopg.Connection, sample: int) -> tuple[list[agreement.Visited], Decimal]:
    """Every connector of a sample with what was found there, and the level of confidence of its rules."""
    of = drawing.sample(connection, sample)
    rules = drawing.rules_of(of)
    meaning = {str(state): str(means) for state, means in profiles.load(rules.profile).states.items()}
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for one in visits(connection, sample):
        if one["counts"] and one["result"] != UNTESTED:
            first.setdefault((one["operator_id"], one["connector_id"]), one)
    rows = []
    for unit in drawing.units(connection, sample):
        found = first.get((unit["operator_id"], unit["connector_id"]))
        worked = found["result"] == CHARGED if found else None
        believed = agreement.believed(found["state"] if found else None, meaning)
        rows.append(agreement.Visited(Fraction(unit["probability"]), worked, believed))
    return rows, rules.inspection.confidence.value


def estimated(connection: psycopg.Connection, sample: int) -> list[dict[str, Any]]:
    """What a sample says of all connectors (compliance.agreement.figures)."""
    seen, confidence = visited(connection, sample)
    return _named(connection, sample, agreement.figures(seen, confidence))


def agreed(connection: psycopg.Connection, sample: int) -> list[dict[str, Any]]:
    """What was found against what was believed (compliance.agreement.table)."""
    return _named(connection, sample, agreement.table(visited(connection, sample)[0]))


def _named(connection: psycopg.Connection, sample: int, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    of = drawing.sample(connection, sample)
    about = {"sample": sample, "drawn": of["drawn"], "of": of["connectors"], "frame_sha256": of["frame_sha256"]}
    return [{**row, **about, "rehearsal": database.is_rehearsal(connection)} for row in rows]


def _sound(result: str, energy_kwh: Decimal | None, note: str, more_than: Decimal) -> None:
    delivered = energy_kwh is not None and energy_kwh > more_than
    if result == CHARGED and not delivered:
        raise Refusal(f"charged, with an energy of {energy_kwh}", f"--energy-kwh, more than {more_than}")
    if result != CHARGED and delivered:
        raise Refusal(f"{result}, though {energy_kwh} kWh were delivered", "--result charged, or no energy")
    if result == UNTESTED and not note.strip():
        raise Refusal("untested, without a reason", "--note: why it could not be tried")


def _correctable(connection: psycopg.Connection, number: int, same: tuple[int | None, str, str]) -> None:
    row = connection.execute(
        "SELECT sample_id, operator_id, connector_id FROM compliance_visit WHERE visit_id = %s", [number]
    ).fetchone()
    if row != same:
        raise Refusal(f"visit {number} is not one of this connector and sample", "a visit of the same connector")


def _announced(connection: psycopg.Connection, operator_id: str, connector_id: str, at: datetime) -> str | None:
    row = connection.execute(
        "SELECT status FROM status_fact JOIN connector_keys USING (connector_no)"
        " WHERE operator_id = %(operator)s AND connector_id = %(connector)s AND at <= %(at)s AND recorded_at <= %(at)s"
        " ORDER BY at DESC, received_at DESC LIMIT 1",
        {"operator": operator_id, "connector": connector_id, "at": at},
    ).fetchone()
    return str(row[0]) if row else None
