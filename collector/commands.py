"""Commands of the doors: ingest, collect, record."""

import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from chargewatch.errors import CheckFailed
from chargewatch.output import Format, emit, progress, say

_SELDOM = (200_000, 50, 50)
_SOON_S = 0.001


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
    # What a batch holds is let go by counting references; looking for cycles in it, too, costs a third more.
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    # The thread that stores mostly waits for the database; when that answers, it is not to wait for the decoding one.
    sys.setswitchinterval(_SOON_S)
    with stopped_by(collector.stop):
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
    with stopped_by(stopping.set):
        written = recording.record(settings.load(), file, seconds=seconds, count=count, stopping=stopping, tell=say)
    say(f"{written} messages are in {file}.")


@contextmanager
def stopped_by(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT ask for a clean end."""
    before = {one: signal.signal(one, lambda *_: stop()) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
