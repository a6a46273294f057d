"""Commands of the doors: ingest, collect, record, and the quarantine."""

from pathlib import Path
from typing import Annotated

import typer

from chargewatch.errors import CheckFailed, Refusal
from chargewatch.output import Format, emit, progress, say

quarantine_app = typer.Typer(no_args_is_help=True)


def ingest(
    files: Annotated[list[Path], typer.Argument(help="Capture files: NDJSON, also gzipped (.gz).")],
    format: Annotated[Format, typer.Option(help="How the numbers are printed.")] = Format.table,
) -> None:
    """Read capture files into the store; prints what became of their items, by kind.

    A line that cannot be read is one quarantined item, and said with its number. A .gz file that ends in the middle is
    read as far as it goes, and the exit status is 1.

    Example: chargewatch ingest june.ndjson.gz
    """
    from chargewatch import database, settings
    from collector import capture
    from collector.ingest import Ingest

    for path in files:
        capture.opened(path).close()
    with database.connect() as connection:
        run = Ingest(connection, settings.load().batch_items, say)
        with progress("ingesting", sum(path.stat().st_size for path in files), "bytes") as advance:
            run.files(files, advance)
    if run.broken:
        say(f"Lines that cannot be read, each one quarantined item: {run.broken}.")
    columns = ("kind", "offered", "stored", "duplicate", "quarantined", "conflicts")
    rows = [
        {"kind": kind, **{name: getattr(counts, name) for name in columns[1:]}}
        for kind, counts in run.fates.by_kind().items()
    ]
    emit(rows, format, columns, "What became of the items", right=columns[1:])
    for reason, count in sorted(run.fates.reasons.items()):
        say(f"quarantined as {reason}: {count}")
    offered = sum(counts.offered for counts in run.fates.counts.values())
    per_s = offered / run.seconds if run.seconds else 0
    say(f"{run.messages} messages with {offered} items in {run.seconds:.1f} s: {per_s:.0f} items/s.")
    if run.cut:
        raise CheckFailed("; ".join(run.cut) + ". What stood before is in the store")


def collect() -> None:
    """Take the broker's messages into the store, until stopped."""
    raise Refusal("collect is not built yet")


def record(file: Path) -> None:
    """The broker's messages into a capture file."""
    raise Refusal("record is not built yet")
