"""The archive on the command line, and rebuilding from it."""

from datetime import date
from typing import Annotated

import typer

from chargewatch.errors import CheckFailed, Refusal
from chargewatch.instants import iso
from chargewatch.output import Format, emit, progress
from uptime.moments import day, moment

app = typer.Typer(no_args_is_help=True)

_FORMAT = typer.Option("--format", help="How the rows are printed.")


@app.command()
def write(
    to: Annotated[str, typer.Option("--to", help="Folder, or URL of an object store (s3://BUCKET/…).")],
    from_: Annotated[str | None, typer.Option("--from", help="First UTC day. Default: the first with a fact.")] = None,
    to_day: Annotated[
        str | None, typer.Option("--to-day", help="UTC day after the last (exclusive). Default: every ended day.")
    ] = None,
    buckets: Annotated[
        int | None, typer.Option(help="Of a new archive: into how many parts its connectors fall, for good.", min=1)
    ] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Write what the store has recorded since the last time into an archive; nothing in it is ever edited.

    Example: chargewatch archive write --to archive
    """
    from chargewatch import database
    from uptime.archive import writing

    first, last = _day("--from", from_), _day("--to-day", to_day)
    with (
        database.connect() as connection,
        database.job_lock(connection, "archive") as mine,
        progress("days") as advance,
    ):
        if not mine:
            raise Refusal("another process is writing an archive of this store", "one at a time")
        archive = writing.write(connection, to, first=first, last=last, buckets=buckets, advance=advance)
    days = sorted(archive.head.days)
    row = {
        "head": archive.head.number, "sha256": archive.sha256, "as_of": iso(archive.head.known.as_of),
        "from": days[0].isoformat(), "to": days[-1].isoformat(), "days": len(days), "buckets": archive.head.buckets,
        "rehearsal": archive.head.rehearsal,
    }  # fmt: skip
    emit([row], format, title=f"Archived to {to}")


@app.command()
def verify(
    archive: Annotated[str, typer.Argument(help="Folder or URL of the archive.")],
    store: Annotated[
        bool, typer.Option("--store", help="Also that it holds all that the store holds: counts and content.")
    ] = False,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Whether an archive is what was written: from itself alone, and with --store against the database.

    Example: chargewatch archive verify archive --store
    """
    from chargewatch import database
    from uptime.archive import verifying
    from uptime.archive.opening import Archive
    from uptime.archive.storage import Storage

    opened = Archive.at(Storage.at(archive), None)
    with progress("days") as advance:
        seen = verifying.verify(opened, advance)
    problems = list(seen.problems)
    if store and not problems:
        with database.connect() as connection:
            problems += verifying.complete(opened, connection)
    if problems:
        emit([{"where": one.where, "seen": one.seen} for one in problems], format)
        raise CheckFailed(f"{archive}: {len(problems)} problems")
    row = {
        "head": opened.head.number, "sha256": opened.sha256, "as_of": iso(opened.head.known.as_of),
        "days": len(opened.head.days), "files": seen.files, "rows": seen.rows, "bytes": seen.bytes,
        "complete": "as of then" if store else "not asked",
    }  # fmt: skip
    emit([row], format, title=f"{archive} is what was written")


def rebuild(
    archive: Annotated[str, typer.Option("--archive", help="Folder or URL of the archive.")],
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="Address of a Dask scheduler.")] = None,
    workers: Annotated[int | None, typer.Option(help="Instead: so many processes on this machine.", min=1)] = None,
    into: Annotated[
        str | None, typer.Option("--into", help="Folder or URL for the intervals. Default: in the archive, rebuilt/.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Policy day after the last. Default: all that is archived.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Knowledge time of one of the archive's heads. Default: the newest.")
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", help="Profile whose days and units hold: its id, or its file.")
    ] = "cn-wenzhou-2022-137",
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Service intervals of all connectors out of an archive, on a Dask cluster; the bytes do not depend on it.

    Example: chargewatch uptime rebuild --archive archive --workers 2
    """
    from uptime import profile as profiles
    from uptime import settings
    from uptime.archive import rebuilding
    from uptime.archive.opening import Archive
    from uptime.archive.storage import Storage

    regime = profiles.load(profile)
    storage = Storage.at(archive)
    opened = Archive.at(storage, moment("--as-of", as_of, regime.zone) if as_of else None)
    target = into or f"{archive.rstrip('/')}/rebuilt/{opened.head.number:06d}-{regime.id}"
    with rebuilding.cluster(scheduler, workers) as client, progress("buckets") as advance:
        rebuilt, sha256 = rebuilding.rebuild(
            opened, Storage.at(target), client, profile=regime, settings=settings.load(),
            last_day=_day("--until", until), advance=advance,
        )  # fmt: skip
    row = {
        "sha256": sha256, "archive": rebuilt.archive, "as_of": rebuilt.as_of, "until": rebuilt.until.isoformat(),
        "profile": rebuilt.profile, "settings": rebuilt.settings, "files": len(rebuilt.files),
        "intervals": sum(one.rows for one in rebuilt.files if one.path.startswith("intervals/")), "into": target,
    }  # fmt: skip
    emit([row], format, title="Rebuilt")


def _day(option: str, text: str | None) -> date | None:
    return None if text is None else day(option, text)
