"""What an operator pays back (137-十): over-payments that a statement takes back and no other payment covers.

Every over-payment is an adjustment line below 0 of a later statement, so that each fen of an order follows from a
statement. What the operator's own later claims cover is set off; the rest is asked for, with interest and penalty on
what had been paid out, as the policy says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from payments.booking import Claim
from payments.statements import Line, Statement
from subsidy.disbursement import Recovery


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for, and how it comes about."""

    claim: Claim
    overpaid_fen: int
    set_off_fen: int
    lines: tuple[Line, ...]


def order(statement: Statement, payable_fen: int, paid_on: Mapping[str, date], on: date, rules: Recovery) -> Order:
    """The order that a statement leads to on a day.

    `payable_fen` is what the operator's account says (below 0: he owes it), `paid_on` when earlier periods were paid.
    """
    lines = tuple(line for line in statement.lines if line.fen < 0)
    overpaid = -sum(line.fen for line in lines)
    principal = min(overpaid, max(0, -payable_fen))
    paid = [(-line.fen, (on - paid_on[line.period]).days) for line in lines if line.period in paid_on]
    interest = sum((fen * days * rules.interest.value for fen, days in paid), Decimal(0))
    penalty = sum((fen * rules.penalty.value for fen, _ in paid), Decimal(0))
    return Order(Claim(principal, _rounded(interest), _rounded(penalty)), overpaid, overpaid - principal, lines)


def _rounded(fen: Decimal) -> int:
    return int(fen.to_integral_value(rounding=ROUND_HALF_UP))
