"""What is wrong although every hash is right: written so by whoever has the keys to the house."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ledger.chain import Head, Record, Tree, head_hash, record_hash, sha256_of_text
from ledger.verify import verify

BEGIN = datetime(2023, 7, 1, tzinfo=UTC)


def chain(*changed: dict[str, Any]) -> list[Record]:
    """Three records whose hashes all hold, the second superseding the first, each with these fields changed."""
    records: list[Record] = []
    for number, fields in enumerate(changed):
        body = fields.get("body", f"[{number}]")
        difference = "{}" if number == 1 else None
        record = Record(
            seq=number + 1,
            kind="statement",
            subject="2023-07" if number == 2 else "2023-06",
            as_of=BEGIN,
            recorded_at=BEGIN + timedelta(hours=number),
            body=body,
            body_sha256=sha256_of_text(body) or "",
            supersedes=1 if number == 1 else None,
            difference=difference,
            difference_sha256=sha256_of_text(difference),
            previous=records[-1].hash if records else None,
            hash="",
        )
        record = replace(record, **fields)
        records.append(replace(record, hash=record_hash(record)))
    return records


def test_the_chain_itself_holds() -> None:
    assert verify(chain({}, {}, {}), []) == []


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"supersedes": None}, "record 2: supersedes None; expected 1"),
        ({"subject": "2023-05"}, "record 2: supersedes 1; expected None"),
        ({"recorded_at": BEGIN - timedelta(hours=1)}, "record 2: recorded_at"),
        ({"body": '[ "spaces" ]'}, "record 2: a body that is not canonical JSON"),
        ({"body": "[1.5]"}, "record 2: a body that is not canonical JSON"),
    ],
)
def test_a_record_that_contradicts_the_others_is_named(second: dict[str, Any], said: str) -> None:
    problems = verify(chain({}, second, {}), [])
    assert [str(problem).startswith(said) for problem in problems] == [True]


def heads(records: list[Record], *days_and_sizes: tuple[int, int]) -> list[Head]:
    made: list[Head] = []
    for day, size in days_and_sizes:
        tree = Tree(record.hash for record in records[:size]).head()
        head = Head(date(2023, 7, day), size, tree, BEGIN, made[-1].hash if made else None, "")
        made.append(replace(head, hash=head_hash(head)))
    return made


def test_heads_that_go_back_are_found() -> None:
    records = chain({}, {}, {})
    assert verify(records, heads(records, (1, 1), (2, 1), (3, 3))) == []
    assert [problem.where for problem in verify(records, heads(records, (2, 1), (1, 2)))] == ["the head of 2023-07-01"]
    assert [problem.where for problem in verify(records, heads(records, (1, 2), (2, 1)))] == ["the head of 2023-07-02"]


def test_a_record_missing_in_the_middle_is_the_one_named() -> None:
    first, _, third = chain({}, {}, {})
    assert "record 2: record 3 in its place" in str(verify([first, third], [])[0])
