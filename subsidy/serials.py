"""What the registry knows of each serial number, and what has been paid for it."""

from datetime import date

from registry.serials import normal
from subsidy.versions import Row, Versions

__all__ = ["Subsidised", "earliest_commissioning", "normal", "registered_for"]


def earliest_commissioning(chargers: Versions) -> dict[str, date]:
    """By serial number the earliest day of commissioning that any operator's row of any year gives."""
    earliest: dict[str, date] = {}
    for row in chargers.every():
        serial, day = normal(row["serial_no"]), row["commissioned_on"]
        if serial and day is not None and day < earliest.get(serial, date.max):
            earliest[serial] = day
    return earliest


def registered_for(chargers: Versions) -> dict[str, list[tuple[str, str]]]:
    """By serial number the chargers (operator, id) that ever had it; more than one is a finding."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in chargers.every():
        serial = normal(row["serial_no"])
        if serial:
            found.setdefault(serial, set()).add((row["operator_id"], row["charger_id"]))
    return {serial: sorted(chargers_of) for serial, chargers_of in found.items()}


class Subsidised:
    """What has been paid for each serial number: the registry's earlier awards, and those that these rules made."""

    def __init__(self, awards: list[Row], *, revoked_counts: bool) -> None:
        self._awards: dict[str, list[Row]] = {}
        for row in _once(awards):
            self._awards.setdefault(normal(row["serial_no"]), []).append(row)
        self._revoked_counts = revoked_counts

    def earlier(self, serial: str, day: date) -> list[Row]:
        """The registry's awards for a serial number that stand on that day."""
        return [
            row
            for row in self._awards.get(serial, [])
            if row["awarded_on"] <= day
            and (self._revoked_counts or row["revoked_on"] is None or day < row["revoked_on"])
        ]

    def days(self, serial: str) -> list[date]:
        """Days on which that changes."""
        return [row["revoked_on"] for row in self._awards.get(serial, []) if row["revoked_on"] is not None]


def _once(awards: list[Row]) -> list[Row]:
    """Of one award that is on record under several ways of writing its number the larger amount, standing the longest.

    The registry's key takes a serial number as it is written, so an import that writes it otherwise adds a row.
    """
    found: dict[tuple[object, ...], Row] = {}
    for row in awards:
        key = (normal(row["serial_no"]), row["awarded_on"], row["programme"], row["kind"] or "")
        other = found.get(key, row)
        amount = max(row["amount_yuan"], other["amount_yuan"])
        revoked = max(row["revoked_on"] or date.max, other["revoked_on"] or date.max)
        found[key] = {**row, "amount_yuan": amount, "revoked_on": None if revoked == date.max else revoked}
    return list(found.values())
