"""PostgreSQL's binary COPY, column by column.

A row of COPY is the number of its columns and, for each, a length and so many bytes (PostgreSQL's documentation, COPY,
"Binary Format"). The items of a message share most of their columns, so columns are encoded first, what is shared once,
and then put together: half of what encoding row by row costs (benchmarks/README.md).
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache, partial
from itertools import chain, repeat
from operator import is_
from typing import Any

import msgspec
import numpy as np
from psycopg.adapt import PyFormat, Transformer

from collector.values import number

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

_PG_EPOCH_US = 946_684_800_000_000
"""2000-01-01T00:00Z, where PostgreSQL's time begins, in µs since 1970."""

_INT4_OID = 23
_length = struct.Struct(">i").pack
_int2 = struct.Struct(">ih").pack
_int4 = struct.Struct(">ii").pack
_int8 = struct.Struct(">iq").pack
_array = struct.Struct(">iiiii").pack
_decimal = Transformer().get_dumper(Decimal(), PyFormat.BINARY)


_groups = [struct.Struct(f">ihhHH{count}h").pack for count in range(4)]


def _sized(encoded: bytes) -> bytes:
    return _length(len(encoded)) + encoded


@lru_cache(8192)
def _text(value: str) -> bytes:
    return _sized(value.encode())


@lru_cache(8192)
def _numeric(value: Decimal) -> bytes:
    """As PostgreSQL keeps a number without trailing zeros: groups of four digits. psycopg encodes what is not small."""
    whole, _, decimals = str(value).partition(".")
    if not (whole + decimals).isdigit() or len(whole) > 8 or len(decimals) > 4:
        return _sized(bytes(_decimal.dump(value) or b""))
    first, middle = divmod(int(whole), 10_000)
    last = int(decimals.ljust(4, "0")) if decimals else 0
    groups = (first, middle, last) if first else (middle, last) if middle else (last,) if last else ()
    weight = 1 if first else -1 if groups and not middle else 0
    while groups and not groups[-1]:
        groups = groups[:-1]
    return _groups[len(groups)](8 + 2 * len(groups), len(groups), weight, 0, len(decimals), *groups)


def _ints(values: Sequence[int]) -> bytes:
    return _sized(_array(1, 0, _INT4_OID, len(values), 1) + b"".join(_int4(4, value) for value in values))


_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "int2": partial(_int2, 2),
    "int4": partial(_int4, 4),
    "int8": partial(_int8, 8),
    "timestamptz": lambda us: _int8(8, us - _PG_EPOCH_US),
    "bool": lambda value: b"\0\0\0\1\1" if value else b"\0\0\0\1\0",
    "text": _text,
    "bytea": _sized,
    "numeric": _numeric,
    "int4[]": _ints,
    "jsonb": lambda value: _sized(b"\1" + msgspec.json.encode(value)),
}


_FIXED = {"int2": ">i2", "int4": ">i4", "int8": ">i8", "timestamptz": ">i8"}
"""Types of one width, in numpy's words."""


def cell(type_: str, value: Any) -> bytes:
    """One value with its length; None is NULL. Times are µs since 1970."""
    return NULL if value is None else _ENCODERS[type_](value)


def rows(types: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[bytes]:
    """What the columns make of each row, one piece a row; to be put into a `table`."""
    return list(map(b"".join, zip(*_cells(types, columns), strict=False)))


def table(types: Sequence[str], columns: Sequence[Sequence[Any]], *encoded: Iterable[bytes], width: int) -> bytes:
    """The rows of a COPY, less HEADER and TRAILER: these columns, then what is `encoded` already; `width` in all.

    Each of `encoded` gives one piece a row, of one cell or several.
    """
    # A column that is the same in all rows goes on without an end; not every one can be.
    pieces = zip(repeat(struct.pack(">h", width)), *_cells(types, columns), *encoded, strict=False)
    return b"".join(chain.from_iterable(pieces))


def _cells(types: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[Iterable[bytes]]:
    cells: list[Iterable[bytes]] = []
    run: list[tuple[str, Sequence[Any]]] = []
    for type_, values in zip(types, columns, strict=True):
        if type_ in _FIXED and not nulls(values):
            run.append((type_, values))
            continue
        if run:
            cells.append(_together(run))
            run = []
        cells.append(_column(type_, values))
    if run:
        cells.append(_together(run))
    return cells


def nulls(values: Sequence[Any]) -> int:
    """How many of them are None; by identity, as a decimal takes long to find that it does not equal None."""
    return sum(map(is_, values, repeat(None)))


_THREE_GROUPS = np.dtype(
    [("length", ">i4"), ("groups", ">i2"), ("weight", ">i2"), ("sign", ">i2"), ("scale", ">i2"), ("high", ">i2"),
     ("low", ">i2"), ("last", ">i2")]
)  # fmt: skip


def _floats(values: Sequence[float]) -> list[bytes]:
    """Numerics of floats, each the decimal that is its shortest text. PostgreSQL takes groups of zeros off itself."""
    numbers = np.array(values, dtype=np.float64)
    parts = np.rint(numbers * 10_000)
    size = np.minimum(np.abs(parts), _EIGHT_DIGITS).astype(np.int64)
    whole, last = np.divmod(size, 10_000)
    cells = np.empty(len(values), dtype=_THREE_GROUPS)
    cells["length"], cells["groups"], cells["weight"] = 14, 3, 1
    cells["sign"] = (parts < 0) * 0x4000
    cells["scale"] = _SCALES[last]
    cells["high"], cells["low"] = np.divmod(whole, 10_000)
    cells["last"] = last
    encoded, width = cells.tobytes(), cells.itemsize
    found = [encoded[start : start + width] for start in range(0, len(encoded), width)]
    # Not of four decimals and eight digits before them: one by one.
    for i in np.flatnonzero((parts / 10_000 != numbers) | (size >= _EIGHT_DIGITS)).tolist():
        found[i] = _numeric(number(Decimal(repr(values[i]))))
    return found


_EIGHT_DIGITS = 10**12
"""In ten-thousandths."""
_SCALES = np.array([next(n for n in range(5) if last % 10 ** (4 - n) == 0) for last in range(10_000)], dtype=np.int16)
"""How many decimals so many ten-thousandths have."""


def _column(type_: str, values: Sequence[Any]) -> Iterable[bytes]:
    if type_ == "numeric" and float in (types := set(map(type, values))):
        if len(types) == 1:
            return _floats(values)
        found = iter(_floats([value for value in values if type(value) is float]))
        return [next(found) if type(value) is float else NULL if value is None else _numeric(value) for value in values]
    encode, missing = _ENCODERS[type_], nulls(values)
    if not missing:
        return map(encode, values)
    if missing == len(values):
        return repeat(NULL, len(values))
    return [NULL if value is None else encode(value) for value in values]


def _together(run: Sequence[tuple[str, Sequence[Any]]]) -> list[bytes]:
    """Neighbouring columns of fixed widths, as one piece a row."""
    kinds = [kind for i, (type_, _) in enumerate(run) for kind in ((f"length{i}", ">i4"), (f"value{i}", _FIXED[type_]))]
    pieces = np.empty(len(run[0][1]), dtype=kinds)
    for i, (type_, values) in enumerate(run):
        pieces[f"length{i}"] = pieces.dtype[f"value{i}"].itemsize
        numbers = np.array(values, dtype=np.int64)
        pieces[f"value{i}"] = numbers - _PG_EPOCH_US if type_ == "timestamptz" else numbers
    encoded, size = pieces.tobytes(), pieces.itemsize
    return [encoded[start : start + size] for start in range(0, len(encoded), size)]
