"""What the ledger's statements say of money: an operator's total for a period, and what it changes of earlier ones."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from subsidy.periods import parse


@dataclass(frozen=True, slots=True)
class Line:
    """An adjustment: the earlier period, what it is about, fen, why."""

    period: str
    subject: str
    fen: int
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What has a life: an operator's statement in a record of this subject, or the order to pay back that follows."""

    subject: str
    operator_id: str
    recovery: bool = False

    def __str__(self) -> str:
        return f"{self.subject}/{self.operator_id}" + ("/recovery" if self.recovery else "")


@dataclass(frozen=True, slots=True)
class Statement:
    """One operator's statement as it was first issued to the ledger; its money moves with that record."""

    key: Key
    period: str
    programme: str
    policy: str
    total_fen: int
    lines: tuple[Line, ...]
    record: int
    hash: str
    rehearsal: bool

    @property
    def year(self) -> int:
        """The budget year that it belongs to: that of its period."""
        return parse(self.period).first_day.year

    @property
    def moves(self) -> bool:
        """Whether there is any money in it."""
        return bool(self.total_fen or self.lines)


def statements(
    record: int,
    hash: str,
    subject: str,
    body: Iterable[Mapping[str, Any]],
    programme_of: Callable[[str], str],
) -> list[Statement]:
    """The statements of a record of kind `statement` (contract 4); `programme_of` a policy's id."""
    return [
        Statement(
            Key(subject, row["operator_id"]),
            row["period"],
            programme_of(row["policy"]),
            row["policy"],
            fen(row["total_yuan"]),
            tuple(Line(one["period"], one["subject"], fen(one["amount"]), one["reason"]) for one in row["adjustments"]),
            record,
            hash,
            row["rehearsal"],
        )
        for row in body
    ]


def fen(yuan: str) -> int:
    """An amount in whole fen; the text has no more than two decimals."""
    exact = Decimal(yuan) * 100
    assert exact == exact.to_integral_value(), yuan
    return int(exact)


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals."""
    return format(Decimal(fen) / 100, ".2f")
