"""Any single bit of an export that is changed is found; so is any record left out, moved or cut off."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.canonical import dumps, loads
from ledger.chain import Head, Record, Tree, head_hash, record_hash, sha256_of_text
from ledger.difference import changes
from ledger.export import Reading, lines
from ledger.verify import Problem, verify

BEGIN = datetime(2023, 7, 1, tzinfo=UTC)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcé\u0301", max_size=3), inner, max_size=3),
    max_leaves=6,
)


def writable(value: object) -> bool:
    try:
        dumps(value)
    except ValueError:
        return False
    return True


@st.composite
def ledgers(draw: Any) -> tuple[list[Record], list[Head]]:
    records: list[Record] = []
    for number in range(draw(st.integers(1, 6))):
        kind, subject = draw(st.sampled_from([("statement", "2023-06"), ("availability", "2023-06")]))
        body = dumps(draw(values.filter(writable))).decode()
        old = next((r for r in reversed(records) if (r.kind, r.subject) == (kind, subject)), None)
        difference = None if old is None else dumps({"changes": [number], "inputs": []}).decode()
        record = Record(
            seq=number + 1,
            kind=kind,
            subject=subject,
            as_of=BEGIN + timedelta(hours=number, microseconds=draw(st.integers(0, 1))),
            recorded_at=BEGIN + timedelta(hours=number),
            body=body,
            body_sha256=sha256_of_text(body) or "",
            supersedes=old.seq if old else None,
            difference=difference,
            difference_sha256=sha256_of_text(difference),
            previous=records[-1].hash if records else None,
            hash="",
        )
        records.append(replace(record, hash=record_hash(record)))
    heads: list[Head] = []
    for day, last in enumerate(sorted(draw(st.lists(st.integers(0, len(records)), max_size=3)))):
        head = Head(
            date(2023, 7, 1 + day),
            last,
            Tree(r.hash for r in records[:last]).head(),
            BEGIN + timedelta(days=day + 1),
            heads[-1].hash if heads else None,
            "",
        )
        heads.append(replace(head, hash=head_hash(head)))
    return records, heads


def verify_export(data: bytes) -> list[Problem]:
    return Reading(lambda: BytesIO(data)).verify()


def exported(records: list[Record], heads: list[Head]) -> bytes:
    return b"".join(lines(records, heads, len(records)))


@settings(deadline=None)  # a bound on the machine, not on what is tested
@given(ledgers())
def test_an_export_holds(ledger: tuple[list[Record], list[Head]]) -> None:
    records, heads = ledger
    reading = Reading(lambda: BytesIO(exported(records, heads)))
    assert reading.verify() == []
    assert (reading.count, reading.heads) == (len(records), heads)
    assert verify(records, heads) == []


@settings(deadline=None)  # a bound on the machine, not on what is tested
@given(ledgers(), st.data())
def test_any_bit_changed_is_found(ledger: tuple[list[Record], list[Head]], data: Any) -> None:
    good = bytearray(exported(*ledger))
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] ^= 1 << data.draw(st.integers(0, 7))
    assert verify_export(bytes(good)) != []


@settings(deadline=None, max_examples=20)  # a bound on the machine, not on what is tested
@given(ledgers(), st.data())
def test_every_bit_of_one_line_changed_is_found(ledger: tuple[list[Record], list[Head]], data: Any) -> None:
    good = exported(*ledger)
    start = data.draw(st.integers(0, max(0, len(good) - 40)))
    for place in range(start, min(start + 40, len(good))):
        for bit in range(8):
            bad = bytearray(good)
            bad[place] ^= 1 << bit
            assert verify_export(bytes(bad)) != [], (place, bit)


@settings(deadline=None)  # a bound on the machine, not on what is tested
@given(ledgers(), st.data())
def test_a_missing_record_is_found_and_named(ledger: tuple[list[Record], list[Head]], data: Any) -> None:
    records, heads = ledger
    gone = data.draw(st.integers(0, len(records) - 1))
    rest = records[:gone] + records[gone + 1 :]
    problems = verify(rest, heads)
    if gone < len(records) - 1:
        assert f"record {gone + 1}" in {problem.where for problem in problems}
    else:  # the last: only a head, or the count on an export's first line, can tell
        assert bool(problems) == any(head.last_seq == len(records) for head in heads)
        assert verify_export(exported(records, heads).replace(dumps_line(records[-1]), b"")) != []


def dumps_line(record: Record) -> bytes:
    return next(line for line in lines([record], [], 1) if b'"seq"' in line)


@settings(deadline=None)  # a bound on the machine, not on what is tested
@given(ledgers(), st.data())
def test_records_in_another_order_are_found(ledger: tuple[list[Record], list[Head]], data: Any) -> None:
    records, heads = ledger
    mixed = data.draw(st.permutations(records))
    assert bool(verify(mixed, heads)) == (mixed != records)


@settings(deadline=None)  # a bound on the machine, not on what is tested
@given(ledgers(), st.data())
def test_a_history_rewritten_from_end_to_end_is_found_by_a_head_kept_outside(
    ledger: tuple[list[Record], list[Head]], data: Any
) -> None:
    records, _ = ledger
    kept = {len(records): Tree(record.hash for record in records).head()}
    forged: list[Record] = []
    changed = data.draw(st.integers(0, len(records) - 1))
    for number, record in enumerate(records):
        body = '"forged"' if number == changed else record.body
        again = replace(
            record, body=body, body_sha256=sha256_of_text(body) or "", previous=forged[-1].hash if forged else None
        )
        forged.append(replace(again, hash=record_hash(again)))
    assert verify(forged, []) == []  # by itself it holds together
    assert bool(verify(forged, [], kept)) == (forged != records)
    assert verify(records, [], kept) == []


@settings(deadline=None)  # a bound on the machine, not on what is tested
@given(values.filter(writable), values.filter(writable))
def test_there_is_a_difference_exactly_where_the_bodies_differ(before: object, after: object) -> None:
    old, new = loads(dumps({"body": before})), loads(dumps({"body": after}))
    assert changes(old, old) == []
    assert bool(changes(old, new)) == (dumps(old) != dumps(new))
