"""Interval settings: the limits by which facts become service intervals, as a versioned set (semantics 2)."""

from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from chargewatch import yamlfile
from chargewatch.instants import US_PER_H, US_PER_MIN, US_PER_S

DEFAULT = "intervals-3"
_FOLDER = Path(__file__).parent / "interval_settings"


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a session proves that its connectors served from its start to its end (semantics 2.3)."""

    longest_h: int
    tolerance_ratio: Decimal
    tolerance_kwh: Decimal


class Sharing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a connector cannot serve because its charger serves another one, and so counts as serving."""

    announced: tuple[Literal["unavailable", "faulted", "offline"], ...]
    in_use: tuple[
        Literal[
            "available", "preparing", "occupied", "charging", "suspended_ev", "suspended_evse", "finishing", "reserved"
        ],
        ...,
    ]
    ahead_s: int

    @property
    def ahead_us(self) -> int:
        """How long before the other's use the announcement may have come (µs)."""
        return self.ahead_s * US_PER_S


class IntervalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One versioned set; times in the unit of each name."""

    id: str
    note: str
    default_reporting_interval_min: int
    silence_factor: int
    silence_from_last_sign: bool
    stale_limit_h: int
    late_limit_h: int
    proof: Proof
    same_order_h: int
    sharing: Sharing | None = None
    """None: such a connector is what it announces."""
    returns_within_days: int | None = None
    """A serial number back so many days after its retirement, or sooner, is one charger (uptime.returning)."""

    @property
    def stale_limit_us(self) -> int:
        """Longest gap between signs of life after which a heartbeat still revives (µs)."""
        return self.stale_limit_h * US_PER_H

    @property
    def late_limit_us(self) -> int:
        """Longest time from an item's `at` to its receipt for it to count as in time (µs)."""
        return self.late_limit_h * US_PER_H

    @property
    def default_interval_us(self) -> int:
        """Reporting interval where the registry names none (µs)."""
        return self.default_reporting_interval_min * US_PER_MIN


def load(name: str = DEFAULT) -> IntervalSettings:
    """The set of that id, or of a YAML file at that path; Refusal if it is not valid."""
    return yamlfile.load(name, _FOLDER, IntervalSettings, "set of interval settings")
