"""Subsidies a second time: slow and obvious, one session, one charger and one day at a time, for the tests only.

Written from the specification (semantics 6 to 8), not from the engine; it shares no code with it but the policy's
numbers, `periods` and the small world's rows.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from reference_building import all_awards, chargers, failures, shared_serials, subsidised
from reference_orders import dispositions, operating

from subsidy.periods import Period
from tests.subsidy_world import World

FEN = Decimal("0.01")
DAY = timedelta(days=1)


def outcome(world: World, period: Period) -> dict[str, Any]:
    """Amounts or reasons by charger, dispositions by session, and the sums, of operator A."""
    decided = dispositions(world)
    awards = all_awards(world, period.last_day)
    build: dict[str, Any] = {}
    for key in chargers(world):
        if key[0] != "A":
            continue
        made = awards.get(key)
        if made and made[0] < period.first_day:
            continue
        if made:
            build[key[1]] = f"{made[1]:.2f}"
        else:
            build[key[1]] = failures(world, key, period.last_day) + (
                ["already_subsidised"] if subsidised(world, key, period.last_day, awards) else []
            )
    amounts = [Decimal(amount) for amount in build.values() if isinstance(amount, str)]
    return {
        "build": build,
        "build_yuan": f"{sum(amounts, Decimal(0)):.2f}",
        "sessions": {one.session_id: found for one, found in decided if one.operator_id == "A"},
        "operating_yuan": f"{operating(world, decided, period):.2f}",
        "findings": {"duplicate_serial": str(len(shared_serials(world, "A")))},
    }
