"""The same messages with their receipts, in any order, in any batching, once or twice, give the same bytes."""

import copy
import gzip
import json
import random
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Typed

Message = dict[str, Any]
FIRST, AFTER = "2023-06-01", "2023-06-05"


def moved(message: Message, seconds: float, boot_id: str | None = None, seq: int | None = None) -> Message:
    """The same message, received that much later, perhaps as another one of its sender."""
    again = copy.deepcopy(message)
    received = datetime.fromisoformat(again["received_at"]) + timedelta(seconds=seconds)
    again["received_at"] = received.isoformat()
    again["payload"]["boot_id"] = boot_id or again["payload"]["boot_id"]
    again["payload"]["seq"] = again["payload"]["seq"] if seq is None else seq
    return again


def contradicted(message: Message) -> None:
    """Give the items of a message another content under the same identity, where it has any."""
    for item in message["payload"]["items"]:
        if "session_id" in item and "end" in item:
            item["energy_kwh"] += 0.5
        elif "energy_kwh" in item:
            item["energy_kwh"] += 2
        elif "status" in item:
            item["status"] = "faulted" if item["status"] != "faulted" else "available"


def troubled(messages: Sequence[Message], chance: random.Random) -> list[Message]:
    """The messages with repeats, contradictions, revisions and orders taken back among them."""
    readable = [one for one in messages if isinstance(one.get("payload"), dict) and one["payload"].get("items")]
    troubles = []
    for number, message in enumerate(chance.sample(readable, len(readable) // 3)):
        kind = message["topic"].rsplit("/", 1)[1]
        if kind == "link" or not all(isinstance(item, dict) for item in message["payload"]["items"]):
            continue
        again = moved(message, chance.choice((-1, 0, 0, 1, 90_000)), chance.choice("AZ"), number)
        what = chance.choice(("repeat", "contradict", "contradict", "revise", "void"))
        if what == "contradict":
            contradicted(again)
        if kind == "session" and what in ("revise", "void"):
            for item in again["payload"]["items"]:
                item["revision"] = 1
                item["void"] = what == "void"
                item["energy_kwh"] = max(0, item["energy_kwh"] - 1)
        troubles.append(again)
        if chance.random() < 0.3:  # a third one that says something else at the same receipt as the second
            third = moved(again, 0, chance.choice("AZ"), number)
            contradicted(third)
            troubles.append(third)
    assert len(troubles) > 100
    return [*messages, *troubles]


def write(file: Path, messages: Sequence[Message]) -> Path:
    """A capture file."""
    text = "".join(json.dumps(one) + "\n" for one in messages)
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


def answers(typed: Typed) -> dict[str, str]:
    """What is printed of availability and money, but for the knowledge time."""
    said = {}
    for by in ("connector", "district"):
        said[by] = typed(
            "uptime", "report", "--from", FIRST, "--to", AFTER, "--by", by, "--all", "--format", "json"
        ).stdout
    said["statement"] = typed("subsidy", "statement", "--period", "2023-06", "--format", "json").stdout
    for name, text in said.items():
        assert len(json.loads(text)) > 0, name
    return {name: re.sub(r'"as_of": *"[^"]*"', '"as_of": …', text) for name, text in said.items()}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", ["embedded", "timescale"])
def test_order_batching_and_repetition_change_no_byte(
    backend: str,
    home: Path,
    databases: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    typed: Typed,
    tmp_path: Path,
) -> None:
    made = typed(
        "simulate", "--seed", "7", "--stations", "4", "--from", FIRST, "--to", AFTER,
        "--registry", tmp_path / "city", "--capture", tmp_path / "city.ndjson", "--truth", tmp_path / "truth.json",
    )  # fmt: skip
    assert made.returncode == 0, made
    lines = (tmp_path / "city.ndjson").read_text(encoding="utf-8").splitlines()
    chance = random.Random(137)
    messages = troubled([json.loads(line) for line in lines], chance)

    shuffled = [*messages, *chance.sample(messages, len(messages) // 2)]
    chance.shuffle(shuffled)
    quarter = len(shuffled) // 4
    arrangements = {
        "as sent": [write(tmp_path / "whole.ndjson", messages)],
        "shuffled, in parts, half of it twice": [
            write(tmp_path / f"part{number}.ndjson{'.gz' if number % 2 else ''}", part)
            for number, part in enumerate(shuffled[at : at + quarter] for at in range(0, len(shuffled), quarter))
        ],
        "backwards, then all again": [
            write(tmp_path / "backwards.ndjson", messages[::-1]),
            tmp_path / "whole.ndjson",
        ],
    }
    found: dict[str, dict[str, str]] = {}
    server = databases(backend)
    for arrangement, files in arrangements.items():
        name = server.fresh(False)
        monkeypatch.setenv("CHARGEWATCH_DSN", server.uri(name))
        assert typed("registry", "import", tmp_path / "city").returncode == 0
        for file in files:
            assert typed("ingest", file).returncode == 0
        found[arrangement] = answers(typed)
        server.drop(name)
    as_sent = found.pop("as sent")
    for arrangement, said in found.items():
        for name, text in said.items():
            assert text == as_sent[name], f"{name}, {arrangement}"
