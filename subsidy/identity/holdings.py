"""Who had a number, on which days: serial numbers, meters and QR codes with the chargers and connectors that bear them.

Days are half-open. A thing bears its number from its row's first day (a charger from its commissioning, where that is
later) until another row of it holds, or until it is taken out of service.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from subsidy import serials
from subsidy.versions import Row, Versions


@dataclass(frozen=True, slots=True)
class Holding:
    """A number at one thing (operator, id) on days [first_day, end_day), with the registry's row that says so."""

    number: str
    operator_id: str
    id: str
    charger_id: str
    kind: str
    first_day: date
    end_day: date
    table: str
    row: Row

    @property
    def thing(self) -> tuple[str, str]:
        """Operator and id."""
        return self.operator_id, self.id

    @property
    def evidence(self) -> dict[str, Any]:
        """The row by its key: table, id, the day it holds from, the number as it is written there."""
        written = {"chargers": "serial_no", "meters": "meter_no", "connectors": "qr_code"}[self.table]
        since = self.row.get("valid_from") or self.row.get("installed_on")
        return {
            "table": self.table,
            "operator_id": self.operator_id,
            "id": self.id,
            "valid_from": None if since is None else since.isoformat(),
            written: self.row[written],
        }


@dataclass(frozen=True, slots=True)
class Registered:
    """The registry's versions that identities are read from."""

    chargers: Versions
    connectors: Versions
    stations: Versions
    meters: tuple[Row, ...]


def serial_numbers(registered: Registered) -> Iterator[Holding]:
    """Each charger's serial numbers."""
    for row, first, end in served(registered.chargers):
        number = serials.normal(row["serial_no"])
        if number:
            key = (row["operator_id"], row["charger_id"])
            yield Holding(number, *key, row["charger_id"], row["kind"], first, end, "chargers", row)


def meters(registered: Registered) -> Iterator[Holding]:
    """Each connector's meters."""
    for row in registered.meters:
        number = serials.normal(row["meter_no"])
        first, end = row["installed_on"] or date.min, row["removed_on"] or date.max
        charger_id, kind, until = _connector(registered, row["operator_id"], row["connector_id"])
        if number and first < min(end, until):
            key = (row["operator_id"], row["connector_id"])
            yield Holding(number, *key, charger_id, kind, first, min(end, until), "meters", row)


def qr_codes(registered: Registered) -> Iterator[Holding]:
    """Each connector's QR codes; compared as they are, after NFKC and without blanks around them."""
    for row, first, end in in_turn(registered.connectors):
        number = unicodedata.normalize("NFKC", row["qr_code"] or "").strip()
        charger_id, kind, until = _connector(registered, row["operator_id"], row["connector_id"])
        if number and first < min(end, until):
            key = (row["operator_id"], row["connector_id"])
            yield Holding(number, *key, charger_id, kind, first, min(end, until), "connectors", row)


def in_turn(versions: Versions) -> Iterator[tuple[Row, date, date]]:
    """Every version with the days [from, to) on which it holds."""
    for key in versions.all_keys():
        yield from turns(versions.of(*key))


def turns(rows: list[Row]) -> Iterator[tuple[Row, date, date]]:
    """Versions of one thing, in the order of their days, with the days [from, to) on which each holds."""
    for nth, row in enumerate(rows, 1):
        yield row, row["valid_from"] or date.min, rows[nth]["valid_from"] if nth < len(rows) else date.max


def served(chargers: Versions) -> Iterator[tuple[Row, date, date]]:
    """Every version of a charger with the days on which it holds and the charger is in service; none without such."""
    for row, first, end in in_turn(chargers):
        since, until = in_service(row, first, end)
        if since < until:
            yield row, since, until


def in_service(charger: Row, first: date, end: date) -> tuple[date, date]:
    """The days of a charger's version on which it is in service."""
    return max(first, charger["commissioned_on"] or date.min), min(end, charger["retired_on"] or date.max)


def by_number(holdings: Iterable[Holding]) -> dict[str, list[Holding]]:
    """Holdings by number, each in the order of their days; only numbers that several things bore."""
    found: dict[str, list[Holding]] = {}
    for one in holdings:
        found.setdefault(one.number, []).append(one)
    several = {number: mine for number, mine in found.items() if len({one.thing for one in mine}) > 1}
    return {number: sorted(mine, key=_in_order) for number, mine in sorted(several.items())}


def at_once(holdings: list[Holding]) -> Iterator[tuple[Holding, Holding]]:
    """Each holding that has days in common with one of another thing, and one such other; by their order.

    One pass from either side: of what began earlier the two things that last longest are enough, of what begins later
    the two that begin first.
    """
    other: dict[int, Holding] = {}
    longest: list[Holding] = []
    for nth, one in enumerate(holdings):
        met = [before for before in longest if before.thing != one.thing and before.end_day > one.first_day]
        if met:
            other[nth] = met[0]
        rest = [before for before in longest if before.thing != one.thing]
        same = [before for before in longest if before.thing == one.thing]
        mine = max([one, *same], key=lambda held: held.end_day)
        longest = sorted([mine, *rest], key=lambda held: held.end_day, reverse=True)[:2]
    soonest: list[Holding] = []
    for nth in reversed(range(len(holdings))):
        one = holdings[nth]
        met = [after for after in soonest if after.thing != one.thing and after.first_day < one.end_day]
        if met:
            other.setdefault(nth, met[0])
        soonest = [one, *(after for after in soonest if after.thing != one.thing)][:2]
    for nth in sorted(other):
        yield holdings[nth], other[nth]


def _in_order(one: Holding) -> tuple[Any, ...]:
    return one.first_day, one.end_day, one.operator_id, one.id


def _connector(registered: Registered, operator_id: str, connector_id: str) -> tuple[str, str, date]:
    """The charger that a connector last belonged to, the connector's kind, the day they were taken out of service."""
    rows = registered.connectors.of(operator_id, connector_id)
    charger_id, kind = (rows[-1]["charger_id"], rows[-1]["kind"]) if rows else ("", "")
    chargers = registered.chargers.of(operator_id, charger_id)
    return charger_id, kind, (chargers[-1]["retired_on"] or date.max) if chargers else date.max
