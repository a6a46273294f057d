"""Any single bit of the evidence that is changed is found; so is any message left out, added or put elsewhere."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain import sha256
from ledger.evidence import Message, digest, line, problems

BEGIN = datetime(2023, 6, 1, tzinfo=UTC)


@st.composite
def evidence(draw: Any) -> tuple[list[bytes], dict[str, dict[str, object]]]:
    lines: list[bytes] = []
    days: dict[str, dict[str, object]] = {}
    for nth in range(draw(st.integers(1, 3))):
        day = date(2023, 6, 1 + nth)
        mine = [
            line(
                Message(day, 10 * nth + number, "温州", "status", "ev/1/温州/status", "b", number, BEGIN, at, said, 120)
            )
            for number in range(draw(st.integers(0, 5)))
            for at, said in [(BEGIN + timedelta(days=nth), sha256(bytes([nth, number])))]
        ]
        days[day.isoformat()] = digest(mine)
        lines += mine
    return lines, days


@settings(deadline=None)
@given(evidence())
def test_evidence_holds(told: tuple[list[bytes], dict[str, dict[str, object]]]) -> None:
    lines, days = told
    assert list(problems(lines, days)) == []


@settings(deadline=None)
@given(evidence(), st.data())
def test_any_bit_changed_is_found(told: tuple[list[bytes], dict[str, dict[str, object]]], data: Any) -> None:
    lines, days = told
    bad = bytearray(b"".join(lines))
    if bad:
        bad[data.draw(st.integers(0, len(bad) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        assert list(problems(BytesIO(bytes(bad)), days)) != []


@settings(deadline=None)
@given(evidence(), st.data())
def test_what_is_left_out_added_or_moved_is_found(
    told: tuple[list[bytes], dict[str, dict[str, object]]], data: Any
) -> None:
    lines, days = told
    if lines:
        place = data.draw(st.integers(0, len(lines) - 1))
        assert list(problems(lines[:place] + lines[place + 1 :], days)) != []
        assert list(problems([*lines, lines[place]], days)) != []
        mixed = data.draw(st.permutations(lines))
        assert bool(list(problems(mixed, days))) == (mixed != lines)
        assert list(problems([], days)) != []
