"""On the command line: what inspectors found, and what it says of all connectors."""

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit
from compliance.order_commands import named
from compliance.sample_commands import FORMAT, WHO, instant

app = typer.Typer(no_args_is_help=True)

_VISIT = ["visit", "sample", "operator_id", "connector_id", "at", "result", "energy_kwh", "state", "status"]
_VISIT += ["recorded_by", "photo", "note", "corrects", "counts"]


class Result(StrEnum):
    """What came of a two-minute charge."""

    charged = "charged"
    failed = "failed"
    untested = "untested"


class Sight(StrEnum):
    """What is shown of a sample's visits."""

    figures = "figures"
    agreement = "agreement"
    visits = "visits"


@app.command("record")
def record(
    connector: Annotated[str, typer.Argument(help="connector_id, as in the registry.")],
    operator: Annotated[str, typer.Option("--operator", help="operator_id the connector belongs to.")],
    at: Annotated[str, typer.Option("--at", help="When it was tried (RFC 3339).")],
    result: Annotated[Result, typer.Option("--result", help="What came of a two-minute charge.")],
    who: Annotated[str, WHO],
    energy_kwh: Annotated[str | None, typer.Option("--energy-kwh", help="Energy that the charge delivered.")] = None,
    photo: Annotated[str, typer.Option("--photo", help="Reference of a photo.")] = "",
    note: Annotated[str, typer.Option("--note", help="What was seen; why it could not be tried.")] = "",
    sample: Annotated[int | None, typer.Option("--sample", help="Number of the sample it was drawn in.")] = None,
    corrects: Annotated[int | None, typer.Option("--corrects", help="Number of a visit recorded wrongly.")] = None,
    format: Annotated[Format, FORMAT] = Format.table,
) -> None:
    """Record what an inspector found, beside what the platform believed at that instant.

    Example: chargewatch compliance inspect record 330302001-01-1 --operator OP1 --at 2023-07-12T10:05:00+08:00
    --result charged --energy-kwh 1.8 --photo IMG_2041 --sample 1 --by "L. Chen"
    """
    from chargewatch import database
    from compliance import inspecting

    moment, energy = instant("--at", at), _energy(energy_kwh)
    with database.connect() as connection:
        row = inspecting.record(
            connection,
            operator_id=operator,
            connector_id=connector,
            at=moment,
            result=result.value,
            energy_kwh=energy,
            photo=photo,
            note=note,
            who=named(who),
            sample=sample,
            corrects=corrects,
        )
    emit([row], format, _VISIT, "Recorded")


def estimate(
    sample: Annotated[int, typer.Argument(help="Number of a sample.")],
    show: Annotated[Sight, typer.Option("--show", help="Shares with intervals, the table, or each visit.")] = (
        Sight.figures
    ),
    format: Annotated[Format, FORMAT] = Format.table,
) -> None:
    """The share of connectors that really work and how often the platform errs, each with its confidence interval.

    Example: chargewatch compliance estimate 1 --show agreement
    """
    from chargewatch import database
    from compliance import drawing, inspecting

    with database.connect() as connection:
        of = drawing.sample(connection, sample)
        compute = {
            Sight.figures: inspecting.estimated,
            Sight.agreement: inspecting.agreed,
            Sight.visits: inspecting.visits,
        }
        rows = compute[show](connection, sample)
        rehearsal = "  REHEARSAL" if database.is_rehearsal(connection) else ""
    columns = {
        Sight.figures: ["figure", "share", "low", "high", "confidence", "standard_error", "connectors"],
        Sight.agreement: ["believed", "found", "connectors", "weighted"],
        Sight.visits: _VISIT,
    }[show]
    title = f"Sample {sample}: {of['drawn']} of {of['connectors']} connectors, drawn by {of['design']}{rehearsal}"
    emit(rows, format, columns, title, right=[name for name in columns if name in ("share", "low", "high", "weighted")])


def _energy(text: str | None) -> Decimal | None:
    try:
        energy = None if text is None else Decimal(text)
    except InvalidOperation:
        energy = Decimal("NaN")
    if energy is not None and not (energy.is_finite() and energy >= 0):
        raise Refusal(f"--energy-kwh is {text!r}", "a number of kWh such as 1.8")
    return energy
