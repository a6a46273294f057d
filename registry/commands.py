"""`chargewatch registry import`, `export` and `history`."""

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


@app.command("history")
def history(
    table: Annotated[str | None, typer.Argument(help="Only rows of this table.")] = None,
    operator: Annotated[str | None, typer.Option(help="Only rows of this operator.")] = None,
    id: Annotated[str | None, typer.Option("--id", help="Only rows with this id, such as a charger's.")] = None,
    since: Annotated[str | None, typer.Option(help="Only what was recorded after this time (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option(help="Only what was recorded by this time (RFC 3339).")] = None,
    format: _FormatOption = output.Format.table,
    time_zone: _TimeZone = DEFAULT_TIME_ZONE,
) -> None:
    """Who changed what and when: every row that was added, and every cell that was changed, oldest first.

    Example: chargewatch registry history chargers --operator OP1 --id 330302001-01
    """
    zone = _zone(time_zone)
    moments = [_instant(text, option) if text else None for option, text in (("--since", since), ("--until", until))]
    from chargewatch import database
    from registry.history import changes, stories
    from registry.tables import BY_NAME, TABLES
    from registry.values import plain

    if table is not None and table not in BY_NAME:
        raise Refusal(f"there is no table {table!r}", f"one of {', '.join(BY_NAME)}")
    tables = TABLES if table is None else (BY_NAME[table],)
    with database.connect() as connection:
        found = stories(connection, tables=tables, operator=operator, names=id, since=moments[0], until=moments[1])
        rows = [change for story in found for change in changes(story, moments[0])]
    rows = [plain(row, zone) for row in sorted(rows, key=lambda row: (row["recorded_at"], row["import_id"]))]
    columns = ["recorded_at", "imported_by", "source", "table", "key", "change", "column", "before", "after"]
    output.emit(rows, format, columns, title="History")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise Refusal(f"--time-zone is {name!r}", "a name such as Asia/Shanghai") from None


def _instant(text: str, option: str = "--as-of") -> datetime:
    from chargewatch import instants

    try:
        return instants.parse(text)
    except (ValueError, OverflowError):
        raise Refusal(f"{option} is {text!r}", "a time with an offset such as 2023-07-01T00:00:00+08:00") from None
