"""Facts of a batch as COPY, for the usual case that nothing in it is there already."""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

import msgspec

from collector import copying
from collector.contract import Decoded
from collector.facts import Series
from collector.items import MOST_ITEMS, Columns

_PLACES = [copying.cell("int4", place) + copying.cell("int2", 0) for place in range(MOST_ITEMS)]
"""The last two columns of every fact: its place in the message, and that it is the first copy."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """The accepted items of one message, and the columns that they share."""

    operator_id: str | None
    columns: Columns
    evidence: bytes


def evidence(received_us: int, recorded_us: int, message_id: int, message: Decoded) -> bytes:
    """The columns that all facts of a message share, encoded."""
    when = copying.cell("timestamptz", received_us) + copying.cell("timestamptz", recorded_us)
    sender = copying.cell("text", message.boot_id) + copying.cell("int8", message.seq)
    return when + copying.cell("int8", message_id) + sender


def facts(series: Series, parts: Sequence[Part]) -> bytes:
    """All of a COPY of the parts' items into the series' table, each as a first copy."""
    counts = [len(part.columns) for part in parts]
    fields = parts[0].columns.item.__struct_fields__
    values: dict[str, Sequence[Any]] = {
        name: list(chain.from_iterable(part.columns.fields[i] for part in parts)) for i, name in enumerate(fields)
    }
    values["operator_id"] = list(chain.from_iterable(map(repeat, (part.operator_id for part in parts), counts)))
    own = (*series.identity, *series.content)
    return copying.table(
        [type_ for _, type_ in own],
        [values[name] for name, _ in own],
        chain.from_iterable(map(repeat, (part.evidence for part in parts), counts)),
        map(_PLACES.__getitem__, values["place"]),
        width=len(series.columns),
    )
