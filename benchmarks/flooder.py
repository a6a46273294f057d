"""One operator that sends as fast as its one connection takes it: MQTT 3.1.1 by hand, over TLS, nothing waited for.

    python -m benchmarks.flooder PORT CA USER PASSWORD SECONDS KIND FROM

KIND: `items` (QoS 1, a fact each), `packed` (QoS 1, 1,000 facts each), `qos0` (a fact each), `garbage` (256 KiB each).
FROM: the address of this machine to send from.
Prints the number of messages written and of those acknowledged.
"""

import contextlib
import select
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

_TOGETHER = 64
"""Small messages written at a time."""
_LATER = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


def packet(kind: int, body: bytes) -> bytes:
    """An MQTT packet with its length."""
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | (128 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


def text(value: str) -> bytes:
    """A text as MQTT has it."""
    return struct.pack("!H", len(value)) + value.encode()


def messages(user: str, kind: str) -> Iterator[bytes]:
    """PUBLISH packets without end; no two facts are the same."""
    start = datetime.now(UTC) - timedelta(days=1)
    boot_id, seq, second = f"{time.time_ns()}", 0, 0
    topic, qos = text(f"ev/1/{user}/heartbeat"), 0 if kind == "qos0" else 1
    garbage = b"\xff" * (256 * 1024)
    each = 1000 if kind == "packed" else 1
    while True:
        second += 1
        at = (start + timedelta(milliseconds=second)).isoformat()
        items = ",".join(
            f'{{"connector_id":"c{number % 10}","at":"{at[:-9]}{number:03}000Z"}}' for number in range(each)
        )
        if each == 1:
            items = f'{{"connector_id":"c0","at":"{at}"}}'
        body = (
            f'{{"schema":"ev.heartbeat/1","boot_id":"{boot_id}","seq":{seq},"sent_at":"{at}","items":[{items}]}}'.encode()
            if kind != "garbage" else garbage
        )  # fmt: skip
        identifier = struct.pack("!H", seq % 65535 + 1) if qos else b""
        yield packet(0x30 | qos << 1, topic + identifier + body)
        seq += 1


def main(port: int, ca: str, user: str, password: str, seconds: float, kind: str, sender: str) -> None:
    """Flood, then say how much."""
    link = ssl.create_default_context(cafile=ca).wrap_socket(
        socket.create_connection(("127.0.0.1", port), source_address=(sender, 0)), server_hostname="localhost"
    )
    connect = text("MQTT") + bytes([4, 0xC2]) + struct.pack("!H", 60) + text("x") + text(user) + text(password)
    link.sendall(packet(0x10, connect))
    assert link.recv(4)[3] == 0, "the broker does not let us in"
    link.setblocking(False)
    endless, sent, heard, pending = messages(user, kind), 0, 0, b""
    end = time.monotonic() + seconds
    together = _TOGETHER if kind in ("items", "qos0") else 1
    try:
        while time.monotonic() < end:
            if not pending:
                pending = b"".join(next(endless) for _ in range(together))
                sent += together
            select.select([link], [link], [], 1)
            with contextlib.suppress(*_LATER):
                pending = pending[link.send(pending) :]
            with contextlib.suppress(*_LATER):
                answer = link.recv(1 << 16)
                if not answer:
                    raise ConnectionResetError
                heard += len(answer)
    except OSError:
        print("cut off by the broker", end=" ")
    print(sent, heard // 4)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]), sys.argv[6], sys.argv[7])
