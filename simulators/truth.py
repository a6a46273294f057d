"""What a perfect observer of the simulated city knows, and how a measurement differs from it.

The true state of a connector is `serving`, `faulted` or `out_of_service` at each instant of its service life.
"""

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from chargewatch.errors import Refusal
from chargewatch.instants import seconds

CAUSES = ("clock", "lost", "late", "silence")
"""Why a measurement may differ, the first that applies explains it; `none` where nothing does."""
Span = tuple[int, int]


class TrueInterval(msgspec.Struct, frozen=True):
    """One true state in [from_us, to_us) and why."""

    state: str
    from_us: int
    to_us: int
    why: str


class Disturbance(msgspec.Struct, frozen=True):
    """What happened to a connector's messages in [from_us, to_us).

    `felt_until_us` is when its next status arrived in time: until then a measurement may be wrong because of it.
    """

    cause: str
    from_us: int
    to_us: int
    felt_until_us: int
    what: str


class TrueConnector(msgspec.Struct, frozen=True):
    """A connector's service life in the period as a gap-free run of true states.

    `deducted` are the spans of maintenance that was approved and filed before it began.
    """

    operator_id: str
    station_id: str
    connector_id: str
    intervals: tuple[TrueInterval, ...]
    deducted: tuple[Span, ...]
    disturbances: tuple[Disturbance, ...]


class TrueSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session as it was, and what became of its order; a fabricated order has no true energy.

    `cheat`: the pattern that was injected into it (simulators.cheats), with `due_kwh`, the energy that is owed all the
    same. Of honest ones `oddity` says why one looks odd, `beside` which cheat at its connector it contradicts.
    """

    operator_id: str
    connector_id: str
    session_id: str
    start_us: int
    end_us: int
    true_kwh: str
    claimed_kwh: str
    fate: str
    cheat: str = ""
    due_kwh: str = ""
    oddity: str = ""
    beside: str = ""


class TrueCheat(msgspec.Struct, frozen=True, omit_defaults=True):
    """A cheat that is no single order's: which, and the station, charger, connector or declaration it is about.

    `beside`: operator and id of the honest one that it pretends to be.
    """

    pattern: str
    level: str
    operator_id: str
    id: str
    beside: tuple[str, str] | None = None


class Nuisance(msgspec.Struct, frozen=True):
    """A message that was spoilt on purpose, and the reason code that its items should be quarantined with."""

    sent_us: int
    operator_id: str
    topic: str
    expected: str
    items: int
    what: str


class Truth(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that is true of one simulated period [from_us, to_us)."""

    seed: int
    from_us: int
    to_us: int
    connectors: tuple[TrueConnector, ...]
    sessions: tuple[TrueSession, ...]
    nuisances: tuple[Nuisance, ...]
    cheats: tuple[TrueCheat, ...] = ()

    def write(self, path: Path) -> None:
        """Write it as JSON (gzip if the name ends in .gz), the same truth into the same bytes."""
        text = json.dumps(msgspec.to_builtins(self), ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"
        try:
            path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
        except OSError as error:
            raise Refusal(f"the truth file {path} cannot be written: {error.strerror}") from None


def read(path: Path) -> Truth:
    """The truth of a file that `Truth.write` wrote; Refusal if it is none."""
    try:
        data = path.read_bytes()
        return msgspec.json.decode(gzip.decompress(data) if path.suffix == ".gz" else data, type=Truth)
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise Refusal(f"{path} is no truth file: {error}", "one written by chargewatch simulate --truth") from None


@dataclass(frozen=True, slots=True)
class Measured:
    """One service interval as it was measured."""

    operator_id: str
    connector_id: str
    state: str
    from_us: int
    to_us: int


def compare(truth: Truth, measured: Iterable[Measured]) -> list[dict[str, Any]]:
    """Per connector: true and measured availability (137-七), and each interval where they differ, with its cause.

    Rows, sorted by operator and connector: `operator_id`, `station_id`, `connector_id`, `required_us`, `true_up_us`,
    `measured_up_us`, `true_ratio`, `measured_ratio` (eight decimals, truncated, None where nothing is required),
    `disturbed` (whether anything happened to its messages), `differences`: a list of `from_us`, `to_us`, `seconds`,
    `true_state`, `measured_state` (None where nothing was measured), `counts` (whether availability changes by it),
    `cause` and `what`. Time is taken out where maintenance was approved and filed in time, on both sides alike.
    """
    found: dict[tuple[str, str], list[Measured]] = {}
    for interval in measured:
        found.setdefault((interval.operator_id, interval.connector_id), []).append(interval)
    return [
        _compare_one(connector, sorted(found.get((connector.operator_id, connector.connector_id), ()), key=_from))
        for connector in sorted(truth.connectors, key=lambda one: (one.operator_id, one.connector_id))
    ]


def _from(interval: Measured) -> int:
    return interval.from_us


def _compare_one(connector: TrueConnector, measured: Sequence[Measured]) -> dict[str, Any]:
    required = true_up = measured_up = 0
    differences: list[dict[str, Any]] = []
    for from_us, to_us, true_state, measured_state, deducted in _pieces(connector, measured):
        length = to_us - from_us
        if not deducted:
            required += length
            true_up += length * (true_state == "serving")
            measured_up += length * (measured_state == "serving")
        if true_state == measured_state:
            continue
        cause, what = _explain(connector, from_us, to_us)
        counts = not deducted and (true_state == "serving") != (measured_state == "serving")
        last = differences[-1] if differences else None
        same = (true_state, measured_state, counts, cause, what)
        keys = ("true_state", "measured_state", "counts", "cause", "what")
        if last and last["to_us"] == from_us and tuple(last[key] for key in keys) == same:
            last["to_us"] = to_us
            last["seconds"] = seconds(to_us - last["from_us"])
        else:
            differences.append(
                {"from_us": from_us, "to_us": to_us, "seconds": seconds(length), **dict(zip(keys, same, strict=True))}
            )
    return {
        "operator_id": connector.operator_id,
        "station_id": connector.station_id,
        "connector_id": connector.connector_id,
        "required_us": required,
        "true_up_us": true_up,
        "measured_up_us": measured_up,
        "true_ratio": ratio(true_up, required),
        "measured_ratio": ratio(measured_up, required),
        "disturbed": bool(connector.disturbances),
        "differences": differences,
    }


def ratio(up_us: int, required_us: int) -> str | None:
    """Availability with eight decimals, truncated; None where nothing is required."""
    if not required_us:
        return None
    scaled = int(Fraction(up_us, required_us) * 10**8)
    return f"{scaled // 10**8}.{scaled % 10**8:08d}"


def _pieces(connector: TrueConnector, measured: Sequence[Measured]) -> Iterable[tuple[int, int, str, str | None, bool]]:
    """The service life cut wherever either side or a deduction changes."""
    first, last = connector.intervals[0].from_us, connector.intervals[-1].to_us
    cuts = {first, last}
    for interval in connector.intervals:
        cuts.add(interval.to_us)
    for one in measured:
        cuts.update((one.from_us, one.to_us))
    for disturbance in connector.disturbances:
        cuts.update((disturbance.from_us, disturbance.to_us, disturbance.felt_until_us))
    for span in connector.deducted:
        cuts.update(span)
    edges = sorted(cut for cut in cuts if first <= cut <= last)
    true_index = measured_index = 0
    for from_us, to_us in pairwise(edges):
        while connector.intervals[true_index].to_us <= from_us:
            true_index += 1
        while measured_index < len(measured) and measured[measured_index].to_us <= from_us:
            measured_index += 1
        holds = measured_index < len(measured) and measured[measured_index].from_us <= from_us
        yield (
            from_us,
            to_us,
            connector.intervals[true_index].state,
            measured[measured_index].state if holds else None,
            any(span[0] <= from_us < span[1] for span in connector.deducted),
        )


def _explain(connector: TrueConnector, from_us: int, to_us: int) -> tuple[str, str]:
    """What was under way in the interval comes before what is still felt of something earlier."""
    under_way = [one for one in connector.disturbances if one.from_us < to_us and from_us < one.to_us]
    felt = [one for one in connector.disturbances if one.from_us < to_us and from_us < one.felt_until_us]
    for candidates in (under_way, felt):
        if candidates:
            first = min(candidates, key=lambda one: (CAUSES.index(one.cause), one.from_us))
            return first.cause, first.what
    return "none", ""
