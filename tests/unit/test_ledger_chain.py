"""The daily heads against RFC 6962 itself: its definition written out, and the vectors of its reference log."""

import hashlib
from dataclasses import fields, replace
from datetime import UTC, date, datetime

import pytest

from ledger.chain import Head, Record, Tree, head_hash, record_hash

RECORD = Record(
    seq=2,
    kind="statement",
    subject="2023-06",
    as_of=datetime(2023, 7, 16, tzinfo=UTC),
    recorded_at=datetime(2023, 7, 16, 0, 1, tzinfo=UTC),
    body="[]",
    body_sha256="0" * 64,
    supersedes=1,
    difference="{}",
    difference_sha256="1" * 64,
    previous="2" * 64,
    hash="",
)
HEAD = Head(date(2023, 7, 16), 2, "3" * 64, datetime(2023, 7, 17, tzinfo=UTC), "4" * 64, "")


def merkle_tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    left, right = merkle_tree_hash(leaves[:k]), merkle_tree_hash(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", range(20))
def test_the_head_is_that_of_rfc_6962(size: int) -> None:
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(size)]
    assert Tree(leaf.hex() for leaf in leaves).head() == merkle_tree_hash(leaves).hex()


def test_the_published_vectors_of_certificate_transparency() -> None:
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    assert Tree(leaves[:1]).head() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert Tree(leaves).head() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_a_records_hash_is_of_its_headers_canonical_json() -> None:
    header = (
        '{"as_of":"2023-07-16T00:00:00Z","body_sha256":"' + "0" * 64 + '","difference_sha256":"' + "1" * 64
        + '","kind":"statement","previous":"' + "2" * 64
        + '","recorded_at":"2023-07-16T00:01:00Z","seq":2,"subject":"2023-06","supersedes":1}'
    )  # fmt: skip
    assert record_hash(RECORD) == hashlib.sha256(header.encode()).hexdigest()


@pytest.mark.parametrize("name", [field.name for field in fields(Record)])
def test_every_field_of_a_record_enters_its_hash(name: str) -> None:
    other = {int: 7, str: "x", datetime: datetime(2020, 1, 1, tzinfo=UTC)}[type(getattr(RECORD, name))]
    differs = record_hash(replace(RECORD, **{name: other})) != record_hash(RECORD)
    assert differs == (name not in ("body", "difference", "hash"))  # those by their own hashes


@pytest.mark.parametrize("name", [field.name for field in fields(Head)])
def test_every_field_of_a_head_enters_its_hash(name: str) -> None:
    other = {int: 7, str: "x", date: date(2020, 1, 1), datetime: datetime(2020, 1, 1, tzinfo=UTC)}
    differs = head_hash(replace(HEAD, **{name: other[type(getattr(HEAD, name))]})) != head_hash(HEAD)
    assert differs == (name != "hash")
