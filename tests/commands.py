"""The installed `chargewatch`, run as a user runs it; or only its command line, in the process of the test."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.servers import dies_with_us, end

PROGRAM = Path(sys.executable).parent / "chargewatch"


@dataclass(frozen=True)
class Result:
    """What a user sees of a command that has ended."""

    returncode: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Its standard output, which must be JSON."""
        assert self.returncode == 0, self
        return json.loads(self.stdout)


class Running:
    """A command that was left running; what it says goes to a file."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self.log = process, log

    @property
    def said(self) -> str:
        """All it wrote so far, standard output and error together."""
        return self.log.read_text(errors="replace")

    def wait_for(self, words: str, seconds: float = 30) -> None:
        """Wait until it has said these words."""
        deadline = time.monotonic() + seconds
        while words not in self.said:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.said}"
            assert time.monotonic() < deadline, f"did not say {words!r} in {seconds} s: {self.said}"
            time.sleep(0.05)

    def wait(self, seconds: float = 60) -> int:
        """Wait for its end; its exit status."""
        return self.process.wait(seconds)

    def terminate(self, seconds: float = 30) -> int:
        """SIGTERM, as systemd stops it; its exit status."""
        end(self.process, signal.SIGTERM, seconds)
        return self.process.returncode

    def kill(self) -> None:
        """kill -9."""
        end(self.process, signal.SIGKILL)


class Command:
    """Runs `chargewatch` with the environment of the test (and what `env` adds) in a folder of its own."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env
        self.running: list[Running] = []

    def _environment(self, env: dict[str, str] | None) -> dict[str, str]:
        return {**os.environ, "COLUMNS": "200", **self.env, **(env or {})}

    def __call__(
        self,
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        input: str | None = None,
        timeout: float = 240,
    ) -> Result:
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env=self._environment(env),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback (most recent call last)" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str | Path, env: dict[str, str] | None = None) -> Running:
        """Start a command that runs until it is stopped, at the latest at the end of the test."""
        log = self.folder / f"{arguments[0]}-{len(self.running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                # A test run in the background ignores ctrl-C, and what it starts would too.
                [*dies_with_us("KILL"), "env", "--default-signal=INT", PROGRAM, *arguments],
                cwd=self.folder,
                env=self._environment(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.running.append(Running(process, log))
        return self.running[-1]

    def end_all(self) -> None:
        """Stop what still runs."""
        for running in self.running:
            end(running.process)


class Typed(Command):
    """The same words, the same answers, the same exit statuses, without a process for each call.

    For tests of what commands answer. How they start, how they end and what they cost is for `Command`; so are
    `.start(…)` and `migrate`, which configures Django once a process.
    """

    def __call__(
        self,
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        input: str | None = None,
        timeout: float = 240,
    ) -> Result:
        from chargewatch import cli

        said, told = _Stream(), _Stream()
        code: object = 0
        with (
            mock.patch.dict(os.environ, self._environment(env)),
            mock.patch.object(sys, "argv", [str(PROGRAM), *map(str, arguments)]),
            mock.patch.object(sys, "stdin", io.StringIO(input or "")),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(told),
        ):
            try:
                cli.main()
            except SystemExit as ended:
                code = ended.code or 0
        assert isinstance(code, int)
        return Result(code, said.text(), told.text())


class _Stream(io.TextIOWrapper):
    """What a command writes, as text or as bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()
