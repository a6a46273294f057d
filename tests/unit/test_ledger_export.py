"""An export is read line by line: what it costs in memory does not grow with it."""

import tracemalloc
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO

from ledger.canonical import dumps
from ledger.chain import Head, Record, Tree, head_hash, record_hash, sha256_of_text
from ledger.export import Reading, lines

AT = datetime(2023, 7, 16, tzinfo=UTC)
BODY = dumps([{"operator_id": f"OP{number}", "total_yuan": "1.00"} for number in range(500)]).decode()


def exported(count: int) -> bytes:
    records: list[Record] = []
    for seq in range(1, count + 1):
        previous = records[-1].hash if records else None
        subject = f"{seq}"
        digest = sha256_of_text(BODY) or ""
        record = Record(seq, "statement", subject, AT, AT, BODY, digest, None, None, None, previous, "")
        records.append(replace(record, hash=record_hash(record)))
    head = Head(date(2023, 7, 16), count, Tree(record.hash for record in records).head(), AT, None, "")
    return b"".join(lines(records, [replace(head, hash=head_hash(head))], count))


def peak_bytes(count: int) -> int:
    data = exported(count)
    tracemalloc.start()
    try:
        assert Reading(lambda: BytesIO(data)).verify() == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_export() -> None:
    peak_bytes(1)  # what is imported and cached at the first time
    few, many = peak_bytes(5), peak_bytes(100)
    assert many < few + 10 * len(BODY), (few, many)
    assert many < 50 * len(BODY), "the whole export was held"
