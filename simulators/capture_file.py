"""Messages into a capture file (contract 2), the same messages into the same bytes."""

import base64
import gzip
import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from chargewatch.errors import Refusal
from chargewatch.instants import iso
from simulators.feed import Message


def line(message: Message) -> bytes:
    """One line of a capture file; bytes that are no JSON object go as base64."""
    head = {"received_at": iso(message.received_us), "topic": message.topic}
    if message.is_json:
        return json.dumps(head).encode()[:-1] + b', "payload": ' + message.payload + b"}\n"
    head["payload_b64"] = base64.b64encode(message.payload).decode()
    return json.dumps(head).encode() + b"\n"


def write(messages: Iterable[Message], path: Path, seen: Callable[[Message], None] | None = None) -> int:
    """Write all messages to `path` (gzip if it ends in .gz); returns how many.

    The file appears under its name once it is whole. `seen` is called after each message. Raises Refusal where the
    folder cannot be written to.
    """
    part = path.with_name(path.name + ".part")
    count = 0
    try:
        with ExitStack() as stack:
            plain = stack.enter_context(part.open("wb"))
            file: IO[bytes] | gzip.GzipFile = plain
            if path.suffix == ".gz":
                # No name and no time in the header: the same messages give the same bytes.
                file = stack.enter_context(gzip.GzipFile("", "wb", compresslevel=4, fileobj=plain, mtime=0))
            for message in messages:
                file.write(line(message))
                count += 1
                if seen:
                    seen(message)
        part.replace(path)
    except OSError as error:
        raise Refusal(f"the capture file {path} cannot be written: {error.strerror}") from None
    return count
