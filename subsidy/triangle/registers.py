"""What a billing meter saw between two of its readings: forward steps, exchanges of the meter, rollovers.

A step back that neither an exchange nor a rollover explains counts as nothing: no energy flowed backwards.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from chargewatch.instants import day_start_us
from subsidy import serials
from subsidy.amounts import ZERO
from subsidy.versions import Row

Connector = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """Two readings of one connector that follow each other: instants (µs) and registers (kWh)."""

    before_us: int
    before_kwh: Decimal
    at_us: int
    kwh: Decimal

    @property
    def rise(self) -> Decimal:
        """By how much the register went forward; negative: back."""
        return self.kwh - self.before_kwh


@dataclass(frozen=True, slots=True)
class Exchange:
    """A meter that made room for another one, within [from_us, to_us), with the registers that the registry gives."""

    from_us: int
    to_us: int
    last_kwh: Decimal | None
    first_kwh: Decimal | None


@dataclass(frozen=True, slots=True)
class Meters:
    """The meters of one connector: its exchanges, and the registers at which one starts again from 0, with its time."""

    exchanges: tuple[Exchange, ...] = ()
    rollovers: tuple[tuple[int, int, Decimal], ...] = ()


def of_connectors(rows: Iterable[Row], zone: ZoneInfo) -> dict[Connector, Meters]:
    """By connector its meters, from the registry's table `meters`."""
    by: dict[Connector, list[Row]] = {}
    for row in rows:
        by.setdefault((row["operator_id"], row["connector_id"]), []).append(row)
    return {connector: _meters(mine, zone) for connector, mine in by.items()}


def _meters(rows: list[Row], zone: ZoneInfo) -> Meters:
    rows = sorted(rows, key=lambda row: (row["installed_on"] or date.min, row["meter_no"]))
    exchanges = []
    for old, new in pairwise(rows):
        days = [day for day in (old["removed_on"], new["installed_on"]) if day is not None]
        same = serials.normal(old["meter_no"]) == serials.normal(new["meter_no"])
        if not days or (same and old["last_kwh"] is None and new["first_kwh"] is None):
            continue
        first, end = day_start_us(min(days), zone), day_start_us(max(days) + timedelta(days=1), zone)
        exchanges.append(Exchange(first, end, old["last_kwh"], new["first_kwh"]))
    rollovers = [
        (
            day_start_us(row["installed_on"], zone) if row["installed_on"] else -(2**62),
            day_start_us(row["removed_on"] + timedelta(days=1), zone) if row["removed_on"] else 2**62,
            row["rollover_at_kwh"],
        )
        for row in rows
        if row["rollover_at_kwh"]
    ]
    return Meters(tuple(exchanges), tuple(rollovers))


def seen(steps: Sequence[Step], meters: Meters) -> list[Decimal]:
    """The energy (kWh) that each step stands for; never less than 0."""
    breaks: dict[int, Exchange] = {}
    for exchange in meters.exchanges:
        touching = [nth for nth, step in enumerate(steps) if _touches(step, exchange)]
        chosen = _break(steps, touching, exchange)
        if chosen is not None:
            breaks[chosen] = exchange
    return [
        _across(step, breaks[nth]) if nth in breaks else _on_one_meter(step, meters) for nth, step in enumerate(steps)
    ]


def _touches(step: Step, exchange: Exchange) -> bool:
    return step.before_us < exchange.to_us and step.at_us >= exchange.from_us


def _break(steps: Sequence[Step], touching: list[int], exchange: Exchange) -> int | None:
    """The step over which the meter was exchanged: nearest to the registers that are on record, else the one back."""
    if exchange.last_kwh is None and exchange.first_kwh is None:
        touching = [nth for nth in touching if steps[nth].rise < 0]
        return min(touching, key=lambda nth: steps[nth].rise, default=None)

    def off(nth: int) -> Decimal:
        old = abs(steps[nth].before_kwh - exchange.last_kwh) if exchange.last_kwh is not None else ZERO
        new = abs(steps[nth].kwh - exchange.first_kwh) if exchange.first_kwh is not None else ZERO
        return old + new

    return min(touching, key=off, default=None)


def _across(step: Step, exchange: Exchange) -> Decimal:
    """What the old meter still counted, and what the new one already had."""
    last = step.before_kwh if exchange.last_kwh is None else exchange.last_kwh
    first = step.kwh if exchange.first_kwh is None else exchange.first_kwh
    return max(ZERO, last - step.before_kwh) + max(ZERO, step.kwh - first)


def _on_one_meter(step: Step, meters: Meters) -> Decimal:
    if step.rise >= 0:
        return step.rise
    for since, until, at in meters.rollovers:
        over = at - step.before_kwh + step.kwh
        # Of the two explanations, over the top or set back, the shorter way.
        if since <= step.at_us < until and ZERO <= over < -step.rise:
            return over
    return ZERO


def parsed(text: str | None) -> list[Step]:
    """Steps as the store gives them: `before_us before_kwh at_us kwh`, one after the other, with `;` between."""
    found = []
    for one in (text or "").split(";"):
        if one:
            before_us, before, at_us, kwh = one.split()
            found.append(Step(int(before_us), Decimal(before), int(at_us), Decimal(kwh)))
    return sorted(found, key=lambda step: step.at_us)


def exchange_days(meters: Mapping[Connector, Meters], connector: Connector, since: int, until: int) -> tuple[int, int]:
    """From the first to past the last day within [since, until) on which a meter was exchanged; (0, 0) if on none."""
    mine = [one for one in meters.get(connector, Meters()).exchanges if one.from_us < until and one.to_us > since]
    return (min(one.from_us for one in mine), max(one.to_us for one in mine)) if mine else (0, 0)
