"""Capture files (contract 2): NDJSON, one message a line, also gzipped; written and read.

A line that cannot be read is not skipped: it comes out as a message without a topic, so that it becomes one quarantined
item (`unreadable`) with the line's bytes, and its number is told. A gzip file that ends in the middle is told, too;
what stood before its end is read.
"""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from chargewatch.errors import Refusal
from chargewatch.instants import iso
from collector.values import instant

_LONGEST_LINE = 64 * 1024 * 1024
_TELL_EVERY = 500


class Captured(msgspec.Struct, frozen=True):
    """One message of a capture file. In a broken line `why` says what is wrong, and the payload is the line itself."""

    line: int
    topic: str
    payload: bytes
    received_at: datetime | None
    why: str = ""


class Cut(msgspec.Struct, frozen=True):
    """The file ended before its own end (gzip): everything up to `line` was read."""

    line: int
    why: str


_ABSENT = msgspec.Raw()


class _Line(msgspec.Struct):
    received_at: str
    topic: str
    payload: msgspec.Raw = _ABSENT
    payload_b64: str | None = None


_decode = msgspec.json.Decoder(_Line).decode


def line(topic: str, payload: bytes, received_at: datetime) -> bytes:
    """One line of a capture file, line feed included; `payload` where it reads back byte for byte, else base64."""
    head = b'{"received_at":%b,"topic":%b,' % (json.dumps(iso(received_at)).encode(), json.dumps(topic).encode())
    if _is_one_line_of_json(payload):
        return head + b'"payload":%b}\n' % payload
    return head + b'"payload_b64":"%b"}\n' % base64.b64encode(payload)


def _is_one_line_of_json(payload: bytes) -> bool:
    if not payload.startswith(b"{") or not payload.endswith(b"}") or b"\n" in payload or b"\r" in payload:
        return False
    try:
        payload.decode()
        msgspec.json.decode(payload)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return False
    return True


def read(path: Path, advance: Callable[[int], None] = lambda read: None) -> Iterator[Captured | Cut]:
    """Messages of a capture file in its order; Refusal where it is no file that can be opened.

    `advance` is told now and then how many more bytes of the file have been read.
    """
    with opened(path) as file:
        told = 0
        for captured in _lines(gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file):
            if captured.line % _TELL_EVERY == 0:
                told = _tell(file, told, advance)
            yield captured
        _tell(file, told, advance)


def _tell(file: BinaryIO, told: int, advance: Callable[[int], None]) -> int:
    position = file.tell()
    advance(position - told)
    return position


def opened(path: Path) -> BinaryIO:
    """The file, open for reading bytes; Refusal if it cannot be."""
    try:
        return path.open("rb")
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}", "a capture file (contract 2)") from None


def _lines(file: BinaryIO | gzip.GzipFile) -> Iterator[Captured | Cut]:
    number = 0
    while True:
        try:
            text = file.readline(_LONGEST_LINE)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield Cut(number, " ".join(str(error).split()))
            return
        if not text:
            return
        number += 1
        if text.strip():
            yield _captured(number, text)


def _captured(number: int, text: bytes) -> Captured:
    def broken(why: str) -> Captured:
        return Captured(number, "", text.rstrip(b"\r\n"), None, why)

    if len(text) == _LONGEST_LINE:
        return broken("the line is longer than 64 MiB")
    try:
        read = _decode(text)
        received_at = instant(read.received_at)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        return broken(str(error))
    if not datetime(2010, 1, 1, tzinfo=UTC) <= received_at < datetime(2200, 1, 1, tzinfo=UTC):
        return broken("received_at is outside 2010 to 2199")
    payload = bytes(read.payload)
    if (not payload) == (read.payload_b64 is None):
        return broken("either payload or payload_b64 is expected")
    if read.payload_b64 is None:
        return Captured(number, read.topic, payload, received_at)
    try:
        return Captured(number, read.topic, base64.b64decode(read.payload_b64, validate=True), received_at)
    except (binascii.Error, ValueError):
        return broken("payload_b64 is not base64")
