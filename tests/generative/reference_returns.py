"""Chargers that come back, said again day by day: semantics.md 2.6 and the rule of uptime.returning, slowly.

Days are numbers. A charger has rows (valid_from, serial, commissioned, retired), of which the latest that has begun is
in force on a day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIRST, LAST = -6, 19
"""Days looked at; nothing happens outside of them."""


@dataclass(frozen=True)
class Row:
    """One row of a charger in the registry."""

    valid_from: int | None
    serial: str
    commissioned: int | None
    retired: int | None


Chargers = Mapping[str, Sequence[Row]]
"""All chargers of one operator, by id."""


def in_force(rows: Sequence[Row], day: int) -> Row | None:
    """The row that holds on a day."""
    begun = [row for row in rows if row.valid_from is None or row.valid_from <= day]
    return max(begun, key=lambda row: FIRST - 1 if row.valid_from is None else row.valid_from, default=None)


def serves(rows: Sequence[Row], day: int) -> str | None:
    """The number with which a charger serves on a day by the registry's days; None if it does not."""
    row = in_force(rows, day)
    if row is None or (row.commissioned is not None and day < row.commissioned):
        return None
    return None if row.retired is not None and day >= row.retired else plain(row.serial)


def plain(serial: str) -> str:
    """A serial number without what is not told apart."""
    return serial.upper().replace(" ", "").replace("-", "")


def serving(chargers: Chargers, serial: str, day: int) -> set[str]:
    """Chargers that serve with that number on a day."""
    return {name for name, rows in chargers.items() if serves(rows, day) == serial}


def retires(chargers: Chargers, name: str, serial: str, day: int) -> bool:
    """Whether a charger that served with that number the day before is retired on this day."""
    row = in_force(chargers[name], day - 1)
    return serves(chargers[name], day - 1) == serial and row is not None and row.retired == day


def absence(chargers: Chargers, serial: str, day: int) -> tuple[int, int] | None:
    """From the day on which the number went to the day on which it is back, if it is away on a day for a while."""
    if not serial or serving(chargers, serial, day):
        return None
    went, back = day, day
    while went > FIRST and not serving(chargers, serial, went - 1):
        went -= 1
    while back < LAST and not serving(chargers, serial, back):
        back += 1
    if went == FIRST or back == LAST or not any(retires(chargers, name, serial, went) for name in chargers):
        return None
    return went, back


def away(chargers: Chargers, name: str, day: int, most: int) -> int | None:
    """Since which day a charger is away on a day, to come back within `most` days; None if it is not."""
    for serial in {plain(row.serial) for row in chargers[name]}:
        gone = absence(chargers, serial, day)
        if gone is not None and gone[1] - gone[0] <= most and retires(chargers, name, serial, gone[0]):
            return gone[0]
    return None


def comes_back(chargers: Chargers, name: str, day: int, most: int) -> bool:
    """Whether a charger is commissioned on that day with a number that was away for at most so long, or not at all."""
    row = in_force(chargers[name], day)
    serial = serves(chargers[name], day)
    if row is None or not serial or row.commissioned != day or serves(chargers[name], day - 1) == serial:
        return False
    before = serving(chargers, serial, day - 1)
    if not before:
        gone = absence(chargers, serial, day - 1)
        return gone is not None and gone[1] - gone[0] <= most
    stays = before & serving(chargers, serial, day)
    return not stays and any(retires(chargers, one, serial, day) for one in before)
