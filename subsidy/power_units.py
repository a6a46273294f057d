"""Power units that several chargers share: who is registered on them, and how much of their lifetime cap is used."""

from collections.abc import Container
from datetime import date
from decimal import Decimal

from subsidy import award as amounts
from subsidy import serials
from subsidy.amounts import ZERO
from subsidy.policy import Policy
from subsidy.versions import Row, Versions


class PowerUnits:
    """All power units of a registry, with what has been awarded on each of them so far."""

    def __init__(self, chargers: Versions, units: Versions, policy: Policy) -> None:
        self._chargers, self._units, self._policy = chargers, units, policy
        self._ever: dict[tuple[str, str], set[str]] = {}
        self._serials: dict[tuple[str, str], set[str]] = {}
        self._awarded: dict[tuple[str, str], Decimal] = {}
        for row in chargers.every():
            if row["power_unit_id"]:
                key = (row["operator_id"], row["power_unit_id"])
                self._ever.setdefault(key, set()).add(row["charger_id"])
                self._serials.setdefault(key, set()).add(serials.normal(row["serial_no"]))

    def of(self, charger: Row, day: date) -> Row | None:
        """The unit that feeds a charger on a day, if any."""
        unit_id = charger["power_unit_id"]
        return self._units.on(day, charger["operator_id"], unit_id) if unit_id else None

    def registered(self, unit: Row, day: date) -> dict[str, Decimal]:
        """DC ratings (kW) by charger id of all registered on a unit on a day, eligible or not; retired ones are not."""
        found = {}
        for charger_id in sorted(self._ever.get(_key(unit), ())):
            row = self._chargers.on(day, unit["operator_id"], charger_id)
            if row is None or row["power_unit_id"] != unit["power_unit_id"] or row["kind"] == "ac":
                continue
            if row["retired_on"] is None or day < row["retired_on"]:
                found[charger_id] = row["rated_kw_dc"] or ZERO
        return found

    def share(self, unit: Row, charger_id: str, day: date) -> Decimal:
        """A charger's share in the unit's rating on a day, yuan."""
        return amounts.unit_shares(self.registered(unit, day), unit["rated_kw"], self._policy).get(charger_id, ZERO)

    def left(self, unit: Row, day: date, earlier: serials.Subsidised, awarded_serials: Container[str]) -> Decimal:
        """What the cap leaves: less awards made by these rules, and the registry's for serial numbers ever on the unit.

        An award of the registry for a serial number in `awarded_serials` is one that these rules made, entered there.
        """
        used = self._awarded.get(_key(unit), ZERO)
        for serial in sorted(self._serials.get(_key(unit), ())):
            if serial in awarded_serials:
                continue
            used += sum((row["amount_yuan"] for row in earlier.earlier(serial, day) if row["kind"] != "ac"), ZERO)
        return max(ZERO, amounts.cap(unit["rated_kw"], self._policy) - used)

    def add(self, unit: Row, dc_yuan: Decimal) -> None:
        """Another award's DC amount."""
        self._awarded[_key(unit)] = self._awarded.get(_key(unit), ZERO) + dc_yuan


def _key(unit: Row) -> tuple[str, str]:
    return (unit["operator_id"], unit["power_unit_id"])
