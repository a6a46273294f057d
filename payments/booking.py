"""Which entry follows from a step: postings in fen that sum to nothing.

Money is followed from the budget to the operator and back. An account is above 0 where money stands on its way to the
operator or with him, and below 0 where it left or is to come back:

| account | holds |
|---|---|
| `budget` | what has left the programme's budget (below 0) |
| `committed:OP` | approved and not issued yet |
| `payable:OP` | issued and not paid; below 0: the operator owes it |
| `paid:OP` | paid out |
| `receivable:OP` | claimed back and not received (below 0) |
| `recovered:OP` | over-payments that have come back (below 0) |
| `interest:OP`, `penalty:OP` | claimed beside an over-payment |
| `treasury:OP` | interest and penalty that have come in (below 0) |

What a statement takes back (a total below 0) is not committed to anybody: it goes back to the budget, off the
operator's account, when it is issued.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.entries import Posting, posting
from payments.life import Effect


@dataclass(frozen=True, slots=True)
class Claim:
    """What an order asks for, or what of it has come or is given up: fen, each at least 0."""

    principal: int = 0
    interest: int = 0
    penalty: int = 0

    @property
    def whole(self) -> int:
        """All of it."""
        return self.principal + self.interest + self.penalty

    def less(self, other: "Claim") -> "Claim":
        """What is left of it."""
        return Claim(self.principal - other.principal, self.interest - other.interest, self.penalty - other.penalty)

    def part(self, fen: int) -> "Claim":
        """What so much money pays of it: the over-payment first, then interest, then penalty."""
        principal = min(fen, self.principal)
        interest = min(fen - principal, self.interest)
        return Claim(principal, interest, fen - principal - interest)


def moved(effect: Effect, operator_id: str, fen: int = 0, claim: Claim | None = None) -> list[Posting]:
    """The postings of a step: `fen` of a statement, or a claim; accounts that nothing moves on are left out."""
    claim = claim or Claim()
    moves: Mapping[Effect, Mapping[str, int]] = {
        "nothing": {},
        "commit": {"budget": -max(0, fen), "committed": max(0, fen)},
        "release": {"committed": -max(0, fen), "budget": max(0, fen)},
        "owe": {"committed": -max(0, fen), "budget": max(0, -fen), "payable": fen},
        "pay": {"payable": -fen, "paid": fen},
        "claim": {
            "receivable": -claim.whole,
            "payable": claim.principal,
            "interest": claim.interest,
            "penalty": claim.penalty,
        },
        "give_back": {
            "receivable": claim.whole,
            "recovered": -claim.principal,
            "treasury": -claim.interest - claim.penalty,
        },
        "waive": {
            "receivable": claim.whole,
            "payable": -claim.principal,
            "interest": -claim.interest,
            "penalty": -claim.penalty,
        },
    }
    return [
        posting(name if name == "budget" else f"{name}:{operator_id}", amount)
        for name, amount in moves[effect].items()
        if amount
    ]
