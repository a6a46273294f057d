"""Orders that were charged too much (137-八): beyond the published prices, beyond the highest service price allowed.

What a user paid moves no energy, so these rules only note; and as they need every order's bill, which no amount needs,
they are looked for where findings are listed and not with each statement.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from subsidy.amounts import plain
from subsidy.findings.found import Evidence, Findings, Looked, Values
from subsidy.prices import OverCharge

CODES = ("price_above_tariff", "service_fee_above_cap")


def found(looked: Looked, over: Mapping[int, OverCharge]) -> Iterator[Findings]:
    """Findings of both rules; `over` by position of the order."""

    def values(row: int) -> Values:
        one = over[row]
        return {
            "charged": plain(one.charged),
            "published": "" if one.published is None else plain(one.published),
            "tariff": one.tariff_from or "",
            "over": plain(one.yuan),
        }

    def above(row: int) -> Values:
        return {"over": plain(over[row].above_cap)}

    def rests_on(row: int) -> Evidence:
        return ({"what": "bill", **values(row)},)

    beyond = [row for row, one in over.items() if one.electricity > 0 or one.service > 0]
    capped = [row for row, one in over.items() if one.above_cap > 0]
    for code, said, rows in ((CODES[0], values, beyond), (CODES[1], above, capped)):
        at = np.zeros(looked.count, dtype=np.bool_)
        at[rows] = True
        yield looked.sessions_found(code, at, said, rests_on=rests_on)
