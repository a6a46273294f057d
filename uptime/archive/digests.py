"""The content digest: one number for a set of rows that does not depend on files, their order or their number.

Of each row the columns' texts are joined by U+001F, an empty cell being U+0018, and hashed by SHA-256; the hash is read
as four numbers of 64 bits, and each of the four is summed over all rows modulo 2^64. So digests of parts add up to the
digest of the whole. Texts: instants in µs since 1970, decimals times 10^6 as whole numbers, `true` and `false`, lists
joined by spaces.

It shows that nothing is missing or changed by accident. Against forgery stand the SHA-256 of every file.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from uptime.archive.layout import Kind, Series

NOTHING = "0" * 64
_SEPARATOR, _EMPTY = "\x1f", "\x18"
_LIMBS, _HEX = 4, 16
_AT_ONCE = 65_536


def of_rows(table: pa.Table, series: Series) -> str:
    """The digest of the rows of a series, as 64 hexadecimal digits."""
    total = np.zeros(_LIMBS, dtype=np.uint64)
    for start in range(0, len(table), _AT_ONCE):
        rows = table.slice(start, _AT_ONCE)
        texts = [_texts(rows.column(name).combine_chunks(), kind) for name, kind in series.columns.items()]
        joined = pc.binary_join_element_wise(*texts, _SEPARATOR, null_handling="replace", null_replacement=_EMPTY).cast(
            pa.binary()
        )
        hashes = b"".join([hashlib.sha256(row).digest() for row in joined.to_pylist()])
        total += np.frombuffer(hashes, dtype=">u8").reshape(-1, _LIMBS).sum(axis=0, dtype=np.uint64)
    return "".join(f"{int(limb):016x}" for limb in total)


def added(digests: Iterable[str]) -> str:
    """The digest of all rows of parts, out of the parts' digests."""
    total = [0] * _LIMBS
    for digest in digests:
        for limb in range(_LIMBS):
            total[limb] += int(digest[limb * _HEX : (limb + 1) * _HEX], 16)
    return of_sums(total)


def of_sums(sums: Iterable[int]) -> str:
    """The digest out of four sums that were not yet taken modulo 2^64, of signed or unsigned numbers."""
    return "".join(f"{limb % 2**64:016x}" for limb in sums)


def sql(series: Series, column: dict[str, str]) -> str:
    """A row's hash in PostgreSQL, hexadecimal; `column` gives its expression of each column of the series."""
    texts = ", ".join(f"coalesce({_sql_text(column[name], kind)}, chr(24))" for name, kind in series.columns.items())
    return f"encode(sha256(convert_to(concat_ws(chr(31), {texts}), 'UTF8')), 'hex')"


def sql_sums(hashed: str) -> str:
    """The four sums over rows in PostgreSQL, of the column that holds a row's hash."""
    return ", ".join(
        f"sum(('x' || substr({hashed}, {1 + _HEX * limb}, {_HEX}))::bit(64)::bigint)" for limb in range(_LIMBS)
    )


def _texts(cells: pa.Array, kind: Kind) -> pa.Array:
    match kind:
        case Kind.INSTANT:
            return cells.cast(pa.int64()).cast(pa.string())
        case Kind.NUMBER:
            whole = pa.Array.from_buffers(
                pa.decimal128(kind.value.precision, 0), len(cells), cells.buffers(), offset=cells.offset
            )
            return whole.cast(pa.string())
        case Kind.TEXTS:
            return pc.binary_join(cells, " ")
        case _:
            return cells.cast(pa.string())


def _sql_text(expression: str, kind: Kind) -> str:
    match kind:
        case Kind.INSTANT:
            # In floats, which is much faster: exact until 2106, when seconds take more than 32 bits.
            return f"(date_part('epoch', {expression}) * 1000000)::bigint::text"
        case Kind.NUMBER:
            return f"({expression} * 1000000)::bigint::text"
        case Kind.TEXTS:
            return f"array_to_string({expression}, ' ')"
        case _:
            return f"({expression})::text"
