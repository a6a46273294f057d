"""Contract 2: capture files read back what was written, byte for byte; nothing broken is skipped in silence."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargewatch.errors import Refusal
from collector import capture
from collector.archive import Archive
from collector.capture import Captured, Cut

RECEIPT = datetime(2023, 6, 1, 0, 0, 1, 5, tzinfo=UTC)
PAYLOADS = [
    b'{"a":1}', b'{ "a" : 1.10 }', b'{"a":1}\n', b'{\n"a":1}', b"", b"null", b"[1]", b"\xff\xfe", b'{"a":"\xff"}',
    b'{"a":NaN}', b'{"a":1} ', '{"a":"温州"}'.encode(), b'{"a":"\\ud800"}', b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"a":1,"a":2}', b'{"a":1\r}',
]  # fmt: skip


@pytest.mark.parametrize("name", ["x.ndjson", "x.ndjson.gz"])
def test_what_is_written_is_read_back_byte_for_byte(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    lines = [capture.line("ev/1/op/状", payload, RECEIPT) for payload in PAYLOADS]
    path.write_bytes(gzip.compress(b"".join(lines)) if name.endswith(".gz") else b"".join(lines))
    read = list(capture.read(path))
    assert read == [Captured(n, "ev/1/op/状", payload, RECEIPT) for n, payload in enumerate(PAYLOADS, start=1)]
    assert all(line.count(b"\n") == 1 for line in lines)


def test_readable_payloads_stay_readable() -> None:
    line = json.loads(capture.line("ev/1/op/status", b'{"a":1}', RECEIPT))
    assert line == {"received_at": "2023-06-01T00:00:01.000005Z", "topic": "ev/1/op/status", "payload": {"a": 1}}


GOOD = b'{"received_at":"2023-06-01T08:00:00+08:00","topic":"t","payload":{}}'


@pytest.mark.parametrize(
    "broken",
    [
        b"x", b"[]", b'{"topic":"t","payload":{}}', b'{"received_at":"2023-06-01T08:00:00","topic":"t","payload":{}}',
        b'{"received_at":"2023-06-01T08:00:00Z","payload":{}}', b'{"received_at":"2023-06-01T08:00:00Z","topic":"t"}',
        b'{"received_at":"2023-06-01T08:00:00Z","topic":"t","payload_b64":"%"}',
        b'{"received_at":"2023-06-01T08:00:00Z","topic":"t","payload":{},"payload_b64":""}',
        b'{"received_at":"1999-06-01T08:00:00Z","topic":"t","payload":{}}', GOOD[:-5], b"\xff",
        b'{"received_at":"2023-06-01T08:00:00Z","topic":1,"payload":{}}',
    ],
)  # fmt: skip
def test_a_broken_line_comes_out_with_its_number_and_bytes(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "x.ndjson"
    path.write_bytes(GOOD + b"\n\n" + broken + b"\n" + GOOD)
    first, second, third = capture.read(path)
    assert isinstance(second, Captured)
    assert (second.line, second.payload) == (3, broken)
    assert second.why
    assert isinstance(first, Captured)
    assert isinstance(third, Captured)
    assert (first.why, first.line, third.why, third.line) == ("", 1, "", 4)


def test_a_gzip_file_that_ends_in_the_middle_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson.gz"
    lines = b"".join(capture.line("t", b'{"n":%d}' % n, RECEIPT) for n in range(20_000))
    path.write_bytes(gzip.compress(lines)[:-2000])
    *read, last = capture.read(path)
    assert isinstance(last, Cut)
    assert last.line == len(read) > 1000
    assert all(isinstance(one, Captured) and not one.why for one in read)


def test_a_file_that_is_no_gzip_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson.gz"
    path.write_bytes(GOOD)
    assert [type(one) for one in capture.read(path)] == [Cut]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        list(capture.read(tmp_path / "missing"))


def test_the_archive_keeps_a_file_a_day_masked_and_mends_half_a_line(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    late, early = RECEIPT.replace(hour=23), RECEIPT.replace(day=2)
    archive.write([("t", b'{"vehicle":"13812345678"}', late), ("t", b"\xff", early), ("t", b"{}", early)])
    archive.close()
    day = tmp_path / "archive" / "2023-06-02.ndjson"
    day.write_bytes(day.read_bytes()[:-8])
    archive.write([("t", b'{"a":1}', early)])
    archive.close()
    assert list(capture.read(tmp_path / "archive" / "2023-06-01.ndjson")) == [
        Captured(1, "t", b'{"vehicle":"[masked]"}', late)
    ]
    whole, half, after = capture.read(day)
    assert isinstance(half, Captured)
    assert half.why
    assert (whole, after) == (Captured(1, "t", b"\xff", early), Captured(3, "t", b'{"a":1}', early))
