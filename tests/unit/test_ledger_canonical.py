import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest

from ledger.canonical import dumps, loads, without_as_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        ({"站": "鹿城", "A": "é"}, '{"A":"é","站":"鹿城"}'),
        (Decimal("12560.00"), '"12560.00"'),
        (Decimal("1E+3"), '"1000"'),
        (Decimal("-0.00"), '"0.00"'),
        (Decimal("0.000000001"), '"0.000000001"'),
        (datetime(2023, 7, 1, 8, tzinfo=timezone(timedelta(hours=8))), '"2023-07-01T00:00:00Z"'),
        (datetime(2023, 7, 1, 0, 0, 0, 120, tzinfo=UTC), '"2023-07-01T00:00:00.000120Z"'),
        (date(2023, 6, 30), '"2023-06-30"'),
        ('a"\\\n\x00', '"a\\"\\\\\\n\\u0000"'),
        (2**53 - 1, "9007199254740991"),
    ],
)
def test_one_value_has_one_text(value: object, text: str) -> None:
    assert dumps(value).decode() == text


@pytest.mark.parametrize(
    "value",
    [
        0.1, float("nan"), np.float64(1), np.int64(1), {"a": {"b": [1.0]}}, 2**53, {1: "a"}, {"a"}, b"a",
        datetime(2023, 7, 1), Decimal("NaN"), Decimal("Infinity"), "\ud800",
        {"\u00e9": 1, "e\u0301": 2},  # é and é: two keys that nobody can tell apart
    ],
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        dumps(value)


def test_texts_are_not_normalised() -> None:
    assert dumps("e\u0301") != dumps("\u00e9")


@pytest.mark.parametrize("text", ['{"a":1.5}', '{"a":1e2}', "NaN", '{"a":1,"a":2}'])
def test_a_float_or_a_key_twice_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"float|twice"):
        loads(text)


def test_the_text_is_what_pythons_json_writes_with_sorted_keys() -> None:
    body = {"b": ["ü", {"z": 1, "y": None}], "a": "\t"}
    assert dumps(body).decode() == json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_a_body_apart_from_when_it_was_computed() -> None:
    assert without_as_of([{"id": "A", "as_of": "x"}]) == [{"id": "A"}]
    assert without_as_of({"as_of": "x", "inputs": {"as_of": "y"}}) == {"inputs": {"as_of": "y"}}
