"""When a connector's status is doubted: the thresholds of each rule, as a versioned set. All of them are ours."""

from decimal import Decimal
from pathlib import Path

import msgspec

from chargewatch import yamlfile

DEFAULT = "truth-1"
_FOLDER = Path(__file__).parent / "truth_settings"


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    note: str = ""


class FailingVisits(_Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Visits of which no order delivers: how many, and which share of all."""

    visit_gap_min: int
    delivered_more_than_kwh: Decimal
    least_failed: int
    share_at_least: Decimal


class PassedOver(_Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Orders at neighbours while this one was free: how unlikely by chance, and how many."""

    chance_at_most: Decimal
    least_orders: int


class Zombie(_Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Serving for so long without an order, while its neighbours have them."""

    serving_at_least_days: int
    neighbours_least_orders: int


class BusyWithoutEnergy(_Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Announced busy for so long on end without an order or a register that moves."""

    longer_than_h: int
    register_still_kwh: Decimal


class ChargingWithoutOrder(_Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Announced as charging outside of every order."""

    longer_than_min: int
    share_at_least: Decimal


class OrderWhileAvailable(_Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Announced free within orders."""

    longer_than_min: int


class EnergyWhileAvailable(_Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The register rises while announced free."""

    more_than_kwh: Decimal


class FrozenSamples(_Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Equal samples while charging."""

    least_samples: int
    longer_than_min: int


class StillRegister(_Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A register that never moves though energy was billed."""

    least_samples: int
    billed_at_least_kwh: Decimal


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One versioned set."""

    id: str
    note: str
    slack_min: int
    failing_visits: FailingVisits
    passed_over: PassedOver
    zombie: Zombie
    busy_without_energy: BusyWithoutEnergy
    charging_without_order: ChargingWithoutOrder
    order_while_available: OrderWhileAvailable
    energy_while_available: EnergyWhileAvailable
    frozen_samples: FrozenSamples
    still_register: StillRegister


def load(name: str = DEFAULT) -> Limits:
    """The set of that id, or of a YAML file at that path; Refusal if it is not valid."""
    return yamlfile.load(name, _FOLDER, Limits, "set of thresholds for the truth of status")
