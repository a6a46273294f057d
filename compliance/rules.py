"""The rules of compliance work: deadlines, windows, risks, each with its clause and whether it is law or ours."""

from decimal import Decimal
from pathlib import Path
from typing import Generic, Literal, TypeVar

import msgspec

from chargewatch import yamlfile

DEFAULT = "cn-wenzhou-2022-137"
FOLDER = Path(__file__).parent / "rules"
Level = Literal["connector", "charger", "station", "operator"]
T = TypeVar("T")


class Term(msgspec.Struct, Generic[T], frozen=True, forbid_unknown_fields=True):
    """One number or choice of the rules, and where it comes from."""

    value: T
    clause: str
    reading: Literal["law", "ours"]
    note: str = ""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document that the rules carry out."""

    document: str
    clause: str


class Orders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rectification orders: whose breaches, how long they have, on which window they are measured again."""

    levels: Term[tuple[Level, ...]]
    deadline_days: Term[int]
    window_days: Term[int]
    settled_after_days: Term[int]

    def __post_init__(self) -> None:
        if not self.levels.value:
            raise ValueError("orders.levels names no level")
        if self.deadline_days.value < 1 or self.window_days.value < 1 or self.settled_after_days.value < 0:
            raise ValueError("deadline_days and window_days are at least 1, settled_after_days at least 0")


class Risks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of the signs by which an inspection is drawn by risk."""

    down: Term[Decimal]
    unknown: Term[Decimal]
    doubted: Term[Decimal]


class Inspection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How samples are drawn and what is published of them."""

    confidence: Term[Decimal]
    energy_more_than_kwh: Term[Decimal]
    floor: Term[Decimal]
    risks: Risks

    def __post_init__(self) -> None:
        if not 0 < self.confidence.value < 1:
            raise ValueError("inspection.confidence lies between 0 and 1")
        if self.floor.value <= 0 or self.energy_more_than_kwh.value < 0:
            raise ValueError("inspection.floor is above 0: what cannot be drawn cannot be estimated")
        if min(self.risks.down.value, self.risks.unknown.value, self.risks.doubted.value) < 0:
            raise ValueError("no weight of inspection.risks is below 0")


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One set of rules."""

    id: str
    profile: str
    source: Source
    orders: Orders
    inspection: Inspection


def load(name: str = DEFAULT) -> Rules:
    """The rules of that id, or of a YAML file at that path; Refusal if they are not valid."""
    return yamlfile.load(name, FOLDER, Rules, "set of compliance rules")
