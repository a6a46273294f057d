"""How likely an inspection should be: a connector's measure of risk from its figures."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from compliance.rules import Inspection

EQUAL = 1
_PARTS = 1_000_000


def size(row: Mapping[str, Any], doubted: Decimal, rules: Inspection) -> int:
    """The measure of one connector, in millionths: the floor and each weight times its share.

    `row` is the connector's row of the availability report (contract 4), `doubted` its score of the truth of status,
    0 where nothing was found. A connector of which no time was required has no share of anything.
    """
    required = Decimal(row["required_s"])
    down, unknown = (Decimal(row[name]) / required if required else Decimal(0) for name in ("down_s", "unknown_s"))
    weights = rules.risks
    risk = weights.down.value * down + weights.unknown.value * unknown + weights.doubted.value * doubted
    return max(int(((rules.floor.value + risk) * _PARTS).to_integral_value(ROUND_HALF_EVEN)), 1)
