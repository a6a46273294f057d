"""A TCP proxy that misbehaves when it is told to: it waits, trickles, falls silent, cuts, closes half, holds a word.

`out` is what the collector sends, `back` what the server answers.
"""

import contextlib
import socket
import struct
import threading
import time

OUT, BACK = "out", "back"
_CHUNK = 65536


class Gate:
    """Holds all bytes of one direction from a word on, until one such word is let pass."""

    def __init__(self, word: bytes) -> None:
        self.word = word
        self.reached = threading.Event()
        self._passes = threading.Semaphore(0)
        self.open = threading.Event()

    def hold(self, broken: threading.Event) -> None:
        """Wait here until let pass, or until the connection is broken."""
        self.reached.set()
        while not (self.open.is_set() or broken.is_set() or self._passes.acquire(timeout=0.02)):
            pass
        self.reached.clear()

    def let_one_pass(self) -> None:
        """Let the word that is held pass, or the next one."""
        self._passes.release()


class _Link:
    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.ends = {OUT: (client, server), BACK: (server, client)}
        self.broken = threading.Event()
        self.directions_left = 2
        self.forgotten = False
        self.heard: dict[str, bytearray] | None = None

    def break_off(self, *, tell_the_server: bool = True) -> None:
        """Both ends get a reset, or only the client, as from a router that has forgotten the connection."""
        self.forgotten = not tell_the_server
        self.broken.set()
        for end in self.ends[OUT] if tell_the_server else self.ends[OUT][:1]:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)  # wakes who reads it; closing is theirs


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on to another one."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay_s = 0.0
        self.trickle: int | None = None
        """At most so many bytes at a time, 5 ms apart."""
        self.silent = False
        self.refusing = False
        self.gates: dict[str, Gate] = {}
        self.heard: list[dict[str, bytearray]] | None = None
        """Set to a list: what every connection from now on says, by direction."""
        self._links: set[_Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._ended = False
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    def heal(self) -> None:
        """No misbehaviour any more; what was held goes on."""
        self.delay_s, self.trickle, self.silent, self.refusing = 0.0, None, False, False
        for gate in self.gates.values():
            gate.open.set()
        self.gates = {}

    def gate(self, direction: str, word: bytes) -> Gate:
        """Hold that direction before the word from now on."""
        self.gates[direction] = Gate(word)
        return self.gates[direction]

    def cut(self) -> int:
        """Break all connections; what is held on its way is lost. How many there were."""
        links = list(self._links)
        for link in links:
            link.break_off()
        return len(links)

    def forget(self) -> None:
        """Break all connections for the client; the server waits for it still."""
        for link in list(self._links):
            link.break_off(tell_the_server=False)

    def close_half(self, direction: str) -> None:
        """Tell the receiving end that no more comes; the other direction goes on."""
        for link in list(self._links):
            with contextlib.suppress(OSError):
                link.ends[direction][1].shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End it."""
        self._ended = True
        self.heal()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake who accepts
        self._threads[0].join(5)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def _listen(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self.refusing:
                    raise OSError
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            link = _Link(client, server)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.heard is not None:
                link.heard = {OUT: bytearray(), BACK: bytearray()}
                self.heard.append(link.heard)
            self._links.add(link)
            for direction in (OUT, BACK):
                self._threads.append(threading.Thread(target=self._pump, args=(link, direction), daemon=True))
                self._threads[-1].start()
            self._threads[1:] = [thread for thread in self._threads[1:] if thread.is_alive()]

    def _pump(self, link: _Link, direction: str) -> None:
        source, sink = link.ends[direction]
        try:
            while not link.broken.is_set():
                data = source.recv(_CHUNK)
                if not data:
                    self._wait_out_silence(link)
                    if link.forgotten:
                        break
                    sink.shutdown(socket.SHUT_WR)
                    break
                if link.heard is not None:
                    link.heard[direction] += data
                self._pass(link, direction, data, sink)
        except OSError:
            if not link.forgotten:
                link.break_off()
        if link.forgotten and direction == BACK:
            with contextlib.suppress(OSError):
                while source.recv(_CHUNK):
                    pass
        with self._lock:
            link.directions_left -= 1
            if not link.directions_left:
                self._links.discard(link)
                for end in link.ends[OUT]:
                    end.close()

    def _pass(self, link: _Link, direction: str, data: bytes, sink: socket.socket) -> None:
        self._wait_out_silence(link)
        if self.delay_s:
            link.broken.wait(self.delay_s)
        gate = self.gates.get(direction)
        while gate is not None and (found := data.find(gate.word)) >= 0:
            self._send(link, data[:found], sink)
            gate.hold(link.broken)
            self._send(link, data[found : found + len(gate.word)], sink)
            data = data[found + len(gate.word) :]
        self._send(link, data, sink)

    def _send(self, link: _Link, data: bytes, sink: socket.socket) -> None:
        while data:
            if link.broken.is_set():
                raise OSError
            size = self.trickle or len(data)
            sink.sendall(data[:size])
            data = data[size:]
            if data:
                time.sleep(0.005)

    def _wait_out_silence(self, link: _Link) -> None:
        while self.silent and not link.broken.wait(0.02):
            pass
