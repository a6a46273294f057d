"""On the command line: the availability report as a document, for the file and for paper."""

from pathlib import Path
from typing import Annotated

import typer

from chargewatch.errors import Refusal
from chargewatch.output import progress, say
from uptime.moments import moment, period

_ENDINGS = (".xlsx", ".html", ".json")
_NAMES = "a folder that exists, or a file that ends in .xlsx, .html, .json or .pdf"


def document(
    from_: Annotated[str, typer.Option("--from", help="First policy day, YYYY-MM-DD.")],
    to: Annotated[str, typer.Option("--to", help="Policy day after the last, YYYY-MM-DD (exclusive).")],
    output: Annotated[
        Path, typer.Option("--output", help="A folder, for all three, or one file: .xlsx, .html or .json.")
    ],
    profile: Annotated[
        str, typer.Option("--profile", help="Id of a profile, or the path of a profile's YAML file.")
    ] = "cn-wenzhou-2022-137",
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Knowledge time (RFC 3339): as known then. Default: everything committed by now."),
    ] = None,
    every_interval: Annotated[
        bool, typer.Option("--every-interval", help="Also each interval of connectors that pass, not only their sums.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also the page as PDF; needs the extra `pdf`.")] = False,
) -> None:
    """The report as a workbook, as a page to print in Chinese, and as JSON: figures, charts, intervals, digests.

    Every figure in it can be added up again from its own sheet of intervals.

    Example: chargewatch uptime document --from 2023-06-01 --to 2023-07-01 --output june.xlsx
    """
    from chargewatch import database, paper
    from uptime import profile as profiles
    from uptime import settings
    from uptime.document import content, printed, workbook
    from uptime.document_report import compute

    first_day, last_day = period(from_, to)
    regime = profiles.load(profile)
    files = _files(output, f"availability-{first_day}-{last_day}-{regime.id}", pdf=pdf)
    with database.connect() as connection, progress("connectors") as advance:
        report = compute(
            connection,
            first_day=first_day,
            last_day=last_day,
            profile=regime,
            settings=settings.load(),
            as_of=moment("--as-of", as_of, regime.zone) if as_of else database.watermark(connection),
            every_interval=every_interval,
            advance=advance,
        )
    body = content.encoded(report)
    for ending, path in files.items():
        if ending == ".xlsx":
            written = workbook.xlsx(report, content.sha256(body))
        elif ending == ".json":
            written = body
        else:
            page = printed.html(report, content.sha256(body))
            written = paper.pdf(page) if ending == ".pdf" else page.encode()
        try:
            path.write_bytes(written)
        except OSError as error:
            raise Refusal(f"{path} cannot be written: {error.strerror}", _NAMES) from None
        say(f"written: {path}")


def _files(output: Path, name: str, *, pdf: bool) -> dict[str, Path]:
    """The files to write, by their endings."""
    if output.is_dir():
        endings = (*_ENDINGS, ".pdf") if pdf else _ENDINGS
        return {ending: output / f"{name}{ending}" for ending in endings}
    if output.suffix not in (*_ENDINGS, ".pdf") or not output.parent.is_dir():
        raise Refusal(f"--output is {str(output)!r}", _NAMES)
    return {output.suffix: output}
