"""Reads the lines of a case: what a lawyer wrote becomes the facts and declarations that both readings take."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from tests.generative.reference_availability import (
    MINUTE,
    STATE_OF,
    Heartbeat,
    Interval,
    Item,
    Meter,
    Receipt,
    Session,
    Status,
)
from tests.generative.reference_figures import EVERY_CAUSE, Declaration

ZONE = ZoneInfo("Asia/Shanghai")
EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d{6})?)?"
KEYS = {
    "name", "clause", "given", "when", "expected", "as_of", "effects", "settings", "reporting_interval_min",
    "commissioned_on", "retired_on",
}  # fmt: skip


def instant(text: str) -> int:
    """Beijing time as µs."""
    moment = datetime.fromisoformat(text.strip()).replace(tzinfo=ZONE)
    return (moment - EPOCH) // timedelta(microseconds=1)


def span(text: str) -> tuple[int, int]:
    """`A to B` as µs."""
    start, end = text.split(" to ")
    return instant(start), instant(end)


@dataclass(frozen=True)
class Case:
    """One case of a file."""

    file: str
    said: Mapping[str, Any]
    items: list[Item]
    declarations: list[Declaration]

    @property
    def period(self) -> tuple[int, int]:
        """[from, to) of `when`."""
        return span(self.said["when"])

    @property
    def intervals(self) -> list[Interval] | None:
        """The expected intervals, if the case names them."""
        lines = self.said["expected"].get("intervals")
        if lines is None:
            return None
        found = []
        for line in lines:
            times, state = line.rsplit(" ", 1)
            found.append(Interval(*span(times), state))
        return found


def _options(words: list[str], at_us: int) -> dict[str, Any]:
    """The part behind the comma: receipt, boot, seq, place, revision, void, registers, filed …"""
    given: dict[str, Any] = {"received_us": at_us}
    for word in words:
        name, _, value = word.strip().partition(" ")
        match name:
            case "received":
                given["received_us"] = instant(value)
            case "filed":
                given["filed_us"] = instant(value)
            case "seq" | "place" | "revision":
                given[name] = int(value)
            case "boot":
                given["boot_id"] = value
            case "void":
                given["void"] = True
            case "withdrawn":
                given["withdrawn_us"] = at_us
            case "registers":
                given["registers"] = [Fraction(number) for number in value.split(" to ")]
            case "not":
                given["approved"] = value != "approved"
            case _:
                raise ValueError(f"not understood: {word!r}")
    return given


def _receipt(given: Mapping[str, Any], place: int) -> Receipt:
    return Receipt(given["received_us"], given.get("boot_id", "a"), given.get("seq", place), given.get("place", 0))


def _read(line: str, number: int) -> Iterator[Item | Declaration]:
    what, *words = line.split(",")
    if beats := re.fullmatch(rf"heartbeat every (\d+) min from ({MOMENT}) until ({MOMENT})", what):
        every, since, until = int(beats[1]) * MINUTE, instant(beats[2]), instant(beats[3])
        for at in range(since, until, every):
            yield Heartbeat(at, _receipt(_options(words, at), number))
    elif one := re.fullmatch(rf"({MOMENT}) (\w+)", what):
        at = instant(one[1])
        receipt = _receipt(_options(words, at), number)
        if one[2] in STATE_OF:
            yield Status(at, one[2], receipt)
        else:
            yield {"meter": Meter, "heartbeat": Heartbeat}[one[2]](at, receipt)
    elif order := re.fullmatch(rf"({MOMENT} to {MOMENT}) session (\w+) ([\d.]+) kWh", what):
        start, end = span(order[1])
        given = _options(words, end)
        before, after = given.get("registers", (None, None))
        yield Session(
            order[2], start, end, Fraction(order[3]), before, after, _receipt(given, number),
            revision=given.get("revision", 0), void=given.get("void", False),
        )  # fmt: skip
    elif declared := re.fullmatch(rf"({MOMENT} to {MOMENT}) (\w+)", what):
        start, end = span(declared[1])
        given = _options(words, start)
        assert declared[2] in EVERY_CAUSE, line
        yield Declaration(
            declared[2], start, end, given["filed_us"], given.get("approved", True), given.get("withdrawn_us")
        )
    else:
        raise ValueError(f"not understood: {line!r}")


def read(folder: Path) -> list[Case]:
    """All cases of a folder, in the order in which a reader meets them."""
    cases = []
    for file in sorted(folder.glob("*.yaml")):
        for said in yaml.safe_load(file.read_text(encoding="utf-8")):
            assert set(said) <= KEYS, f"{file.name}: {said['name']}: {set(said) - KEYS}"
            found = [one for number, line in enumerate(said["given"]) for one in _read(line, number)]
            cases.append(
                Case(
                    file.stem,
                    said,
                    [one for one in found if not isinstance(one, Declaration)],
                    [one for one in found if isinstance(one, Declaration)],
                )
            )
    return cases
