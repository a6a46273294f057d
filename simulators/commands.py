"""`chargewatch replay` and `chargewatch simulate`, for the command line to mount."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chargewatch.errors import CheckFailed, Refusal
from chargewatch.instants import from_us
from chargewatch.output import progress, say

if TYPE_CHECKING:
    from simulators.feed import Message

EARLIEST, LATEST = date(2010, 1, 1), date(2099, 12, 31)
"""Facts of an earlier year are refused as implausible (contract 1)."""

Registry = Annotated[Path, typer.Option("--registry", help="Folder for the registry tables (CSV).")]
Capture = Annotated[Path | None, typer.Option("--capture", help="Capture file to write (.gz compresses).")]
Mqtt = Annotated[bool, typer.Option("--mqtt", help="Publish to the broker at CHARGEWATCH_MQTT_URL instead.")]


def replay(
    *,
    sessions: Annotated[Path, typer.Option(help="Table of real sessions (CSV, optionally .gz).")],
    connectors: Annotated[Path, typer.Option(help="Table of their connectors (CSV, optionally .gz).")],
    registry: Registry,
    capture: Capture = None,
    mqtt: Mqtt = False,
    first_day: Annotated[
        str,
        typer.Option(
            help="All times are moved by whole days so that the first session starts on this day "
            "(a calendar day in Asia/Shanghai)."
        ),
    ] = "2023-06-01",
    heartbeat_min: Annotated[
        int, typer.Option(help="Minutes between heartbeats; the registry gets it as reporting interval.")
    ] = 60,
) -> None:
    """Play real sessions again: registry tables, and messages into a capture file or straight to the broker.

    Example: chargewatch replay --sessions s.csv.gz --connectors c.csv.gz --registry real/ --capture real.ndjson.gz
    """
    from simulators import real_messages, real_registry, registry_folder
    from simulators.real_sessions import RealSessions

    one_way(capture, mqtt)
    if not 1 <= heartbeat_min <= 1440:
        raise Refusal(f"--heartbeat-min is {heartbeat_min}", "1 to 1440 minutes")
    real = RealSessions.read(sessions, connectors).moved(day("--first-day", first_day))
    registry_folder.write(real_registry.tables(real, heartbeat_min), registry)
    from_us, to_us = real_messages.window(real)
    deliver(real_messages.messages(real, heartbeat_min), capture, "replay", from_us, to_us)
    energy = sum(session.energy_kwh for session in real.sessions)
    say(f"{len(real.sessions)} sessions, {energy} kWh; registry tables in {registry}.")


def simulate(
    *,
    registry: Registry,
    truth: Annotated[Path, typer.Option(help="File for the truth about the city (JSON, .gz compresses).")],
    capture: Capture = None,
    mqtt: Mqtt = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 137,
    from_day: Annotated[str, typer.Option("--from", help="First day (in Asia/Shanghai).")] = "2023-06-01",
    to_day: Annotated[str, typer.Option("--to", help="Day after the last one.")] = "2023-07-01",
    stations: Annotated[int, typer.Option(help="Number of stations, 4 to 2,000.")] = 24,
    cheat: Annotated[
        list[str] | None,
        typer.Option(help="PATTERN=RATE: inject a way to cheat at this rate (repeat for several; all=RATE: each)."),
    ] = None,
    honest_oddities: Annotated[
        bool, typer.Option("--honest-oddities", help="Mix in honest traffic that looks odd: taxis, night tariffs …")
    ] = False,
) -> None:
    """Simulate a city whose truth is known: registry tables, messages, and a file that says what truly was.

    Example: chargewatch simulate --seed 7 --registry city/ --capture city.ndjson.gz --truth truth.json
    """
    from simulators import registry_folder
    from simulators.cheats.patterns import rates
    from simulators.month import simulate as city_month

    one_way(capture, mqtt)
    first, last = day("--from", from_day), day("--to", to_day)
    if not 1 <= (last - first).days <= 366:
        raise Refusal(f"--from {first} --to {last}", "1 to 366 days, --to after --from")
    if not 4 <= stations <= 2000:
        raise Refusal(f"--stations is {stations}", "4 to 2,000")
    month = city_month(seed, first, last, stations, rates(cheat or ()), honest_oddities)
    registry_folder.write(month.registry, registry)
    month.truth.write(truth)
    deliver(month.messages(), capture, "simulate", month.truth.from_us, month.dispatch.end_us())
    say(f"{len(month.truth.connectors)} connectors, {len(month.truth.sessions)} orders; the truth is in {truth}.")


def one_way(capture: Path | None, mqtt: bool) -> None:
    """Refuse a call that names no way out for the messages, or two."""
    if (capture is None) != mqtt:
        raise Refusal("both or neither of --capture and --mqtt are given", "one of them")


def day(option: str, text: str) -> date:
    """The calendar day of an option's value; Refusal if it is none, or no year to simulate."""
    try:
        value = date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{option} is {text!r}", "a day as YYYY-MM-DD") from None
    if not EARLIEST <= value <= LATEST:
        raise Refusal(f"{option} is {text}", f"a day from {EARLIEST} to {LATEST}")
    return value


def deliver(messages: Iterable["Message"], capture: Path | None, what: str, from_us: int, to_us: int) -> None:
    """Send messages into the capture file, or to the broker where none is named; says how many went."""
    from chargewatch.broker import address
    from chargewatch.settings import load
    from simulators import capture_file
    from simulators.broker import publish

    with _bar(what, from_us, to_us) as seen:
        if capture is not None:
            written = capture_file.write(messages, capture, seen)
            sentence = f"{written} messages written to {capture}."
        else:
            result = publish(messages, address(load()), seen)
            if result.refused:
                raise CheckFailed(
                    f"The broker refused {result.refused} of {result.acknowledged} messages; "
                    "is this user allowed to write below ev/1/?"
                )
            unheard = f" ({result.unheard} of them had no subscriber)" if result.unheard else ""
            sentence = f"{result.acknowledged} messages acknowledged by the broker{unheard}."
    say(sentence)


@contextmanager
def _bar(what: str, from_us: int, to_us: int) -> Iterator[Callable[["Message"], None]]:
    """A progress bar over the simulated days; its note is the simulated time."""
    from simulators.calendar import DAY_US

    with progress(what, (to_us - from_us) // DAY_US, "days") as advance:
        reached = from_us
        unsaid = 0

        def seen(message: "Message") -> None:
            nonlocal reached, unsaid
            unsaid += 1
            if unsaid < 500 and message.sent_us < reached + DAY_US:
                return
            unsaid = 0
            days = max(0, (min(message.sent_us, to_us) - reached) // DAY_US)
            reached += days * DAY_US
            advance(days, from_us_local(message.sent_us))

        yield seen
        advance((to_us - reached) // DAY_US)


def from_us_local(us: int) -> str:
    """Simulated time as the city's clocks show it."""
    from simulators.calendar import ZONE

    return from_us(us).astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
