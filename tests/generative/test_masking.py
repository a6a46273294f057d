"""Masking at a glance and masking with care give the same bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import personal
from collector.personal import mask

# Pieces of which what is personal, and what only looks like it, is made.
PIECES = [
    *"0123456789", "13", "138", "+", "86", "0086", "00", " ", "-", "(", ")", ".", "\t", "\x1c", "12345678", "1234567",
    "L", "LSVAU2180N", "2183294", "x", '"', '":"', '","', ":", ",", "{", "}", "\n", '"connector_id":"', '"seq":', "T",
    "[masked]",
]  # fmt: skip


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_what_is_passed_at_a_glance_holds_nothing(text: str) -> None:
    payload = text.encode()
    if not any(suspect.search(payload) for suspect in personal._SUSPECTS) and "[masked]" not in text:
        assert personal._mask(text) == text
    assert b"+2183294" not in mask(b"+2183294+2183294")


@pytest.mark.parametrize("before", ["", '{"x":', '{"connector_id":"c1","detail":', "<", "'", "x=", '{"seq":5}'])
@pytest.mark.parametrize(
    "value", ["13812345678", "LSVAU2180N2183294", "+8613812345678", "(0577)88888888", "0086 138 1234 5678"]
)
def test_a_value_is_found_wherever_it_begins(before: str, value: str) -> None:
    for quote in ('"', ""):
        if quote == "" and " 138" in value:
            continue  # what is grouped oddly is a value only between quotation marks
        masked = mask(f"{before}{quote}{value}{quote}".encode()).decode()
        assert value not in masked
        assert "[masked]" in masked
