"""Subsidies on the command line."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit, say
from subsidy import control_commands, document_commands, finding_commands, oversight_commands

app = typer.Typer(no_args_is_help=True)

_AS_OF = typer.Option("--as-of", help="Knowledge time (RFC 3339): as known then. Default: everything committed by now.")
_POLICY = typer.Option("--policy", help="Id of a policy, or the path of a policy's YAML file.")
_PERIOD = typer.Option("--period", help="A month 2023-06, a quarter 2023-Q2 or a year 2023.")
_FORMAT = typer.Option("--format", help="How the rows are printed.")
_DEFAULT = "cn-wenzhou-2022-137"
_YUAN = ["build_yuan", "operating_yuan", "adjustments_yuan", "total_yuan"]


@app.command()
def statement(
    period: Annotated[str, _PERIOD],
    operator: Annotated[str | None, typer.Option("--operator", help="Only this operator_id.")] = None,
    as_of: Annotated[str | None, _AS_OF] = None,
    policy: Annotated[str, _POLICY] = _DEFAULT,
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", help="Also write a workbook with every charger and order.")
    ] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """What each operator is to be paid for a period: building awards, operating lines, and why not more.

    Example: chargewatch subsidy statement --period 2023-06 --operator OP1
    """
    from chargewatch import database
    from ledger.canonical import loads
    from ledger.store import all_records
    from subsidy import policy as policies
    from subsidy.job import adjustments
    from subsidy.periods import parse
    from subsidy.statement import entitlement, state

    rules, when = policies.load(policy), parse(period)
    with database.connect() as connection:
        known = _moment(as_of) if as_of else database.watermark(connection)
        due = entitlement(connection, when, rules, known)
        issued = [loads(one.body) for one in all_records(connection, "statement") if one.recorded_at <= known]
        adjusted = adjustments(due, when, issued)
        rows = state(due, when, operator, adjusted, rehearsal=database.is_rehearsal(connection), as_of=known)
        if xlsx is not None:
            from subsidy.documenting import workbook

            _save(xlsx, workbook(connection, due, when, rows, adjusted, known))
            say(f"the workbook is in {xlsx}")
    shown = rows if format is Format.json else [_summary(row) for row in rows]
    rehearsal = "  REHEARSAL" if rows and rows[0]["rehearsal"] else ""
    emit(shown, format, None, f"Subsidies {when.name}, {rules.id}, as of {known}{rehearsal}", right=_YUAN)


@app.command()
def explain(
    subject: Annotated[
        str, typer.Argument(help="A charger or session (ID, or OPERATOR/ID), STATION/2023-06, or an operator.")
    ],
    operator: Annotated[
        str | None, typer.Option("--operator", help="operator_id, where the subject does not say it.")
    ] = None,
    as_of: Annotated[str | None, _AS_OF] = None,
    policy: Annotated[str, _POLICY] = _DEFAULT,
    language: Annotated[
        Literal["zh", "en", "both"], typer.Option("--language", help="In Chinese, English or both.")
    ] = "both",
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """From yuan to clause, rule, inputs and the messages they came in, stage by stage.

    Example: chargewatch subsidy explain OP1/330302001-01
    """
    from chargewatch import database
    from subsidy import policy as policies
    from subsidy.explain import compute

    rules = policies.load(policy)
    with database.connect() as connection:
        known = _moment(as_of) if as_of else database.watermark(connection)
        rows = compute(connection, subject, operator=operator, policy=rules, as_of=known)
    names = [name for name in _STEP if language in ("both", "zh" if name.startswith("zh_") else "en") or name in _SAME]
    rows = [{name: row[name] for name in names} for row in rows]
    emit(rows, format, names, f"{subject} under {rules.id}, as of {known}")


_SAME = ("subject", "clause", "evidence")
_STEP = ["subject", "step", "zh_step", "value", "zh_value", "clause", "why", "zh_why", "evidence"]


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    build = row["build"]
    energy = {
        name: str(sum(_decimal(line[name]) for line in row["operating"]))
        for name in ("admitted_kwh", "held_kwh", "rejected_kwh")
    }
    return {
        "operator_id": row["operator_id"],
        "chargers": len(build),
        "awarded": sum(1 for one in build if one["disposition"] == "admitted"),
        "sessions": sum(line["sessions"] for line in row["operating"]),
        **energy,
        **{name: row[name] for name in _YUAN},
    }


def _decimal(text: str) -> Any:
    from decimal import Decimal

    return Decimal(text)


def _moment(text: str) -> datetime:
    from chargewatch.instants import parse

    try:
        return parse(text)
    except ValueError:
        raise Refusal(
            f"--as-of is “{text}”", "a time with an offset, such as 2023-07-06T00:00:00+08:00", "contract 4"
        ) from None


def _save(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}", "a file in a folder that exists") from None


control_commands.mount(app)
document_commands.mount(app)
finding_commands.mount(app)
oversight_commands.mount(app)
