"""Chargers of two stations in one place: positions within the policy's distance, on days that both are in service."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from subsidy.identity.holdings import Registered, served, turns
from subsidy.positions import Near, Position

Station = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Stand:
    """A charger at a position on days [first_day, end_day); `own`: the position is the charger's, not its station's."""

    position: Position
    station: Station
    charger_id: str
    kind: str
    own: bool
    first_day: date
    end_day: date

    def meets(self, other: "Stand") -> bool:
        """Whether both stand there on one day."""
        return self.first_day < other.end_day and other.first_day < self.end_day


@dataclass(frozen=True, slots=True)
class Meeting:
    """A charger, the nearest one of another station, and how far apart they stand (mm)."""

    one: Stand
    other: Stand
    apart_mm: int


def stands(registered: Registered) -> Iterator[Stand]:
    """Where every charger stood, when; one without a position of its own stands where its station does."""
    for row, first, end in served(registered.chargers):
        station = (row["operator_id"], row["station_id"])
        if row["longitude"] is not None and row["latitude"] is not None:
            position = (row["longitude"], row["latitude"])
            yield Stand(position, station, row["charger_id"], row["kind"], True, first, end)
            continue
        for place, opened, replaced in turns(registered.stations.of(*station)):
            since, until = max(first, opened), min(end, replaced, place["closed_on"] or date.max)
            if place["longitude"] is not None and place["latitude"] is not None and since < until:
                position = (place["longitude"], place["latitude"])
                yield Stand(position, station, row["charger_id"], row["kind"], False, since, until)


def meetings(all_stands: list[Stand], within_m: Decimal) -> Iterator[Meeting]:
    """Each charger that stands within the distance of another station's, with the nearest such one."""
    at: dict[Position, dict[Station, list[Stand]]] = {}
    for stand in all_stands:
        at.setdefault(stand.position, {}).setdefault(stand.station, []).append(stand)
    near = Near({position: dict(sorted(there.items())) for position, there in at.items()}, within_m)
    for position, here in sorted(at.items()):
        around = sorted(near.to(position), key=lambda one: one[0])
        for station, mine in sorted(here.items()):
            for stand in mine:
                found = _nearest(stand, station, around)
                if found is not None:
                    yield found


def _nearest(stand: Stand, station: Station, around: list[tuple[int, dict[Station, list[Stand]]]]) -> Meeting | None:
    for apart, there in around:
        for other, stood in there.items():
            for theirs in stood if other != station else ():
                if stand.meets(theirs):
                    return Meeting(stand, theirs, apart)
    return None
