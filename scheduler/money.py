"""Yuan by operator, kind and state, from the statements in the ledger."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Key = tuple[str, str, str]
"""operator_id; build, operating or adjustments; issued, due or held."""


def yuan(statements: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> dict[Key, Decimal]:
    """Sums over all periods of statement bodies, given with their periods in the order of the ledger.

    `issued` is what the first body of each period pays: money moves with that one. `due` is what the latest body of
    each period says of that period alone, and `held` the operating subsidy of the energy it holds back.
    """
    sums: dict[Key, Decimal] = defaultdict(Decimal)
    latest: dict[str, Sequence[Mapping[str, Any]]] = {}
    for period, body in statements:
        if period not in latest:
            for one in body:
                for kind in ("build", "operating", "adjustments"):
                    sums[one["operator_id"], kind, "issued"] += Decimal(one[f"{kind}_yuan"])
        latest[period] = body
    for body in latest.values():
        for one in body:
            for kind in ("build", "operating"):
                sums[one["operator_id"], kind, "due"] += Decimal(one[f"{kind}_yuan"])
            for row in one["operating"]:
                sums[one["operator_id"], "operating", "held"] += Decimal(row["held_kwh"]) * Decimal(row["rate"])
    return dict(sums)
