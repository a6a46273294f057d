"""A subsidy policy: the regulation's numbers with clause, days and unit, as its YAML file states them."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from chargewatch import yamlfile
from chargewatch.errors import Refusal
from registry.tables import BY_NAME
from subsidy import following
from subsidy.clauses import (
    Listed,
    Quantity,
    Rounding,
    Stated,
    Text,
    Window,
    believable,
)
from subsidy.disbursement import Budget, Payment, Recovery
from subsidy.limits import UNITS as finding_units
from subsidy.limits import Findings

DEFAULT = "cn-wenzhou-2022-137"
FOLDER = Path(__file__).parent / "policies"
WHAT = "subsidy policy"


REASONS = frozenset(
    (
        "not_public",
        "outside_scope",
        "completion_missing",
        "completed_outside_window",
        "commissioning_missing",
        "commissioned_outside_window",
        "not_connected",
        "no_connectors",
        "no_proven_session",
        "not_accepted",
        "retired",
        "operator_legal_form",
        "operator_business_scope",
        "operator_credit",
        "operator_management_system",
        "operator_maintenance_team",
        "operator_platform_commitment",
        "operator_not_admitted",
        "operator_suspended",
        "operator_barred",
        "already_subsidised",
        "serial_missing",
        "rating_missing",
        "split_without_power_unit",
        "void",
        "impossible",
        "outside_window",
        "not_registered",
        "not_managed",
        "outside_service_life",
        *Findings.__struct_fields__,
    )
)
"""Every code that a reason can have; a policy says the clause and the words of each."""

UNITS = {
    "build.rates.dc": "yuan/kW",
    "build.rates.ac": "yuan/kW",
    "operating.rate": "yuan/kWh",
    "statements.issued_after_days": "day",
    **finding_units,
    "payment.answer_within": "day",
}
"""The unit that each quantity is read in."""


class Operators(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator must be (137-四)."""

    legal_forms: Listed
    ours: str = ""


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Yuan per kilowatt of output power, by kind."""

    dc: Quantity
    ac: Quantity


class Hybrid(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a charger with DC and AC output counts."""

    simultaneous: Literal["sum"]
    otherwise: Literal["larger_amount"]


class SharedPowerUnit(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How chargers on one power unit share its rating."""

    cap: Literal["rated_kw"]
    share: Literal["by_rating"]


class Build(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The subsidy for building (137-六)."""

    window: Window
    rates: Rates
    hybrid: Hybrid
    shared_power_unit: SharedPowerUnit
    rounding: Rounding
    revoked_award_counts: bool
    ours: str = ""


class Management(Stated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From when a station is under the platform's management."""

    since: Literal["later_of_platform_managed_from_and_first_receipt"] = msgspec.field(name="from")


class Operating(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The subsidy for operation (137-六)."""

    window: Window
    rate: Quantity
    rounding: Rounding
    management: Management


class Statements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When statements are issued."""

    issued_after_days: Quantity


class ReasonText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reason's code means, in English (`text`) and in Chinese, and the clause it stands in."""

    clause: Text
    text: Text
    zh: Text


Id = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.-]{1,50}$")]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole policy: one version of a programme, in force on the days of its validity.

    What stands in the file that it `follows`, and what it states itself, together (subsidy.following).
    """

    id: Id
    programme: Id
    validity: Window
    title: Text
    document: Text
    issuer: Text
    issued_on: date
    time_zone: Text
    categories: Listed
    districts: Listed
    operators: Operators
    build: Build
    operating: Operating
    statements: Statements
    payment: Payment
    recovery: Recovery
    budget: Budget
    findings: Findings
    reasons: dict[str, ReasonText]
    follows: Id | None = None

    def __post_init__(self) -> None:
        for field, unit in UNITS.items():
            quantity: Any = self
            for step in field.split("."):
                quantity = getattr(quantity, step)
            if quantity.unit != unit:
                raise ValueError(f"{field} has the unit {quantity.unit!r}, expected {unit!r}")
        if self.statements.issued_after_days.value % 1:
            raise ValueError("statements.issued_after_days is not a whole number of days")
        believable(self.issued_on)
        for name, window in (("build", self.build.window), ("operating", self.operating.window)):
            if not window.within(self.validity):
                raise ValueError(
                    f"{name}.window, {window.first_day} … {window.last_day}, is not within the validity, "
                    f"{self.validity.first_day} … {self.validity.last_day}"
                )
        _of_the_registry("categories", self.categories.values, "stations", "category")
        _of_the_registry("operators.legal_forms", self.operators.legal_forms.values, "operators", "legal_form")
        if self.time_zone not in available_timezones():
            raise ValueError(f"time_zone {self.time_zone!r} is not known")
        if odd := sorted(REASONS ^ set(self.reasons)):
            raise ValueError(f"reasons must be exactly those that the rules can give; missing or unknown: {odd}")

    @property
    def sha256(self) -> str:
        """Digest of all it states, notes included, layout and comments of its file apart."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of its policy days."""
        return ZoneInfo(self.time_zone)


def _of_the_registry(name: str, values: tuple[str, ...], table: str, column: str) -> None:
    choices = BY_NAME[table].column(column).choices
    if odd := sorted(set(values) - set(choices)):
        raise ValueError(f"{name} names {', '.join(odd)}, expected some of {', '.join(choices)}")


def load(id_or_path: str = DEFAULT) -> Policy:
    """The policy of an id, or of a YAML file; Refusal names file, field, what was seen and what was expected.

    Versions of one programme beside it, in its folder, may have no day of validity in common with it.
    """
    path = yamlfile.find(id_or_path, FOLDER, WHAT)
    policy = yamlfile.typed(following.content(path, FOLDER), path, FOLDER, Policy, WHAT)
    for other, version in following.versions(path, policy.programme, FOLDER):
        if version["id"] != policy.id and (meets := _meets(policy.validity, version)):
            raise Refusal(
                f"{path}: its validity meets that of {other.name}, {meets}, of the same programme {policy.programme}",
                "versions of one programme that follow each other day by day",
                "docs/commission/policies.md",
            )
    return policy


def _meets(validity: Window, version: dict[str, Any]) -> str:
    """The days of another version's validity, if there is one in common; a broken file is refused by itself."""
    try:
        other = msgspec.convert(version["validity"], Window, strict=False)
    except (msgspec.ValidationError, KeyError):
        return ""
    return f"{other.first_day} … {other.last_day}" if validity.meets(other) else ""
