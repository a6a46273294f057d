"""The capture archive: every message on disk before it is acknowledged, one file a day, personal values masked."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from collector import capture
from collector.personal import mask


class Archive:
    """A folder of capture files named by the UTC day of receipt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._day = ""
        self._file: BinaryIO | None = None

    def write(self, messages: Iterable[tuple[str, bytes, datetime]]) -> None:
        """Topic, payload and receipt of each message, on disk when this returns; OSError if that fails."""
        touched: BinaryIO | None = None
        for topic, payload, received_at in messages:
            file = self._of(received_at.astimezone(UTC).strftime("%Y-%m-%d"))
            file.write(capture.line(topic, mask(payload), received_at))
            touched = file
        if touched is not None:
            _onto_disk(touched)

    def close(self) -> None:
        """Close the file of the day."""
        if self._file is not None:
            self._file.close()
            self._file, self._day = None, ""

    def _of(self, day: str) -> BinaryIO:
        if self._file is None or day != self._day:
            if self._file is not None:
                _onto_disk(self._file)
                self.close()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file, self._day = (self.folder / f"{day}.ndjson").open("ab+"), day
            _end_the_last_line(self._file)
        return self._file


def _onto_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _end_the_last_line(file: BinaryIO) -> None:
    """A process that was killed may have left half a line: the next one must not be glued to it."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
