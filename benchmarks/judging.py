"""What the statement's engine says of a city, in the words of the tally; and which rules are for which pattern."""

from decimal import Decimal

import psycopg

from benchmarks.cheat_tally import Key, Measured
from chargewatch import database
from simulators.cheats.patterns import PATTERNS
from subsidy import identifying, overseeing, policy
from subsidy.dispositions import ADMITTED, HELD
from subsidy.findings import Findings
from subsidy.periods import parse
from subsidy.statement import entitlement

RULES: dict[str, tuple[str, ...]] = {
    **{pattern: (pattern,) for pattern, one in PATTERNS.items() if not one.no_trace},
    "inflated_readings": ("beyond_meter",),
    "over_advance": ("beyond_advance",),
    "endless": ("long_duration",),
    "repeat_elsewhere": ("repeat",),
    "duplicate_location": ("same_place",),
    "above_tariff": ("price_above_tariff",),
    "ghost": ("no_sign_inside",),
    "while_faulted": ("in_bad_state",),
}
"""By pattern the codes of the rules that are for it, most of the same name; none where it leaves no trace."""


TOUCHING = ("connector-month", "vehicle-day", "station-month", "connector-run")
"""Findings about these are told by the orders that they touch, the others by what they are about."""


def _named(found: Findings) -> frozenset[Key]:
    return frozenset((group.operator_id, group.subject) for group in found.groups or ())


def _identities(connection: psycopg.Connection, rules: policy.Policy) -> dict[str, frozenset[Key]]:
    """What is registered twice, by code; a place by its station, whose name begins its chargers' in this city."""
    known = database.watermark(connection)
    judged = identifying.compute(connection, operator=None, code=None, policy=rules, as_of=known)
    found: dict[str, set[Key]] = {"duplicate_serial": set(), "duplicate_meter": set(), "same_place": set()}
    for one in judged:
        if one["code"] in found:
            name = one["id"].rpartition("-")[0] if one["code"] == "same_place" else one["id"]
            found[one["code"]].add((one["operator_id"], name))
    return {code: frozenset(keys) for code, keys in found.items()}


def measure(connection: psycopg.Connection) -> Measured:
    """What is admitted, held and found in June 2023, as known now."""
    connection.execute("SET TIME ZONE 'UTC'")
    rules = policy.load()
    due = entitlement(connection, parse("2023-06"), rules, database.watermark(connection))
    decided = due.dispositions
    keys = list(zip(decided["operator_id"], decided["session_id"], strict=True))

    def having(mask: object) -> frozenset[Key]:
        return frozenset(key for key, holds in zip(keys, mask, strict=True) if holds)  # type: ignore[call-overload]

    found = {
        one.rule: having(one.at) if one.groups is None or one.subject in TOUCHING else _named(one)
        for one in due.findings
    }
    found["impossible"] = having("impossible" in codes for codes in decided["reasons"])
    found |= _identities(connection, rules)
    june, known = parse("2023-06"), database.watermark(connection)
    bills = overseeing.over_charged(connection, period=june, operator=None, policy=rules, as_of=known)
    found["price_above_tariff"] = frozenset((one["operator_id"], one["session_id"]) for one in bills)
    return Measured(
        having(decided["disposition"] == ADMITTED),
        having(decided["disposition"] == HELD),
        found,
        frozenset(one.rule for one in due.findings if one.effect == "hold"),
        Decimal(rules.operating.rate.value),
    )
