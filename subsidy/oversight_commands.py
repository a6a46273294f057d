"""Commands for supervision: bills beyond the published prices, unverified meters, lapsed conditions of operators."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from chargewatch.output import Format, emit
from subsidy.control_commands import moment

_PERIOD = typer.Option("--period", help="A month 2023-06, a quarter 2023-Q2 or a year 2023.")
_OPERATOR = typer.Option("--operator", help="Only this operator_id.")
_AS_OF = typer.Option("--as-of", help="Knowledge time (RFC 3339): as known then. Default: everything committed by now.")
_POLICY = typer.Option("--policy", help="Id of a policy, or the path of a policy's YAML file.")
_FORMAT = typer.Option("--format", help="How the rows are printed.")
_DEFAULT = "cn-wenzhou-2022-137"


def mount(app: typer.Typer) -> None:
    """Adds these commands to those of `chargewatch subsidy`."""
    for command in (prices, meters, qualifications):
        app.command()(command)


def _found(compute: Callable[..., Any], period: str, operator: str | None, as_of: str | None, policy: str) -> Any:
    from chargewatch import database
    from subsidy import policy as on_file
    from subsidy.periods import parse

    rules = on_file.load(policy)
    with database.connect() as connection:
        known = moment(as_of) if as_of else database.watermark(connection)
        found = compute(connection, period=parse(period), operator=operator, policy=rules, as_of=known)
        rehearsal = "  REHEARSAL" if database.is_rehearsal(connection) else ""
    return found, f"{period}, {rules.id}, as of {known}{rehearsal}"


def prices(
    period: Annotated[str, _PERIOD],
    operator: Annotated[str | None, _OPERATOR] = None,
    by_vehicle: Annotated[bool, typer.Option("--by-vehicle", help="Sums by the operator's pseudonym.")] = False,
    as_of: Annotated[str | None, _AS_OF] = None,
    policy: Annotated[str, _POLICY] = _DEFAULT,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Orders charged beyond the tariff published when they began, or beyond the highest service price (137-八).

    Example: chargewatch subsidy prices --period 2023-06 --operator OP1
    """
    from subsidy import overseeing

    found, said = _found(overseeing.over_charged, period, operator, as_of, policy)
    rows = overseeing.by_vehicle(found) if by_vehicle else found
    names = _BY_VEHICLE if by_vehicle else _BILL
    emit(rows, format, names, f"Charged too much, {said}", right=[name for name in names if name.endswith(_NUMBERS)])


def meters(
    period: Annotated[str, _PERIOD],
    operator: Annotated[str | None, _OPERATOR] = None,
    as_of: Annotated[str | None, _AS_OF] = None,
    policy: Annotated[str, _POLICY] = _DEFAULT,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Meters whose verification does not cover days of the period, and the energy they counted then (137-十).

    Example: chargewatch subsidy meters --period 2023-06
    """
    from subsidy import overseeing

    found, said = _found(overseeing.unverified, period, operator, as_of, policy)
    emit(found, format, _METER, f"Unverified meters, {said}", right=[n for n in _METER if n.endswith(_NUMBERS)])


def qualifications(
    period: Annotated[str, _PERIOD],
    operator: Annotated[str | None, _OPERATOR] = None,
    as_of: Annotated[str | None, _AS_OF] = None,
    policy: Annotated[str, _POLICY] = _DEFAULT,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Conditions of 137-四 that operators failed in the period: which, since when, and the energy that it touches.

    `lapsed` says that the operator had met it before. One order may be touched by several conditions.

    Example: chargewatch subsidy qualifications --period 2023
    """
    from subsidy import overseeing

    found, said = _found(overseeing.qualifications, period, operator, as_of, policy)
    emit(
        found, format, _CONDITION, f"Conditions not met, {said}", right=[n for n in _CONDITION if n.endswith(_NUMBERS)]
    )


_NUMBERS = ("_yuan", "_kwh", "orders", "yuan")
_BILL = [
    *("operator_id", "vehicle", "session_id", "station_id", "start", "energy_kwh", "tariff_from", "charged_yuan"),
    *("published_yuan", "electricity_yuan", "service_yuan", "above_cap_yuan", "over_yuan", "clause"),
]
_BY_VEHICLE = ["operator_id", "vehicle", "orders", "energy_kwh", "over_yuan"]
_METER = [
    *("operator_id", "connector_id", "meter_no", "why", "from", "until"),
    *("orders", "energy_kwh", "admitted_kwh", "clause"),
]
_CONDITION = [
    *("operator_id", "condition", "clause", "from", "until", "lapsed", "orders", "energy_kwh", "yuan", "zh", "en"),
]
