"""Writes prepared PUBLISH packets to a broker and reads its acknowledgements: as light as load can be.

`python -m benchmarks.publisher PORT FILE [RATE]` connects, says `ready`, waits for a line, publishes (with RATE that
many messages a second), and when all are acknowledged says when it began and ended as JSON. When each message was
given to the socket it leaves in FILE.sent (seconds of the monotonic clock). Standard library only.
"""

import json
import select
import socket
import sys
import time
from array import array
from itertools import accumulate
from pathlib import Path

_WINDOW = 5000
_AT_ONCE = 50
_TICK_S = 0.001


def main(port: int, path: Path, rate: float | None) -> None:
    """Publish the file."""
    packets = memoryview(path.read_bytes())
    lengths: array[int] = array("I")
    lengths.frombytes(path.with_suffix(".lengths").read_bytes())
    ends = [0, *accumulate(lengths)]
    total = len(lengths)
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = path.stem.encode()
    rest = b"\x00\x04MQTT\x04\x02\x00\x00" + len(name).to_bytes(2, "big") + name
    link.sendall(b"\x10" + bytes([len(rest)]) + rest)
    assert link.recv(4)[3] == 0, "the broker lets no publisher in"
    print("ready", flush=True)
    sys.stdin.readline()
    sent, acknowledged, odd = array("d", bytes(8 * total)), 0, 0
    began, done = time.monotonic(), 0
    while acknowledged < total:
        due = total if rate is None else min(total, int((time.monotonic() - began) * rate) + 1)
        upto = min(due, done + _AT_ONCE, acknowledged + _WINDOW)
        if upto > done:
            now = time.monotonic()
            for index in range(done, upto):
                sent[index] = now
            link.sendall(packets[ends[done] : ends[upto]])
            done = upto
        full = done == total or done - acknowledged >= _WINDOW
        wait = (None if full else 0) if rate is None else (_TICK_S if done >= due else 0)
        if select.select([link], [], [], wait)[0]:
            answer = link.recv(65536)
            assert answer, "the broker closed the publisher's connection"
            whole, odd = divmod(odd + len(answer), 4)  # each PUBACK is four bytes
            acknowledged += whole
        elif rate is not None and done >= due:
            time.sleep(_TICK_S)
    ended = time.monotonic()
    link.sendall(b"\xe0\x00")
    link.close()
    with path.with_suffix(".sent").open("wb") as file:
        sent.tofile(file)
    print(json.dumps({"began": began, "ended": ended, "cpu_s": time.process_time()}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else None)
