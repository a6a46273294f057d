"""Every award that these rules make, day by day: once per serial number, within each power unit's lifetime cap."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from subsidy import award as amounts
from subsidy import serials
from subsidy.amounts import ZERO, shared
from subsidy.award import Award
from subsidy.eligibility import Eligibility
from subsidy.policy import Policy
from subsidy.power_units import PowerUnits
from subsidy.versions import Row

Charger = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Awarded:
    """An award, the day on which the last condition was met, and the charger's row on that day."""

    operator_id: str
    charger_id: str
    serial: str
    day: date
    charger: Row
    award: Award


@dataclass
class Awards:
    """All awards up to a day, by charger and by serial number."""

    by_charger: dict[Charger, Awarded] = field(default_factory=dict)
    by_serial: dict[str, Awarded] = field(default_factory=dict)


@dataclass(slots=True)
class _Claim:
    key: Charger
    row: Row
    serial: str
    unit: Row | None
    award: Award


class Awarding:
    """The rules of awarding over one registry and its evidence."""

    def __init__(self, eligibility: Eligibility, earlier: serials.Subsidised, policy: Policy) -> None:
        self.eligibility, self.earlier, self.policy = eligibility, earlier, policy
        self.units = PowerUnits(eligibility.chargers, eligibility.power_units, policy)
        self.awards = Awards()
        self._replaces = {
            serials.normal(row["serial_no"]): serials.normal(row["replaces_serial_no"])
            for row in eligibility.chargers.every()
        }

    def until(self, last_day: date) -> Awards:
        """All awards whose last condition was met on or before `last_day`.

        A charger's day is the first on which it fails nothing. Of several with one serial number the first day counts,
        then the earlier commissioning, then operator and charger id; the others are subsidised already.
        """
        by_day: dict[date, list[_Claim]] = {}
        for operator_id, charger_id in self.eligibility.chargers.all_keys():
            claim = self._claim((operator_id, charger_id), last_day)
            if claim is not None:
                by_day.setdefault(claim[0], []).append(claim[1])
        for day in sorted(by_day):
            self._decide(day, by_day[day])
        return self.awards

    def subsidised_by(self, operator_id: str, charger_id: str, serial: str, day: date) -> str | None:
        """By what a serial number had been subsidised on a day, other than by this charger's own award; None if not."""
        for row in self.earlier.earlier(serial, day):
            return f"{row['programme']} on {row['awarded_on']}"
        made = self.awards.by_serial.get(serial)
        if made is None or made.day > day or (made.operator_id, made.charger_id) == (operator_id, charger_id):
            return None
        return f"charger {made.charger_id} of {made.operator_id} on {made.day}"

    def _claim(self, key: Charger, last_day: date) -> tuple[date, _Claim] | None:
        day = self.eligibility.first_day(*key, last_day)
        while day is not None:
            row = self._row(key, day)
            serial = serials.normal(row["serial_no"])
            if not self.earlier.earlier(serial, day):
                return day, _Claim(key, row, serial, self.units.of(row, day), Award(()))
            # Free again once an award is revoked, or under another number; then all conditions anew.
            changes = [*self.earlier.days(serial), *self.eligibility.chargers.days(*key)]
            since = min((one for one in changes if one > day), default=None)
            day = self.eligibility.first_day(*key, last_day, since) if since is not None else None
        return None

    def _row(self, key: Charger, day: date) -> Row:
        row = self.eligibility.chargers.on(day, *key)
        assert row is not None
        return row

    def _decide(self, day: date, claims: list[_Claim]) -> None:
        first: dict[str, _Claim] = {}
        for claim in sorted(claims, key=lambda claim: (claim.row["commissioned_on"], claim.key)):
            if claim.serial not in self.awards.by_serial:
                first.setdefault(claim.serial, claim)
        for claim in first.values():
            claim.award = self._award(claim, day)
        self._keep_caps(day, list(first.values()))
        for claim in first.values():
            made = Awarded(*claim.key, claim.serial, day, claim.row, claim.award)
            self.awards.by_charger[claim.key] = self.awards.by_serial[claim.serial] = made

    def _award(self, claim: _Claim, day: date) -> Award:
        paid = self._paid_for_replaced(claim, day)
        limit = None
        if claim.unit is not None:
            limit = min(self.units.share(claim.unit, claim.key[1], day), self._left(claim.unit, day) + paid)
        award = amounts.gross(claim.row, limit, self.policy)
        return amounts.increment(award, paid) if paid else award

    def _left(self, unit: Row, day: date) -> Decimal:
        return self.units.left(unit, day, self.earlier, self.awards.by_serial)

    def _paid_for_replaced(self, claim: _Claim, day: date) -> Decimal:
        """What was awarded for the charger that this one replaces, for the one that that one replaced, and so on."""
        paid, seen = ZERO, {claim.serial}
        serial = serials.normal(claim.row["replaces_serial_no"])
        while serial and serial not in seen:
            seen.add(serial)
            made = self.awards.by_serial.get(serial)
            before = self.earlier.earlier(serial, day)
            paid += made.award.amount if made else sum((row["amount_yuan"] for row in before), ZERO)
            serial = self._replaces.get(serial, "")
        return paid

    def _keep_caps(self, day: date, claims: list[_Claim]) -> None:
        """Cut one day's awards on a power unit to what its cap leaves, in proportion to themselves."""
        by_unit: dict[Charger, list[_Claim]] = {}
        for claim in claims:
            if claim.unit is not None:
                by_unit.setdefault((claim.key[0], claim.unit["power_unit_id"]), []).append(claim)
        for group in by_unit.values():
            unit = group[0].unit
            assert unit is not None
            left = self._left(unit, day)
            wanted = {claim.key[1]: claim.award.dc_amount() for claim in group}
            granted = shared(left, wanted) if sum(wanted.values(), ZERO) > left else wanted
            for claim in group:
                claim.award = amounts.within(claim.award, granted[claim.key[1]])
                self.units.add(unit, claim.award.dc_amount())
