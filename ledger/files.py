"""An export as a file: its lines, whether compressed or not."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from chargewatch.errors import CheckFailed, Refusal


def lines_of(file: Path) -> Iterator[bytes]:
    """The lines of an export, one at a time, whether compressed or not."""
    try:
        with file.open("rb") as raw:
            compressed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            yield from gzip.GzipFile(fileobj=raw) if compressed else raw
    except OSError as error:
        reason = error.strerror or str(error)
    except (EOFError, zlib.error) as error:
        reason = str(error)
    else:
        return
    raise (
        CheckFailed(f"{file} cannot be read: {reason}.")
        if file.is_file()
        else Refusal(f"{file} cannot be read: {reason}", "an export of `chargewatch ledger export`")
    )


@contextmanager
def written(file: Path) -> Iterator[BinaryIO]:
    """A file to write an export into, compressed where its name ends in .gz; the same content gives the same bytes."""
    try:
        with file.open("wb") as raw:
            if file.suffix == ".gz":  # no name and no time in it
                with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as out:
                    yield cast(BinaryIO, out)
            else:
                yield raw
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {error.strerror}") from None
