"""The amount of one charger's building award: output power counted once × the rate of its kind (137-六).

In stages: the output of each kind; for DC behind a power unit its share of the unit; the sum or the larger of both;
less what an earlier award paid for the charger it replaces; no more than the unit's lifetime cap leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from subsidy.amounts import EXACT, ZERO, money, plain, shared, to_fen, whole_fen
from subsidy.policy import Policy
from subsidy.versions import Row


@dataclass(frozen=True, slots=True)
class Part:
    """What one kind of output earns."""

    kind: str
    subsidised_kw: Decimal
    rate: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Taken:
    """What one rule took away: `share` of a power unit, `cap` of its lifetime, `replaced`; yuan, and what it leaves."""

    rule: str
    yuan: Decimal
    limit_yuan: Decimal


@dataclass(frozen=True, slots=True)
class Award:
    """What a charger earns, by kind, and what was done to come to it."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    taken: tuple[Taken, ...] = ()

    @property
    def amount(self) -> Decimal:
        """Yuan in all."""
        return sum((part.amount for part in self.parts), ZERO)

    @property
    def subsidised_kw(self) -> Decimal:
        """Output power in all, kW."""
        return sum((part.subsidised_kw for part in self.parts), ZERO)

    @property
    def before(self) -> Decimal:
        """Yuan before anything was taken away."""
        return self.amount + sum((one.yuan for one in self.taken), ZERO)

    def dc_amount(self) -> Decimal:
        """Yuan for DC output: what counts against the cap of a power unit."""
        return sum((part.amount for part in self.parts if part.kind == "dc"), ZERO)


def gross(charger: Row, dc_share: Decimal | None, policy: Policy) -> Award:
    """Before earlier awards and the unit's cap; `dc_share` is the charger's share of its power unit in yuan, if any."""
    rates = policy.build.rates
    dc_kw, ac_kw = charger["rated_kw_dc"] or ZERO, charger["rated_kw_ac"] or ZERO
    notes: tuple[str, ...] = ()
    taken: tuple[Taken, ...] = ()
    dc = rated = Part("dc", dc_kw, rates.dc.value, to_fen(EXACT.multiply(dc_kw, rates.dc.value)))
    if dc_share is not None and dc_share < dc.amount:
        taken = (Taken("share", dc.amount - dc_share, dc_share),)
        dc = limited(dc, dc_share)
        notes = (f"its share of the power unit is {money(dc_share)} yuan",)
    ac = Part("ac", ac_kw, rates.ac.value, to_fen(EXACT.multiply(ac_kw, rates.ac.value)))
    if charger["kind"] == "dc":
        return Award((dc,), notes, taken)
    if charger["kind"] == "ac":
        return Award((ac,))
    if charger["simultaneous"] is True:
        return Award(tuple(part for part in (dc, ac) if part.subsidised_kw), notes, taken)
    larger = dc if dc.amount >= ac.amount else ac
    said = f"DC and AC not at the same time: the larger single amount is {larger.kind}"
    # Where AC is the larger only because the unit cuts DC, the cut is what lies between DC uncut and AC.
    cut = max(rated.amount, ac.amount) - larger.amount
    return Award((larger,), (*notes, said), (replace(taken[0], yuan=cut),) if cut else ())


def increment(award: Award, earlier_yuan: Decimal) -> Award:
    """The increment over what an earlier award paid for the charger that this one replaces, never below 0."""
    left = earlier_yuan
    parts = []
    for part in award.parts:
        taken = min(left, part.amount)
        left -= taken
        parts.append(limited(part, part.amount - taken))
    note = f"less {money(earlier_yuan)} yuan that the charger it replaces was awarded"
    replaced = Taken("replaced", earlier_yuan - left, earlier_yuan)
    return Award(tuple(parts), (*award.notes, note), (*award.taken, replaced))


def within(award: Award, dc_yuan_left: Decimal) -> Award:
    """No more for DC output than what the power unit's lifetime cap leaves."""
    if award.dc_amount() <= dc_yuan_left:
        return award
    parts = tuple(limited(part, dc_yuan_left) if part.kind == "dc" else part for part in award.parts)
    taken = (*award.taken, Taken("cap", award.dc_amount() - dc_yuan_left, dc_yuan_left))
    notes = (*award.notes, f"the power unit's cap leaves {money(dc_yuan_left)} yuan")
    return replace(award, parts=parts, notes=notes, taken=taken)


def limited(part: Part, yuan: Decimal) -> Part:
    """A part of no more than that amount, with the power that the amount stands for."""
    if part.amount <= yuan:
        return part
    return replace(part, amount=yuan, subsidised_kw=EXACT.divide(yuan, part.rate))


def unit_shares(ratings_kw: Mapping[str, Decimal], unit_kw: Decimal, policy: Policy) -> dict[str, Decimal]:
    """Shares (yuan) in a power unit's rating of all chargers registered on it, by id; each its own if it is enough."""
    rate = policy.build.rates.dc.value
    whole = sum(ratings_kw.values(), ZERO)
    if whole <= unit_kw:
        return {key: to_fen(EXACT.multiply(kw, rate)) for key, kw in ratings_kw.items()}
    return shared(cap(unit_kw, policy), ratings_kw)


def cap(unit_kw: Decimal, policy: Policy) -> Decimal:
    """What the DC output of all awards on a power unit may come to in its lifetime, yuan."""
    return whole_fen(EXACT.multiply(unit_kw, policy.build.rates.dc.value))


def describe(part: Part) -> str:
    """One part in words: 60 kW × 200 = 12000.00 yuan."""
    return f"{part.kind.upper()} {plain(part.subsidised_kw)} kW × {plain(part.rate)} = {money(part.amount)} yuan"
