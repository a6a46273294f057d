"""Reads the lines of a case: what a lawyer wrote becomes the facts and declarations that both readings take."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from tests.generative.reference_account import EVERY_CAUSE, Declaration, Regime, regime
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
from tests.generative.strategies import Registered
from uptime.profile import FOLDER

PROFILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d{6})?)?"
KEYS = {
    "name", "clause", "given", "when", "expected", "as_of", "effects", "reading", "settings", "reporting_interval_min",
    "registered", "granted", "by", "commissioned_on", "retired_on",
}  # fmt: skip
LONG_BEFORE = date(2023, 1, 1)


def instant(text: str, zone: ZoneInfo) -> int:
    """Local time as µs."""
    moment = datetime.fromisoformat(text.strip()).replace(tzinfo=zone)
    return (moment - EPOCH) // timedelta(microseconds=1)


def span(text: str, zone: ZoneInfo) -> tuple[int, int]:
    """`A to B` as µs."""
    start, end = text.split(" to ")
    return instant(start, zone), instant(end, zone)


@dataclass(frozen=True)
class Case:
    """One case of a file."""

    file: str
    said: Mapping[str, Any]
    rules: Regime
    histories: Mapping[int, list[Item]]
    """What was received about each connector, by number."""
    declarations: list[Declaration]

    @property
    def zone(self) -> ZoneInfo:
        """Whose local time the case is told in."""
        return ZoneInfo(self.rules["time_zone"])

    @property
    def items(self) -> list[Item]:
        """What was received about the first connector."""
        return self.histories[1]

    @property
    def period(self) -> tuple[int, int]:
        """[from, to) of `when`."""
        return span(self.said["when"], self.zone)

    @property
    def first_day(self) -> date:
        """The day that days are counted from."""
        return date.fromisoformat(self.said["when"][:10])

    @property
    def intervals(self) -> list[Interval] | None:
        """The expected intervals, if the case names them."""
        lines = self.said["expected"].get("intervals")
        if lines is None:
            return None
        found = []
        for line in lines:
            times, state = line.rsplit(" ", 1)
            found.append(Interval(*span(times, self.zone), state))
        return found

    @property
    def granted(self) -> list[tuple[int, int]]:
        """What granted contests name of the first connector's time."""
        return [span(text, self.zone) for text in self.said.get("granted", [])]

    def registered(self, connector: int) -> Registered:
        """What the registry says of a connector: all of the case's, or its own by number."""
        told = {name: self.said[name] for name in ("commissioned_on", "retired_on") if name in self.said}
        given = self.said.get("registered", {})
        told |= given.get(connector, {}) if set(given) <= set(self.histories) else given
        commissioned = told.pop("commissioned_on", self.rules["binds"].get("commissioned_from", LONG_BEFORE))
        retired = told.pop("retired_on", None)
        if "rated_kw" in told:
            told["rated_kw"] = Decimal(str(told["rated_kw"]))
        return Registered(
            from_day=-3000,
            commissioned_day=None if commissioned is None else (commissioned - self.first_day).days,
            retired_day=None if retired is None else (retired - self.first_day).days,
            **told,
        )


def _options(words: list[str], at_us: int, zone: ZoneInfo) -> dict[str, Any]:
    """The part behind the comma: receipt, boot, seq, place, revision, void, registers, filed …"""
    given: dict[str, Any] = {"received_us": at_us}
    for word in words:
        name, _, value = word.strip().partition(" ")
        match name:
            case "received":
                given["received_us"] = instant(value, zone)
            case "filed":
                given["filed_us"] = instant(value, zone)
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


def _read(line: str, number: int, zone: ZoneInfo) -> Iterator[Item | Declaration]:
    what, *words = line.split(",")
    if beats := re.fullmatch(rf"heartbeat every (\d+) min from ({MOMENT}) until ({MOMENT})", what):
        every, since, until = int(beats[1]) * MINUTE, instant(beats[2], zone), instant(beats[3], zone)
        for at in range(since, until, every):
            yield Heartbeat(at, _receipt(_options(words, at, zone), number))
    elif one := re.fullmatch(rf"({MOMENT}) (\w+)", what):
        at = instant(one[1], zone)
        receipt = _receipt(_options(words, at, zone), number)
        if one[2] in STATE_OF:
            yield Status(at, one[2], receipt)
        else:
            yield {"meter": Meter, "heartbeat": Heartbeat}[one[2]](at, receipt)
    elif order := re.fullmatch(rf"({MOMENT} to {MOMENT}) session (\w+) ([\d.]+) kWh", what):
        start, end = span(order[1], zone)
        given = _options(words, end, zone)
        before, after = given.get("registers", (None, None))
        yield Session(
            order[2], start, end, Fraction(order[3]), before, after, _receipt(given, number),
            revision=given.get("revision", 0), void=given.get("void", False),
        )  # fmt: skip
    elif declared := re.fullmatch(rf"({MOMENT} to {MOMENT}) (\w+)", what):
        start, end = span(declared[1], zone)
        given = _options(words, start, zone)
        assert declared[2] in EVERY_CAUSE, line
        yield Declaration(
            declared[2], start, end, given["filed_us"], given.get("approved", True), given.get("withdrawn_us")
        )
    else:
        raise ValueError(f"not understood: {line!r}")


def _about(line: str) -> tuple[int, str]:
    """The connector that a line tells of, the first unless it says `2: …`, and the rest."""
    numbered = re.match(r"(\d): ", line)
    return (int(numbered[1]), line[numbered.end() :]) if numbered else (1, line)


def read(folder: Path) -> list[Case]:
    """All cases of a folder, in the order in which a reader meets them; its name is the clause of a profile."""
    (rules,) = [one for one in map(regime, PROFILES) if one["source"]["clause"] == folder.name]
    zone = ZoneInfo(rules["time_zone"])
    cases = []
    for file in sorted(folder.glob("*.yaml")):
        for said in yaml.safe_load(file.read_text(encoding="utf-8")):
            assert set(said) <= KEYS, f"{file.name}: {said['name']}: {set(said) - KEYS}"
            histories: dict[int, list[Item]] = {1: []}
            declarations: list[Declaration] = []
            for number, line in enumerate(said["given"]):
                connector, rest = _about(line)
                for one in _read(rest, number, zone):
                    if isinstance(one, Declaration):
                        scoped = replace(one, scope="connector", scope_id=f"g{connector}") if rest != line else one
                        declarations.append(scoped)
                    else:
                        own = replace(one, connectors=(connector,)) if isinstance(one, Session) else one
                        histories.setdefault(connector, []).append(own)
            cases.append(Case(file.stem, said, rules, histories, declarations))
    return cases
