"""What commands print: the words of others are shown and never obeyed."""

import json

import pytest

from chargewatch.output import Format, emit


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[masked]", "[masked]"), ("a [/x] b", "a [/x] b"), ("[red]x", "[red]x"), ("\x1b[31m", "\\x1b[31m"),
        ("\u202eabc", "\\u202eabc"), ("a\x07b", "a\\x07b"), ("温州 🚗", "温州 🚗"), ("back\\slash\\", "back\\slash\\"),
    ],
)  # fmt: skip
def test_a_table_shows_what_others_wrote_and_does_nothing_that_it_says(
    capsys: pytest.CaptureFixture[str], written: str, shown: str
) -> None:
    emit([{"value": written}], Format.table)
    out = capsys.readouterr().out
    assert shown in out
    assert not {"\x1b", "\u202e", "\x07"} & {*out}
    emit([{"value": written}], Format.json)
    assert json.loads(capsys.readouterr().out) == [{"value": written}]
