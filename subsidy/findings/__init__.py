"""What is wrong with sessions, rule by rule (semantics 8): each finding with its evidence, threshold and reason.

`RULES` is the registry of rules: a family gives the findings of all its codes, over whole columns.
"""

from collections.abc import Callable, Iterator

from subsidy.findings import hours, identities, meter, orders, power, registers, rhythm, standing, vehicles
from subsidy.findings.found import Evidence, Findings, Group, Looked, Mask
from subsidy.findings.orders import impossible, rated_kw

Family = Callable[[Looked], Iterator[Findings]]

RULES: dict[Family, tuple[str, ...]] = {
    orders.found: (
        *("overlap", "repeat", "beyond_rating", "late_order"),
        *("contradictory_id", "long_duration", "large_energy"),
    ),
    registers.found: (
        *("no_registers", "register_mismatch", "register_back", "register_jump"),
        *("readings_back", "readings_jump"),
    ),
    meter.found: ("beyond_meter", "no_sign_inside", "unwatched", "in_bad_state"),
    power.found: ("flat_power", "idle_discharge", "never_near_rating"),
    vehicles.found: ("one_vehicle", "fleet_as_public"),
    rhythm.found: ("micro_sessions", "too_regular"),
    hours.found: ("in_maintenance", "outside_hours", "late_maintenance"),
    standing.found: ("meter_expired", "qualification_lapsed"),
    identities.found: ("duplicate_meter", "duplicate_qr", "same_place"),
}
"""Each family and the codes that it finds; `beyond_advance` and then what subsidy.findings.supply finds come after all
of them, of what they let pass."""

LISTED = ("overlap", "repeat", "beyond_rating", "no_registers", "register_mismatch", "late_order", "contradictory_id",
          "long_duration")  # fmt: skip
"""Codes in the order in which reasons have always been listed; those that came later follow in the order of RULES."""

__all__ = ["RULES", "Evidence", "Findings", "Group", "Looked", "Mask", "impossible", "of_sessions", "rated_kw"]


def of_sessions(looked: Looked) -> list[Findings]:
    """Every rule's findings among the sessions that count; one that was taken back is not looked at."""
    found = {one.rule: one for family in RULES for one in family(looked)}
    later = [code for codes in RULES.values() for code in codes if code not in LISTED]
    return [found[code] for code in (*LISTED, *later) if code in found]
