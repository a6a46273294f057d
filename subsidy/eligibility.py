"""Building subsidy, conditions of semantics 6: what a charger fails on a day, and the first day it fails nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from subsidy import qualification, serials
from subsidy.policy import Policy
from subsidy.versions import Key, Row, Versions


@dataclass(frozen=True, slots=True)
class Operation:
    """What shows that chargers are connected and operating, as policy days.

    `first_item`: (operator, connector, charger) → day of the connector's first status or meter item at that charger;
    `first_proven`: (operator, charger) → day of the end of its first proven session.
    """

    first_item: Mapping[tuple[str, str, str], date]
    first_proven: Mapping[tuple[str, str], date]


class Eligibility:
    """The conditions over one registry and its operating evidence."""

    def __init__(self, tables: Mapping[str, Versions], operation: Operation, policy: Policy) -> None:
        self.operators, self.stations = tables["operators"], tables["stations"]
        self.chargers, self.connectors = tables["chargers"], tables["connectors"]
        self.power_units = tables["power_units"]
        self.operation, self.policy = operation, policy
        self.commissioned = serials.earliest_commissioning(self.chargers)
        self._connectors_of: dict[Key, set[str]] = {}
        for row in self.connectors.every():
            self._connectors_of.setdefault((row["operator_id"], row["charger_id"]), set()).add(row["connector_id"])

    def failures(self, operator_id: str, charger_id: str, day: date) -> list[str]:
        """Codes of the conditions that a charger does not meet on a day, in the order of semantics 6.

        That its serial number may have been subsidised before is not among them: `awarding` knows.
        """
        charger = self.chargers.on(day, operator_id, charger_id)
        if charger is None:
            return ["not_registered"]
        station = self.stations.on(day, operator_id, charger["station_id"])
        return [
            *self._place(station),
            *self._window(charger, day),
            *self._operation(charger, day),
            *qualification.failures(self.operators.on(day, operator_id), day, self.policy),
            *self._technical(charger, day),
        ]

    def first_day(self, operator_id: str, charger_id: str, last_day: date, since: date = date.min) -> date | None:
        """The first day from `since` to `last_day` on which a charger meets all of them; None if there is none."""
        proven = self.operation.first_proven.get((operator_id, charger_id))
        if proven is None:  # the commonest way to fail, and no later fact can date it back
            return None
        earliest = max(proven, since)
        changes = {day for day in self._changes(operator_id, charger_id) if day > earliest} | {earliest}
        for day in sorted(changes):
            if day > last_day:
                return None
            if not self.failures(operator_id, charger_id, day):
                return day
        return None

    def _place(self, station: Row | None) -> Iterable[str]:
        if station is None or station["category"] not in self.policy.categories.values:
            yield "not_public"
        if station is None or station["district"] not in self.policy.districts.values:
            yield "outside_scope"

    def _window(self, charger: Row, day: date) -> Iterable[str]:
        window = self.policy.build.window
        completed, own = charger["completed_on"], charger["commissioned_on"]
        commissioned = self.commissioned.get(serials.normal(charger["serial_no"]), own)
        if completed is None or completed > day:
            yield "completion_missing"
        if completed is not None and not window.holds(completed):
            yield "completed_outside_window"
        if own is None or own > day:
            yield "commissioning_missing"
        if commissioned is not None and not window.holds(commissioned):
            yield "commissioned_outside_window"

    def _operation(self, charger: Row, day: date) -> Iterable[str]:
        operator_id, charger_id = charger["operator_id"], charger["charger_id"]
        connectors = self.connectors_on(operator_id, charger_id, day)
        first = [self.operation.first_item.get((operator_id, connector, charger_id)) for connector in connectors]
        if not connectors:
            yield "no_connectors"
        elif any(item is None or item > day for item in first):
            yield "not_connected"
        proven = self.operation.first_proven.get((operator_id, charger_id))
        if proven is None or proven > day:
            yield "no_proven_session"
        if charger["accepted_on"] is None or charger["accepted_on"] > day:
            yield "not_accepted"
        if charger["retired_on"] is not None and charger["retired_on"] <= day:
            yield "retired"

    def _technical(self, charger: Row, day: date) -> Iterable[str]:
        if not serials.normal(charger["serial_no"]):
            yield "serial_missing"
        if not (charger["rated_kw_dc"] if charger["kind"] != "ac" else charger["rated_kw_ac"]):
            yield "rating_missing"
        unit = charger["power_unit_id"]
        if charger["form"] == "split" and (not unit or self.power_units.on(day, charger["operator_id"], unit) is None):
            yield "split_without_power_unit"

    def connectors_on(self, operator_id: str, charger_id: str, day: date) -> list[str]:
        """Ids of a charger's connectors on a day."""
        found = []
        for connector_id in sorted(self._connectors_of.get((operator_id, charger_id), ())):
            row = self.connectors.on(day, operator_id, connector_id)
            if row is not None and row["charger_id"] == charger_id:
                found.append(connector_id)
        return found

    def _changes(self, operator_id: str, charger_id: str) -> set[date]:
        """Days from which something that the conditions read is another."""
        changes: set[date] = set()
        for row in self.chargers.of(operator_id, charger_id):
            dates = ("valid_from", "completed_on", "accepted_on", "commissioned_on")
            changes.update(row[name] for name in dates if row[name])
            changes.update(self.stations.days(operator_id, row["station_id"]))
            if row["power_unit_id"]:
                changes.update(self.power_units.days(operator_id, row["power_unit_id"]))
        for operator in self.operators.of(operator_id):
            changes.update(qualification.days(operator))
        for connector_id in self._connectors_of.get((operator_id, charger_id), ()):
            changes.update(self.connectors.days(operator_id, connector_id))
            item = self.operation.first_item.get((operator_id, connector_id, charger_id))
            if item:
                changes.add(item)
        return changes
