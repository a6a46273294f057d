"""The processes that the demo starts and, whatever happens, ends."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from chargewatch.errors import Refusal

PROGRAM = str(Path(sys.executable).parent / "chargewatch")


def free_port(wanted: int = 0) -> int:
    """A TCP port of 127.0.0.1: the wanted one if nobody has it, else any free one."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise Refusal("no TCP port of 127.0.0.1 is free")


class Processes:
    """Children with the demo's own settings, each with a log file; `fail_if_ended` says which one died and why."""

    def __init__(self, logs: Path, settings: dict[str, str]) -> None:
        self.logs, self.settings = logs, settings
        self.children: list[tuple[str, subprocess.Popen[bytes]]] = []

    def command(self, *arguments: str | Path) -> list[str]:
        """`chargewatch …` with the demo's settings before it: env adds them, and takes away none of the others."""
        return ["env", *(f"{name}={value}" for name, value in self.settings.items()), PROGRAM, *map(str, arguments)]

    def run(self, *arguments: str | Path) -> str:
        """What a command prints; Refusal with what it said if it fails."""
        done = subprocess.run(
            self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
            raise Refusal(f"`chargewatch {' '.join(map(str, arguments))}` failed: {said[-600:]}")
        return done.stdout

    def start(self, name: str, command: list[str]) -> None:
        """Start a child that runs until the end."""
        dies_with_us = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        with self.log(name).open("wb") as output:
            child = subprocess.Popen(
                [*dies_with_us, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a ctrl-C at the terminal is for us; we end them in order
            )
        self.children.append((name, child))

    def log(self, name: str) -> Path:
        """File that a child writes to."""
        return self.logs / f"{name}.log"

    def wait_for_port(self, name: str, port: int, seconds: float = 30) -> None:
        """Wait until a child accepts connections."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.fail_if_ended()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        raise Refusal(f"{name} does not answer on port {port}", f"it to start within {seconds:.0f} s", self._said(name))

    def wait_for_words(self, name: str, words: str, seconds: float = 60) -> None:
        """Wait until a child has said these words."""
        deadline = time.monotonic() + seconds
        while words not in self.log(name).read_text(errors="replace"):
            self.fail_if_ended()
            if time.monotonic() > deadline:
                raise Refusal(f"{name} does not get ready", f"it to start within {seconds:.0f} s", self._said(name))
            time.sleep(0.05)

    def fail_if_ended(self) -> None:
        """Refusal if one of the children is gone."""
        for name, child in self.children:
            if child.poll() is not None:
                raise Refusal(f"{name} ended with status {child.returncode}", "it to keep running", self._said(name))

    def end(self) -> None:
        """Stop all, the last started first."""
        with _undisturbed():
            for _, child in reversed(self.children):
                if child.poll() is None:
                    child.terminate()
                    try:
                        child.wait(15)
                    except subprocess.TimeoutExpired:
                        child.kill()
                        child.wait()
            self.children.clear()

    def _said(self, name: str) -> str:
        last = " ".join(self.log(name).read_text(errors="replace").split())[-300:]
        return f"{self.log(name)}, which ends: {last}"


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
