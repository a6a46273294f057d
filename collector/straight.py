"""Facts of a batch as COPY, for the usual case that nothing in it is there already."""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Any

from collector import copying
from collector.contract import Decoded
from collector.facts import Series
from collector.items import MOST_ITEMS

_SLICE = 1000
_EVIDENCE = ("timestamptz", "timestamptz", "int8", "text", "int8")
_PLACES = [copying.cell("int4", place) + copying.cell("int2", 0) for place in range(MOST_ITEMS)]
"""The last two columns of every fact: its place in the message, and that it is the first copy."""


def evidence(
    decoded: Sequence[Decoded], receipts: Sequence[int], recorded: Sequence[int], ids: Sequence[int]
) -> list[bytes]:
    """The columns that all facts of a message share, encoded, for each message."""
    boots, seqs = [one.boot_id for one in decoded], [one.seq for one in decoded]
    return copying.rows(_EVIDENCE, (receipts, recorded, ids, boots, seqs))


def facts(series: Series, messages: Sequence[Decoded], evidences: Sequence[bytes]) -> Iterator[bytes]:
    """The rows of a COPY of the messages' items into the series' table, each as a first copy.

    In slices: the database inserts one while the next is encoded.
    """
    start = items = 0
    for end, one in enumerate(messages, 1):
        items += len(one.columns or ())
        if items >= _SLICE or end == len(messages):
            yield _rows(series, messages[start:end], evidences[start:end])
            start, items = end, 0


def _rows(series: Series, messages: Sequence[Decoded], evidences: Sequence[bytes]) -> bytes:
    parts = [one.columns for one in messages if one.columns is not None]
    counts = list(map(len, parts))
    names = parts[0].item.__struct_fields__
    values: dict[str, Sequence[Any]] = dict(
        zip(names, (list(chain.from_iterable(some)) for some in zip(*(part.fields for part in parts), strict=True)),
            strict=True)
    )  # fmt: skip
    own = (*series.identity, *series.content)
    if own[0][0] == "operator_id":
        values["operator_id"] = list(chain.from_iterable(map(repeat, (one.operator_id for one in messages), counts)))
    return copying.table(
        [type_ for _, type_ in own],
        [values[name] for name, _ in own],
        chain.from_iterable(map(repeat, evidences, counts)),
        map(_PLACES.__getitem__, values["place"]),
        width=len(series.columns),
    )
