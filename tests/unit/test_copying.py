"""Binary COPY as we write it is what psycopg writes."""

from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.json import Jsonb
from psycopg.types.numeric import Int2, Int4, Int8

from chargewatch.instants import to_us
from collector import copying

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
BODIES = st.dictionaries(st.text(), st.text() | st.none())
# By value, without trailing zeros, as the contract reads them; small ones are encoded apart.
ROUND = st.integers(0, 10**6).map(lambda one: Decimal(one) * 100)
NUMBERS = (st.decimals(-(10**15), 10**15, places=20) | st.decimals(-(10**9), 10**9, places=4) | ROUND).map(
    lambda one: one.normalize(Context(prec=100))
)
VALUES: dict[str, st.SearchStrategy[tuple[Any, Any]]] = {
    "int2": st.integers(-(2**15), 2**15 - 1).map(lambda one: (one, Int2(one))),
    "int4": st.integers(-(2**31), 2**31 - 1).map(lambda one: (one, Int4(one))),
    "int8": st.integers(-(2**63), 2**63 - 1).map(lambda one: (one, Int8(one))),
    "timestamptz": MOMENTS.map(lambda one: (to_us(one), one)),
    "bool": st.booleans().map(lambda one: (one, one)),
    "text": st.text().filter(lambda one: "\0" not in one).map(lambda one: (one, one)),
    "bytea": st.binary().map(lambda one: (one, one)),
    "numeric": NUMBERS.map(lambda one: (one, one)),
    "int4[]": st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1).map(lambda one: (one, [Int4(x) for x in one])),
    "jsonb": BODIES.map(lambda one: (one, Jsonb(one, msgspec.json.encode))),
}


def by_psycopg(value: Any) -> bytes:
    if value is None:
        return b"\xff\xff\xff\xff"
    encoded = bytes(Transformer().get_dumper(value, PyFormat.BINARY).dump(value) or b"")
    return len(encoded).to_bytes(4, "big") + encoded


@pytest.mark.parametrize("type_", VALUES)
def test_every_type_is_encoded_as_psycopg_does(type_: str) -> None:
    @given(VALUES[type_])
    def holds(pair: tuple[Any, Any]) -> None:
        ours, theirs = pair
        assert copying.cell(type_, ours) == by_psycopg(theirs)

    holds()


@settings(max_examples=50, phases=[Phase.explicit, Phase.generate])
@given(st.integers(1, 5).flatmap(lambda n: st.tuples(*(
    st.lists(VALUES[type_] | st.just((None, None)), min_size=n, max_size=n) for type_ in VALUES
))))  # fmt: skip
def test_a_table_is_its_rows(columns: tuple[list[tuple[Any, Any]], ...]) -> None:
    shared = copying.cell("int4", 7) + copying.cell("int2", 0)
    width = len(columns) + 2
    written = copying.table(
        list(VALUES), [[ours for ours, _ in column] for column in columns], [shared] * len(columns[0]), width=width
    )
    rows = [
        width.to_bytes(2, "big") + b"".join(by_psycopg(column[i][1]) for column in columns) + shared
        for i in range(len(columns[0]))
    ]
    assert written == b"".join(rows)
