"""Capture files into the store: the same decoding and writing as for the broker's messages."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psycopg

from collector import capture, contract
from collector.store import Fates, Store, directory

_BATCH_MESSAGES = 2000
_MOST_TOLD = 20


class Ingest:
    """One run over capture files; `tell` is given a sentence for each of the first broken lines."""

    def __init__(self, connection: psycopg.Connection, batch_items: int, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.connection, self.batch_items = connection, batch_items
        self.store = Store(connection)
        self.directory = directory(connection)
        self.fates = Fates()
        self.broken = 0
        self.cut: list[str] = []
        self.messages = 0
        self.seconds = 0.0

    def files(self, paths: Sequence[Path], advance: Callable[[int], None]) -> None:
        """Ingest the files in their order, batch by batch; `advance` is told the number of bytes read of them."""
        started = time.monotonic()
        # While one batch is committed the next one is read.
        with ThreadPoolExecutor(1, "store") as one_at_a_time:
            writing: Future[Fates] | None = None
            for batch in self._batches(paths, advance):
                if writing is not None:
                    self.fates.add(writing.result())
                writing = one_at_a_time.submit(self.store.write, batch)
                self.messages += len(batch)
            if writing is not None:
                self.fates.add(writing.result())
        self.seconds = time.monotonic() - started

    def _batches(self, paths: Sequence[Path], advance: Callable[[int], None]) -> Iterator[list[contract.Decoded]]:
        batch: list[contract.Decoded] = []
        items = 0
        for path in paths:
            for captured in capture.read(path, advance):
                if isinstance(captured, capture.Cut):
                    self.cut.append(f"{path} ends in the middle, after line {captured.line}: {captured.why}")
                    continue
                decoded = self._decode(path, captured)
                batch.append(decoded)
                items += decoded.offered
                if items >= self.batch_items or len(batch) >= _BATCH_MESSAGES:
                    yield batch
                    batch, items = [], 0
        if batch:
            yield batch

    def _decode(self, path: Path, captured: capture.Captured) -> contract.Decoded:
        if captured.why:
            self.broken += 1
            if self.broken <= _MOST_TOLD:
                self.tell(f"{path}, line {captured.line}, is quarantined as it cannot be read: {captured.why}.")
            return contract.broken(captured.payload, f"line {captured.line}: {captured.why}")
        received_at = None if self.store.rehearsal else captured.received_at
        return contract.decode(captured.topic, captured.payload, received_at, self.directory)
