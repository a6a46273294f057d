"""Commands of the doors: ingest, collect, record, and the quarantine."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """Take the broker's messages into the store, until stopped (ctrl-C or SIGTERM); acknowledge what is stored.

    Example: chargewatch collect
    """
    from chargewatch import settings
    from collector.service import Collector

    collector = Collector(settings.load(), say)
    with _stopped_by(collector.stop):
        collector.run()
    totals = [
        f"{kind} {counts.stored} stored, {counts.duplicate} duplicate, {counts.quarantined} quarantined"
        for kind, counts in collector.fates.by_kind().items()
    ]
    say(f"Stopped. {'; '.join(totals) or 'No items came'}.")


def record(
    file: Annotated[Path, typer.Argument(help="Where to; .gz is compressed. Appended to if it exists.")],
    seconds: Annotated[float | None, typer.Option(help="Stop after so many seconds.", min=0)] = None,
    count: Annotated[int | None, typer.Option(help="Stop after so many messages.", min=1)] = None,
) -> None:
    """Write the broker's messages into a capture file, until stopped; plates, VINs and telephone numbers are masked.

    Example: chargewatch record june.ndjson.gz --seconds 3600
    """
    from chargewatch import settings
    from collector import recording

    stopping = threading.Event()
    with _stopped_by(stopping.set):
        written = recording.record(settings.load(), file, seconds=seconds, count=count, stopping=stopping, tell=say)
    say(f"{written} messages are in {file}.")


@contextmanager
def _stopped_by(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT ask for a clean end."""
    before = {one: signal.signal(one, lambda *_: stop()) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


_FormatOption = Annotated[Format, typer.Option("--format", help="How the report is printed.")]


@quarantine_app.command("list")
def quarantine_list(
    reason: Annotated[str | None, typer.Option(help="Only this reason code of contract 1.")] = None,
    operator: Annotated[str | None, typer.Option(help="Only this operator_id.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the latest first.", min=1)] = 50,
    format: _FormatOption = Format.table,
) -> None:
    """What was refused at the door and waits there, the latest first.

    Example: chargewatch quarantine list --reason unknown_connector
    """
    from chargewatch import database
    from collector import quarantine
    from collector.contract import REASONS

    if reason is not None and reason not in REASONS:
        raise Refusal(f"--reason is {reason!r}", f"one of {', '.join(REASONS)}")
    with database.connect() as connection:
        rows = quarantine.waiting(connection, reason=reason, operator_id=operator, limit=limit)
    emit(rows, format, quarantine.COLUMNS, "In quarantine", right=("quarantine_id", "place"))


@quarantine_app.command("show")
def quarantine_show(
    quarantine_id: Annotated[int, typer.Argument(help="Number of the item, from `quarantine list`.")],
    format: _FormatOption = Format.table,
) -> None:
    """One refused item with its original bytes, personal values masked.

    Example: chargewatch quarantine show 17
    """
    from chargewatch import database
    from collector import quarantine

    with database.connect() as connection:
        row = quarantine.one(connection, quarantine_id)
    if format is Format.table:
        emit([{"field": name, "value": value} for name, value in row.items()], format)
    else:
        emit([row], format)


@quarantine_app.command("retry")
def quarantine_retry(
    operator: Annotated[str | None, typer.Option(help="Only this operator_id.")] = None,
    format: _FormatOption = Format.table,
) -> None:
    """Try again what was refused as unknown_connector; what is registered by now moves into the store.

    Example: chargewatch quarantine retry
    """
    from chargewatch import database
    from collector import quarantine

    with database.connect() as connection:
        rows = quarantine.retry(connection, operator_id=operator)
    columns = ("kind", "tried", "stored", "duplicate", "conflicts", "still_quarantined")
    emit(rows, format, columns, "Tried again", right=columns[1:])
