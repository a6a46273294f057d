"""What each rule that finds something is stated with in a policy (semantics 8): its effect, its limits, its words."""

from typing import Annotated

import msgspec

from subsidy.clauses import Effect, Kind, Quantity, Stated, Text


class Says(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reason that a person reads, in Chinese and English; `{name}` stands for what was seen, or for a limit."""

    zh: Text
    en: Text


class Finding(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule that finds something: its effect, the kinds of connector (of charger) that it applies to, its words."""

    effect: Effect
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1)]
    says: Says

    @property
    def limits(self) -> dict[str, Quantity]:
        """Its quantities by name, as the policy states them."""
        named = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in named.items() if isinstance(value, Quantity)}


class LongerThan(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finding with a duration that must be exceeded."""

    longer_than: Quantity


class MoreThan(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finding with an energy that must be exceeded."""

    more_than: Quantity


class BeyondRating(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finding with a multiple of the rated energy that is too much."""

    at_or_beyond: Quantity


class Tolerance(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finding with a tolerance: a share of the energy, and a least tolerance."""

    share_of_energy: Quantity
    least: Quantity


class SignsInside(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Items near an order's ends count as inside; what share of a connector's orders must have some."""

    slack: Quantity
    share_of_orders: Quantity


class Slack(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finding with some time that is let pass on each side."""

    slack: Quantity


class FlatPower(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Power that hardly varies, for some time, up to some state of charge."""

    needs_state_of_charge: bool
    longer_than: Quantity
    least_samples: Quantity
    varies_at_most: Quantity
    reaches: Quantity


class IdleDischarge(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Energy without a rising state of charge."""

    needs_state_of_charge: bool
    more_than: Quantity
    rises_less_than: Quantity


class NeverNear(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A share of the rating that is never reached in so many orders."""

    less_than: Quantity
    least_orders: Quantity


class FewVehicles(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A share of a station-month's energy that regular vehicles take."""

    share_of_energy: Quantity
    orders_a_vehicle: Quantity
    least_orders: Quantity


class MicroSessions(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run of very short orders."""

    shorter_than: Quantity
    apart_at_most: Quantity
    least_orders: Quantity


class TooRegular(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run of orders alike to the second."""

    varies_at_most: Quantity
    apart_at_most: Quantity
    least_orders: Quantity


class Within(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two that stand within a distance of each other."""

    within: Quantity


class Unexplained(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two sides of the triangle that differ, after losses between the grid and the meters."""

    share_of_energy: Quantity
    losses: Quantity
    least: Quantity
    readings_within: Quantity


class AboveTariff(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bill beyond the published prices by more than rounding explains; it moves no energy, so it is only noted."""

    tolerance: Quantity

    def __post_init__(self) -> None:
        if self.effect != "note":
            raise ValueError(
                f"its effect is {self.effect!r}, expected 'note': what was paid for energy holds none of it"
            )


class AboveCap(AboveTariff, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service fee beyond the highest price that a policy names; one that names none finds nothing."""

    at_most: Quantity | None = None

    def __post_init__(self) -> None:
        AboveTariff.__post_init__(self)
        if self.at_most is not None and self.at_most.unit != "yuan/kWh":
            raise ValueError(f"at_most has the unit {self.at_most.unit!r}, expected 'yuan/kWh'")


class Findings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules that find something (semantics 8), by their stable codes."""

    overlap: LongerThan
    repeat: Finding
    beyond_rating: BeyondRating
    no_registers: Finding
    register_mismatch: Tolerance
    late_order: LongerThan
    contradictory_id: Finding
    long_duration: LongerThan
    duplicate_serial: Finding
    large_energy: MoreThan
    register_back: MoreThan
    register_jump: MoreThan
    readings_back: MoreThan
    readings_jump: MoreThan
    beyond_meter: Tolerance
    beyond_advance: Tolerance
    no_sign_inside: SignsInside
    unwatched: SignsInside
    in_bad_state: LongerThan
    flat_power: FlatPower
    idle_discharge: IdleDischarge
    never_near_rating: NeverNear
    one_vehicle: MoreThan
    fleet_as_public: FewVehicles
    micro_sessions: MicroSessions
    too_regular: TooRegular
    in_maintenance: LongerThan
    outside_hours: Slack
    late_maintenance: LongerThan
    meter_expired: Finding
    qualification_lapsed: Finding
    duplicate_meter: Finding
    duplicate_qr: Finding
    same_place: Within
    price_above_tariff: AboveTariff
    service_fee_above_cap: AboveCap
    grid_bill_mismatch: Tolerance
    triangle_difference: Unexplained

    def rule(self, code: str) -> Finding:
        """The rule of a code."""
        found = getattr(self, code)
        assert isinstance(found, Finding)
        return found


UNITS = {
    "findings.overlap.longer_than": "s",
    "findings.beyond_rating.at_or_beyond": "rated energy",
    "findings.register_mismatch.share_of_energy": "ratio",
    "findings.register_mismatch.least": "kWh",
    "findings.late_order.longer_than": "day",
    "findings.long_duration.longer_than": "h",
    "findings.large_energy.more_than": "kWh",
    "findings.register_back.more_than": "kWh",
    "findings.register_jump.more_than": "kWh",
    "findings.readings_back.more_than": "kWh",
    "findings.readings_jump.more_than": "kWh",
    "findings.beyond_meter.share_of_energy": "ratio",
    "findings.beyond_meter.least": "kWh",
    "findings.beyond_advance.share_of_energy": "ratio",
    "findings.beyond_advance.least": "kWh",
    "findings.no_sign_inside.slack": "s",
    "findings.no_sign_inside.share_of_orders": "ratio",
    "findings.unwatched.slack": "s",
    "findings.unwatched.share_of_orders": "ratio",
    "findings.in_bad_state.longer_than": "s",
    "findings.flat_power.longer_than": "s",
    "findings.flat_power.least_samples": "samples",
    "findings.flat_power.varies_at_most": "ratio",
    "findings.flat_power.reaches": "% SoC",
    "findings.idle_discharge.more_than": "kWh",
    "findings.idle_discharge.rises_less_than": "% SoC",
    "findings.never_near_rating.less_than": "ratio",
    "findings.never_near_rating.least_orders": "orders",
    "findings.one_vehicle.more_than": "kWh",
    "findings.fleet_as_public.share_of_energy": "ratio",
    "findings.fleet_as_public.orders_a_vehicle": "orders",
    "findings.fleet_as_public.least_orders": "orders",
    "findings.micro_sessions.shorter_than": "s",
    "findings.micro_sessions.apart_at_most": "s",
    "findings.micro_sessions.least_orders": "orders",
    "findings.too_regular.varies_at_most": "s",
    "findings.too_regular.apart_at_most": "h",
    "findings.too_regular.least_orders": "orders",
    "findings.in_maintenance.longer_than": "s",
    "findings.outside_hours.slack": "s",
    "findings.late_maintenance.longer_than": "s",
    "findings.same_place.within": "m",
    "findings.price_above_tariff.tolerance": "yuan",
    "findings.service_fee_above_cap.tolerance": "yuan",
    "findings.grid_bill_mismatch.share_of_energy": "ratio",
    "findings.grid_bill_mismatch.least": "kWh",
    "findings.triangle_difference.share_of_energy": "ratio",
    "findings.triangle_difference.losses": "ratio",
    "findings.triangle_difference.least": "kWh",
    "findings.triangle_difference.readings_within": "h",
}
"""The unit that each quantity of a finding is read in."""
