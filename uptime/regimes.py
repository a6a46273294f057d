"""On the command line: the profiles themselves."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit

app = typer.Typer(no_args_is_help=True)


class Shape(StrEnum):
    """How a profile is shown."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"


@app.command("list")
def known(
    format: Annotated[Format, typer.Option("--format", help="How the rows are printed.")] = Format.table,
) -> None:
    """The profiles there are.

    Example: chargewatch uptime profile list
    """
    from uptime import profile as profiles

    found = [profiles.load(path.stem) for path in sorted(profiles.FOLDER.glob("*.yaml"))]
    emit(
        [
            {
                "id": one.id,
                "title": one.title,
                "document": one.source.document,
                "valid_from": one.valid_from.isoformat(),
                "period": one.period,
                "unit": one.unit,
                "threshold": str(one.threshold.value),
                "comparison": one.threshold.comparison,
                "readings": [reading.id for reading in one.readings],
            }
            for one in found
        ],
        format,
    )


@app.command()
def show(
    profile: Annotated[str, typer.Argument(help="Id of a profile, or the path of a profile's YAML file.")],
    cases: Annotated[
        Path | None, typer.Option("--cases", help="With markdown: the folder of all cases, tests/spec.")
    ] = None,
    format: Annotated[Shape, typer.Option("--format", help="How the rules are printed.")] = Shape.table,
) -> None:
    """Every rule of a profile with its clause, and whether it is law or our reading; as markdown its reference page.

    Example: chargewatch uptime profile show us-nevi
    """
    import yaml

    from uptime import page
    from uptime import profile as profiles

    regime = profiles.load(profile)
    if format is not Shape.markdown:
        emit(page.rows(regime), Format(format.value), title=f"{regime.id}: {regime.title}")
        return
    folder = cases / regime.source.clause if cases else None
    if folder is not None and not folder.is_dir():
        raise Refusal(f"there is no folder {folder}", "the folder that holds one of each profile's clause")
    files = sorted(folder.glob("*.yaml")) if folder else []
    told = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
    print(page.page(regime, told), end="")
