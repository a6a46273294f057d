"""The ledger as a file that anyone can check: NDJSON, each line canonical JSON.

The first line says how many records and heads follow, then come the records by seq, then the heads by day.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ledger.canonical import dumps, loads
from ledger.chain import Head, Record, header
from ledger.verify import Problem, verify

SCHEMA = "chargewatch.ledger/1"
_UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError, msgspec.ValidationError)


def lines(records: Iterable[Record], heads: Sequence[Head], count: int) -> Iterator[bytes]:
    """The lines of an export of `count` records, each with its line feed."""
    yield dumps({"schema": SCHEMA, "records": count, "heads": len(heads)}) + b"\n"
    for record in records:
        yield dumps(record_line(record)) + b"\n"
    for head in heads:
        yield dumps(_head_line(head)) + b"\n"


def records(open_lines: Callable[[], Iterable[bytes]]) -> Iterator[Record]:
    """The records of an export that has been verified."""
    for line in open_lines():
        value = loads(line)
        if "seq" in value:
            yield msgspec.convert(value, Record)


class Reading:
    """An export read line by line, without more of it in memory than one line and every day's head.

    `open_lines` gives its lines from the first on, each with its line feed, as often as it is asked.
    """

    def __init__(self, open_lines: Callable[[], Iterable[bytes]]) -> None:
        self._open_lines = open_lines
        self.count = 0
        """Records read so far."""
        self.heads: list[Head] = []
        self.problems: list[Problem] = []

    def verify(self, kept: Mapping[int, str] | None = None) -> list[Problem]:
        """Everything that is wrong with it, from its bytes alone: first with its lines, then with what they say."""
        # Heads come last in the file, and say at which records the tree is looked at.
        self.heads = [head for line in self._open_lines() if (head := _head(line)) is not None]
        found = verify(self._records(), self.heads, kept)
        return self.problems + found

    def _records(self) -> Iterator[Record]:
        promised: dict[str, Any] = {"records": 0, "heads": 0}
        heads, line = 0, b""
        for number, line in enumerate(self._open_lines(), start=1):
            record: Record | None = None
            try:
                value = loads(line.removesuffix(b"\n"))
                if number == 1:
                    promised = again = _first(value)
                elif "seq" in value:
                    record = msgspec.convert(value, Record)
                    again = record_line(record)
                else:
                    again = _head_line(msgspec.convert(value, Head))
                    heads += 1
                if dumps(again) + b"\n" != line:
                    raise ValueError("other bytes than the ledger writes")
                if record is not None and heads:
                    raise ValueError("a record after a head")
            except _UNREADABLE as error:
                where = f"line {number}" + (f", record {number - 1}" if 1 < number <= promised["records"] + 1 else "")
                self._wrong(where, f"it cannot be read ({error})", "a line as the ledger writes it")
            if record is not None:
                self.count += 1
                yield record
        if not line.endswith(b"\n"):
            self._wrong("the last line", "no line feed at its end", "a whole line")
        for name, seen in (("records", self.count), ("heads", heads)):
            if seen != promised[name]:
                self._wrong("the export", f"{seen} {name}", f"{promised[name]}, as its first line says")

    def _wrong(self, where: str, seen: str, expected: str) -> None:
        self.problems.append(Problem(where, seen, expected))


def record_line(record: Record) -> dict[str, object]:
    """One record as its line in an export: its header, its hash and its two texts."""
    return {**header(record), "hash": record.hash, "body": record.body, "difference": record.difference}


def _head_line(head: Head) -> dict[str, object]:
    return {name: getattr(head, name) for name in Head.__slots__}


def _head(line: bytes) -> Head | None:
    if not line.startswith(b'{"day":'):
        return None
    try:
        return msgspec.convert(loads(line), Head)
    except _UNREADABLE:  # said when the lines are read for good
        return None


def _first(value: dict[str, Any]) -> dict[str, Any]:
    if set(value) != {"schema", "records", "heads"} or value["schema"] != SCHEMA:
        raise ValueError(f"not {SCHEMA}")
    if not all(isinstance(value[name], int) for name in ("records", "heads")):
        raise ValueError("counts that are no numbers")
    return value
