"""The ledger as a file that anyone can check: NDJSON, each line canonical JSON.

The first line says how many records and heads follow, then come the records by seq, then the heads by day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ledger.canonical import dumps, loads
from ledger.chain import Head, Record, header
from ledger.verify import Problem, verify

SCHEMA = "chargewatch.ledger/1"


@dataclass(slots=True)
class Export:
    """What was read of an export, and what was wrong with its lines."""

    first: dict[str, Any] = field(default_factory=lambda: {"records": 0, "heads": 0})
    records: list[Record] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def lines(records: Iterable[Record], heads: Sequence[Head], count: int) -> Iterator[bytes]:
    """The lines of an export of `count` records, each with its line feed."""
    yield dumps({"schema": SCHEMA, "records": count, "heads": len(heads)}) + b"\n"
    for record in records:
        yield dumps(record_line(record)) + b"\n"
    for head in heads:
        yield dumps(_head_line(head)) + b"\n"


def read(data: bytes) -> Export:
    """Records and heads of an export's bytes; each line that is not as it was written is a problem."""
    found = Export()
    if not data.endswith(b"\n"):
        found.problems.append(Problem("the last line", "no line feed at its end", "a whole line"))
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), start=1):
        try:
            value = loads(line)
            if number == 1:
                found.first = _first(value)
                again = found.first
            elif "seq" in value:
                found.records.append(msgspec.convert(value, Record))
                again = record_line(found.records[-1])
            else:
                found.heads.append(msgspec.convert(value, Head))
                again = _head_line(found.heads[-1])
            if dumps(again) != line:
                raise ValueError("other bytes than the ledger writes")
        except (ValueError, TypeError, OverflowError, RecursionError, msgspec.ValidationError) as error:
            where = f"line {number}" + (f", record {number - 1}" if 1 < number <= found.first["records"] + 1 else "")
            found.problems.append(Problem(where, f"it cannot be read ({error})", "a line as the ledger writes it"))
    for name, seen in (("records", len(found.records)), ("heads", len(found.heads))):
        if seen != found.first[name]:
            expected = f"{found.first[name]}, as its first line says"
            found.problems.append(Problem("the export", f"{seen} {name}", expected))
    return found


def verify_export(data: bytes, kept: Mapping[int, str] | None = None) -> tuple[Export, list[Problem]]:
    """What an export holds and everything that is wrong with it, from its bytes alone."""
    found = read(data)
    return found, found.problems + verify(found.records, found.heads, kept)


def record_line(record: Record) -> dict[str, object]:
    """One record as its line in an export: its header, its hash and its two texts."""
    return {**header(record), "hash": record.hash, "body": record.body, "difference": record.difference}


def _head_line(head: Head) -> dict[str, object]:
    return {name: getattr(head, name) for name in Head.__slots__}


def _first(value: dict[str, Any]) -> dict[str, Any]:
    if set(value) != {"schema", "records", "heads"} or value["schema"] != SCHEMA:
        raise ValueError(f"not {SCHEMA}")
    if not all(isinstance(value[name], int) for name in ("records", "heads")):
        raise ValueError("counts that are no numbers")
    return value
