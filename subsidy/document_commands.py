"""Commands that write statements as documents."""

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit
from subsidy.control_commands import moment

_DEFAULT = "cn-wenzhou-2022-137"


def mount(app: typer.Typer) -> None:
    """Adds these commands to those of `chargewatch subsidy`."""
    app.command()(document)


def document(
    period: Annotated[str, typer.Option("--period", help="A month 2023-06, a quarter 2023-Q2 or a year 2023.")],
    output: Annotated[Path, typer.Option("--output", help="A folder that exists.")],
    operator: Annotated[
        str | None, typer.Option("--operator", help="Only this operator_id. Default: each operator.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Knowledge time (RFC 3339): as known then. Default: everything committed by now."),
    ] = None,
    policy: Annotated[str, typer.Option("--policy", help="Id of a policy, or the path of its YAML file.")] = _DEFAULT,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also the pages as PDF; needs the extra `pdf`.")] = False,
    format: Annotated[Format, typer.Option("--format", help="How the list of files is printed.")] = Format.table,
) -> None:
    """Each operator's statement as a workbook with every order, 申报表 and 结算单 to print, and its stages.

    The same statement gives the same bytes, whose SHA-256 is printed. As a record of the ledger names its as_of, the
    documents of what was issued come out again with that --as-of.

    Example: chargewatch subsidy document --period 2023-06 --operator OP1 --output documents
    """
    from chargewatch import database
    from chargewatch.instants import iso
    from ledger.canonical import loads
    from ledger.store import all_records
    from subsidy import policy as policies
    from subsidy.documenting import files
    from subsidy.job import adjustments
    from subsidy.periods import parse
    from subsidy.statement import entitlement, state

    if not output.is_dir():
        raise Refusal(f"--output is {str(output)!r}", "a folder that exists")
    rules, when = policies.load(policy), parse(period)
    written = []
    with database.connect() as connection:
        known = moment(as_of) if as_of else database.watermark(connection)
        due = entitlement(connection, when, rules, known)
        issued = [loads(one.body) for one in all_records(connection, "statement") if one.recorded_at <= known]
        adjusted = adjustments(due, when, issued)
        statements = state(due, when, operator, adjusted, rehearsal=database.is_rehearsal(connection), as_of=known)
        for one in statements:
            for ending, content in files(connection, due, when, one, adjusted, known, pdf=pdf):
                path = output / f"subsidy-{when.name}-{one['operator_id']}{ending}"
                _save(path, content)
                digest = hashlib.sha256(content).hexdigest()
                written.append({"file": str(path), "bytes": len(content), "sha256": digest})
    emit(written, format, None, f"Documents of {when.name}, {rules.id}, as of {iso(known)}", right=["bytes"])


def _save(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}", "a folder that may be written to") from None
