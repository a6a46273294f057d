"""`chargewatch quarantine`: what was refused at the door, why, and what is tried again."""

import gzip
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit, say

app = typer.Typer(no_args_is_help=True)

_Reason = Annotated[str | None, typer.Option(help="Only this reason code of contract 1.")]
_Operator = Annotated[str | None, typer.Option(help="Only this operator_id.")]
_FormatOption = Annotated[Format, typer.Option("--format", help="How the report is printed.")]


def _checked(reason: str | None) -> str | None:
    from collector.contract import REASONS

    if reason is not None and reason not in REASONS:
        raise Refusal(f"--reason is {reason!r}", f"one of {', '.join(REASONS)}")
    return reason


@app.command("list")
def quarantine_list(
    reason: _Reason = None,
    operator: _Operator = None,
    summary: Annotated[bool, typer.Option("--summary", help="Only how many, by reason, operator and kind.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, the latest first.", min=1)] = 50,
    before: Annotated[int | None, typer.Option(help="Only what was refused before this number: the next page.")] = None,
    format: _FormatOption = Format.table,
) -> None:
    """What was refused at the door and waits there, the latest first; `--summary` says what it is about.

    Example: chargewatch quarantine list --summary
    """
    from chargewatch import database
    from collector.quarantine import contents as quarantine

    _checked(reason)
    with database.connect() as connection:
        if summary:
            rows = quarantine.summary(connection, reason=reason, operator_id=operator)
            emit(rows, format, quarantine.SUMMARY, "What waits in quarantine", right=("items", "quarantine_id"))
            return
        rows = quarantine.waiting(connection, reason=reason, operator_id=operator, limit=limit, before=before)
    emit(rows, format, quarantine.COLUMNS, "In quarantine", right=("quarantine_id", "place"))
    if len(rows) == limit:
        say(f"Only the latest {limit}; the next page is --before {rows[-1]['quarantine_id']}.")


@app.command("show")
def quarantine_show(
    quarantine_id: Annotated[int, typer.Argument(help="Number of the item, from `quarantine list`.")],
    format: _FormatOption = Format.table,
) -> None:
    """One refused item with its original bytes, personal values masked.

    Example: chargewatch quarantine show 17
    """
    from chargewatch import database
    from collector.quarantine import contents as quarantine

    with database.connect() as connection:
        row = quarantine.one(connection, quarantine_id)
    if format is Format.table:
        emit([{"field": name, "value": value} for name, value in row.items()], format)
    else:
        emit([row], format)


@app.command("retry")
def quarantine_retry(
    quarantine_ids: Annotated[
        list[int] | None, typer.Argument(help="Numbers of items, from `quarantine list`; all that wait without any.")
    ] = None,
    reason: _Reason = None,
    operator: _Operator = None,
    format: _FormatOption = Format.table,
) -> None:
    """Judge again what waits: after a registration or a mended rule, what is accepted moves into the store.

    It keeps its first receipt. A message that could not be read and can be now counts as the items that it has.

    Example: chargewatch quarantine retry --reason unknown_connector
    """
    from chargewatch import database
    from collector.quarantine import retrying

    _checked(reason)
    with database.connect() as connection:
        rows = retrying.retry(connection, operator_id=operator, reason=reason, numbers=quarantine_ids or None)
    emit(rows, format, retrying.COLUMNS, "Tried again", right=retrying.COLUMNS[1:])


@app.command("export")
def quarantine_export(
    file: Annotated[Path, typer.Argument(help="Capture file to write; .gz is compressed. It must not exist yet.")],
    reason: _Reason = None,
    operator: _Operator = None,
) -> None:
    """Write what waits as a capture file, each line with its reason: for the operator, or to be ingested elsewhere.

    An item alone stands in a message of its own. In this store `quarantine retry` is what moves it.

    Example: chargewatch quarantine export refused.ndjson --operator OP1
    """
    from chargewatch import database
    from collector.quarantine import contents as quarantine

    _checked(reason)
    count = 0
    with database.connect() as connection, _new(file) as written:
        for line in quarantine.lines(connection, reason=reason, operator_id=operator):
            written.write(line)
            count += 1
    say(f"{count} refused items are in {file}.")


def _new(file: Path) -> BinaryIO | gzip.GzipFile:
    try:
        return gzip.open(file, "xb") if file.suffix == ".gz" else file.open("xb")
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {error.strerror}", "a new file in a folder that exists") from None
