"""Inspection samples in the database: drawn from the figures of a period, shown, and drawn again to be checked."""

import secrets
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from chargewatch import database
from chargewatch.errors import CheckFailed, Refusal
from chargewatch.instants import iso
from compliance import risk
from compliance.rules import Rules
from compliance.sampling import Drawn, Unit, draw, frame_sha256, frame_text, probabilities
from registry import placement, snapshot
from uptime import profile as profiles
from uptime import report, settings, truth_limits, truth_report

RISK, EQUAL = "risk", "equal"


def frame(
    connection: psycopg.Connection,
    *,
    design: str,
    first_day: date,
    last_day: date,
    rules: Rules,
    as_of: datetime,
    settings_id: str = settings.DEFAULT,
    limits_id: str = truth_limits.DEFAULT,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> list[Unit]:
    """Every connector that an inspection can be sent to, with its measure of risk, as known at `as_of`.

    They are those that the profile binds in the policy days [first_day, last_day) and that still stand on `last_day`.
    """
    profile, interval_settings = profiles.load(rules.profile), settings.load(settings_id)
    period: dict[str, Any] = {"first_day": first_day, "last_day": last_day, "profile": profile}
    period |= {"settings": interval_settings, "as_of": as_of}
    rows = report.compute(connection, by="connector", advance=advance, **period)
    doubts: dict[tuple[str, str], Decimal] = {}
    if design == RISK:
        limits = truth_limits.load(limits_id)
        found = truth_report.compute(connection, by="connector", operator=None, limits=limits, **period)
        doubts = {(one["operator_id"], one["connector_id"]): Decimal(one["score"]) for one in found}
    here = _places(connection, last_day, rules, as_of)
    units = []
    for row in rows:
        key = (row["operator_id"], row["id"])
        if key in here:
            doubted = doubts.get(key, Decimal(0))
            units.append(Unit(*key, risk.size(row, doubted, rules.inspection) if design == RISK else risk.EQUAL))
    return sorted(units)


def draw_sample(
    connection: psycopg.Connection,
    *,
    design: str,
    first_day: date,
    last_day: date,
    count: int,
    seed: str | None,
    who: str,
    rules: Rules,
    as_of: datetime,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> int:
    """Draw a sample of `count` connectors and keep it for good; gives its number.

    Without a seed one is taken from the machine's source of randomness. Every draw is kept, so that nobody can draw
    until he likes what he sees without its being seen.
    """
    period: dict[str, Any] = {"first_day": first_day, "last_day": last_day, "rules": rules, "as_of": as_of}
    if as_of > database.watermark(connection):
        raise Refusal(f"--as-of {iso(as_of)} lies in the future", "a time whose facts are all recorded")
    units = frame(connection, design=design, advance=advance, **period)
    if not units:
        raise Refusal(f"no connector is bound between {first_day} and {last_day}", "a period with facts in the store")
    used = seed or secrets.token_hex(16)
    drawn = draw(units, count, used)
    places = _places(connection, last_day, rules, as_of)
    with database.writing(connection) as recorded_at:
        row = connection.execute(
            "INSERT INTO compliance_sample (recorded_at, drawn_by, design, first_day, last_day, as_of, rules,"
            " rules_text, profile, settings, limits, seed, seed_given, frame, frame_sha256, connectors, drawn)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING sample_id",
            [
                *(recorded_at, who, design, first_day, last_day, as_of, rules.id),
                *(msgspec.json.encode(rules).decode(), rules.profile),
                *(settings.DEFAULT, truth_limits.DEFAULT, used, seed is not None),
                *(frame_text(units), frame_sha256(units), len(units), len(drawn)),
            ],
        ).fetchone()
        assert row is not None
        number = int(row[0])
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO compliance_sample_unit VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    [
                        *(number, one.unit.operator_id, one.unit.connector_id, *places[one.unit[:2]], one.unit.size),
                        *(one.probability.numerator, one.probability.denominator),
                    ]
                    for one in drawn
                ],
            )
    return number


def sample(connection: psycopg.Connection, number: int) -> dict[str, Any]:
    """The sample of that number as it was drawn; Refusal if there is none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("SELECT * FROM compliance_sample WHERE sample_id = %s", [number]).fetchone()
    if row is None:
        raise Refusal(f"there is no sample {number}", "a number from `chargewatch compliance sample show`")
    return row


def rules_of(row: dict[str, Any]) -> Rules:
    """The rules that a sample was drawn by."""
    return msgspec.json.decode(row["rules_text"], type=Rules, strict=False)


def samples(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """Every sample that was ever drawn, without its connectors, the oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            'SELECT sample_id AS sample, recorded_at, drawn_by, design, first_day AS "from", last_day AS "to", as_of,'
            " rules, profile, settings, limits, seed, seed_given, frame_sha256, connectors, drawn"
            " FROM compliance_sample ORDER BY sample_id"
        ).fetchall()
    rehearsal = database.is_rehearsal(connection)
    return [{**{name: _plain(value) for name, value in row.items()}, "rehearsal": rehearsal} for row in rows]


def units(connection: psycopg.Connection, number: int) -> list[dict[str, Any]]:
    """The connectors of a sample, by operator and id, each with its exact probability."""
    rows = connection.execute(
        "SELECT operator_id, connector_id, station_id, district, size, numerator, denominator"
        " FROM compliance_sample_unit WHERE sample_id = %s ORDER BY operator_id, connector_id",
        [number],
    ).fetchall()
    names = ["operator_id", "connector_id", "station_id", "district", "size"]
    return [
        {
            "sample": number,
            **dict(zip(names, row[:5], strict=True)),
            "probability": str(Fraction(int(row[5]), int(row[6]))),
            "probability_rounded": f"{row[5] / row[6]:.6f}",
        }
        for row in rows
    ]


def whole_frame(connection: psycopg.Connection, number: int) -> list[dict[str, Any]]:
    """Every connector that could have been drawn, with its measure and probability, and whether it was."""
    row = sample(connection, number)
    kept = [Unit(*one) for one in msgspec.json.decode(row["frame"])]
    drawn = {one.unit[:2] for one in _recorded(connection, number)}
    chances = probabilities([unit.size for unit in kept], row["drawn"])
    return [
        {
            "sample": number,
            **unit._asdict(),
            "probability": str(chance),
            "probability_rounded": f"{float(chance):.6f}",
            "drawn": unit[:2] in drawn,
        }
        for unit, chance in zip(kept, chances, strict=True)
    ]


def verify(connection: psycopg.Connection, number: int) -> None:
    """Draw a sample again: CheckFailed if its frame, its hash or one of its connectors does not come out the same."""
    row = sample(connection, number)
    if frame_sha256(kept := [Unit(*one) for one in msgspec.json.decode(row["frame"])]) != row["frame_sha256"]:
        raise CheckFailed(f"the frame of sample {number} does not have the hash that was recorded")
    again = draw(kept, row["drawn"], row["seed"])
    if _listed(again) != _listed(_recorded(connection, number)):
        raise CheckFailed(f"seed and frame of sample {number} give other connectors or probabilities than recorded")
    period = {name: row[name] for name in ("design", "first_day", "last_day", "as_of")}
    by = {"rules": rules_of(row), "settings_id": row["settings"], "limits_id": row["limits"]}
    if frame(connection, **by, **period) != sorted(kept):
        raise CheckFailed(f"the store as of {iso(row['as_of'])} gives another frame than that of sample {number}")


def _recorded(connection: psycopg.Connection, number: int) -> list[Drawn]:
    return [
        Drawn(Unit(one["operator_id"], one["connector_id"], one["size"]), Fraction(one["probability"]))
        for one in units(connection, number)
    ]


def _listed(drawn: list[Drawn]) -> list[tuple[Unit, Fraction]]:
    return [(one.unit, one.probability) for one in sorted(drawn, key=lambda one: one.unit)]


def _places(
    connection: psycopg.Connection, day: date, rules: Rules, as_of: datetime
) -> dict[tuple[str, str], tuple[str, str]]:
    """Station and district of every connector that stands on that policy day."""
    zone = profiles.load(rules.profile).zone
    rows = placement.placements(snapshot.load(connection, as_of), zone, day, day + timedelta(days=1))
    return {
        (row.operator_id, row.connector_id): (row.station_id, row.district)
        for row in rows.itertuples()
        if row.retired_on is None or row.retired_on > day
    }


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value
