"""`chargewatch registry import` and `export`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from chargewatch import output
from chargewatch.errors import CheckFailed, Refusal
from registry.tables import DEFAULT_TIME_ZONE

app = typer.Typer(no_args_is_help=True)

_TimeZone = Annotated[str, typer.Option(help="Time zone that the policy's days are days of.")]
_FormatOption = Annotated[output.Format, typer.Option("--format", help="How the report is printed.")]


@app.callback()
def _registry() -> None:
    """What exists: operators, stations, chargers, connectors, declarations, tariffs, awards."""


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="A folder of CSV files, or a workbook .xlsx.")],
    format: _FormatOption = output.Format.table,
    time_zone: _TimeZone = DEFAULT_TIME_ZONE,
) -> None:
    """Add the rows of PATH that are new or changed; all of them, or none if anything is wrong with one.

    Prints added, changed and unchanged rows per table, or every problem. Nothing is ever removed.

    Example: chargewatch registry import ./registry-2023-06
    """
    zone = _zone(time_zone)
    import os
    import pwd
    from dataclasses import asdict

    from chargewatch import database
    from registry import snapshot
    from registry.check import check
    from registry.intake import Origin, take_in
    from registry.load import load

    loaded = load(path)
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        user = str(os.getuid())
    origin = Origin(user, str(path.resolve()), loaded.sha256)
    with database.connect() as connection, database.job_lock(connection, "registry import") as alone:
        if not alone:
            raise Refusal("another import is under way", "one at a time; try again when it has ended")
        # What is stored is never removed and nobody else imports: what fits now still fits a moment later.
        checked = check(loaded.sheets, snapshot.load(connection, database.now(connection)), zone)
        problems, changes = loaded.problems + checked.problems, []
        if not problems:
            with database.writing(connection) as recorded_at:
                changes = take_in(connection, checked.rows, origin, recorded_at)
    if problems:
        output.emit([asdict(problem) for problem in problems], format, title="Problems", right=["row"])
        raise CheckFailed(f"nothing was imported: {len(problems)} problem{'s'[: len(problems) != 1]} in {path}")
    counts = ["added", "changed", "unchanged"]
    output.emit([asdict(change) for change in changes], format, title="Imported", right=counts)


@app.command("export")
def export(
    path: Annotated[Path, typer.Argument(help="A folder for CSV files, or the name of a workbook .xlsx.")],
    as_of: Annotated[
        str | None, typer.Option(help="What was known at this time (RFC 3339); what is known now without it.")
    ] = None,
    format: _FormatOption = output.Format.table,
    time_zone: _TimeZone = DEFAULT_TIME_ZONE,
) -> None:
    """Write the registry's tables as import takes them: a folder of CSV files, or a workbook.

    Example: chargewatch registry export registry.xlsx --as-of 2023-07-01T00:00:00+08:00
    """
    zone = _zone(time_zone)
    moment = _instant(as_of) if as_of else None
    from chargewatch import database
    from registry import snapshot
    from registry.save import save

    with database.connect() as connection:
        registry = snapshot.load(connection, moment or database.now(connection))
    save(registry, path, zone)
    rows = [{"table": name, "rows": len(frame)} for name, frame in registry.tables.items()]
    output.emit(rows, format, title=f"Exported to {path}", right=["rows"])


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise Refusal(f"--time-zone is {name!r}", "a name such as Asia/Shanghai") from None


def _instant(text: str) -> datetime:
    from chargewatch import instants

    try:
        return instants.parse(text)
    except (ValueError, OverflowError):
        raise Refusal(f"--as-of is {text!r}", "a time with an offset such as 2023-07-01T00:00:00+08:00") from None
