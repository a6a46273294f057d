"""What the grid supplied to an account in a month, from the bills that were imported."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from subsidy import serials
from subsidy.amounts import EXACT, ZERO
from subsidy.periods import Period
from subsidy.versions import Row


@dataclass(frozen=True, slots=True)
class Supply:
    """An account's month: kWh, None where bills do not tell; and what they say: `billed`, `none`, `2 of 30 days`."""

    kwh: Decimal | None
    state: str
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class _Bill:
    first_day: date
    end_day: date
    kwh: Decimal
    document: str


class Bills:
    """All bills of the city by account; an account's number is the same number, whoever handed its bill in."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._of: dict[str, set[_Bill]] = {}
        for row in rows:
            bill = _Bill(row["from"], row["to"], row["energy_kwh"], row["document"] or "")
            self._of.setdefault(serials.normal(row["grid_account"]), set()).add(bill)

    def supplied(self, account: str, month: Period) -> Supply:
        """What an account's bills say of a month; a bill over several months counts by its days (ours).

        Nothing where they leave out a day of it, or two of them are for one day: a bill handed in twice with two
        amounts proves neither.
        """
        days = (month.end_day - month.first_day).days
        covered, kwh, whole = 0, ZERO, set[int]()
        bills = sorted(self._of.get(account, ()))
        mine = [one for one in bills if one.first_day < month.end_day and one.end_day > month.first_day]
        same = {(one.first_day, one.end_day, one.kwh): one for one in mine}
        for one in same.values():
            first, end = max(one.first_day, month.first_day), min(one.end_day, month.end_day)
            covered += (end - first).days
            whole.update(range(first.toordinal(), end.toordinal()))
            share = EXACT.multiply(one.kwh, Decimal((end - first).days))
            kwh += EXACT.divide(share, Decimal((one.end_day - one.first_day).days))
        documents = tuple(sorted({one.document for one in mine if one.document}))
        if not covered:
            return Supply(None, "none")
        if covered > len(whole):
            return Supply(None, "two bills for one day", documents)
        if covered < days:
            return Supply(None, f"{covered} of {days} days", documents)
        return Supply(kwh, "billed", documents)
