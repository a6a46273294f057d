"""The platform's own pulse: what a collector sends itself the way an operator's message comes (issue: outages).

A pulse is no item of contract 1 and has no fate; it is evidence that the whole path worked, or did not.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from chargewatch import yamlfile
from chargewatch.instants import US_PER_S, parse

DEFAULT = "pulses-1"
_FOLDER = Path(__file__).parent / "settings"
_SCHEMA = "chargewatch.pulse/1"


class PulseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One versioned set: how often pulses are sent and what they prove, in seconds."""

    id: str
    note: str
    interval_s: Decimal
    tolerance_s: Decimal
    steady_s: Decimal
    settled_s: Decimal

    def __post_init__(self) -> None:
        if not 0 < self.interval_s * 2 <= self.tolerance_s:
            raise ValueError("the tolerance covers two intervals at least: one pulse may be lost on its way")
        if self.steady_s < 0 or self.settled_s < self.steady_s:
            raise ValueError("an outage is settled no earlier than its end is steady")

    @property
    def tolerance_us(self) -> int:
        """Longest time without a pulse, or from sending to receipt, that is no outage (µs)."""
        return int(self.tolerance_s * US_PER_S)

    @property
    def steady_us(self) -> int:
        """Longest time between two failures that belongs to the outage (µs)."""
        return int(self.steady_s * US_PER_S)

    @property
    def settled_us(self) -> int:
        """How long after its end an outage is declared (µs)."""
        return int(self.settled_s * US_PER_S)

    @property
    def margin_us(self) -> int:
        """What failed longer ago than this and is no outage does not become part of one (µs)."""
        return 4 * (self.tolerance_us + self.steady_us)


def load(name: str = DEFAULT) -> PulseSettings:
    """The set of that id, or of a YAML file at that path; Refusal if it is not valid."""
    return yamlfile.load(name, _FOLDER, PulseSettings, "set of pulse settings")


class Sent(msgspec.Struct, frozen=True):
    """One pulse as it travels."""

    schema: str
    boot_id: str
    seq: int
    sent_at: str


def encode(boot_id: str, seq: int, sent_at: datetime) -> bytes:
    """The payload of a pulse."""
    return msgspec.json.encode(Sent(_SCHEMA, boot_id, seq, sent_at.isoformat()))


def decode(topic: str, payload: bytes) -> tuple[str, str, int, datetime] | None:
    """client_id, boot_id, seq and sent_at of a pulse; None for what is none."""
    try:
        sent = msgspec.json.decode(payload, type=Sent)
        moment = parse(sent.sent_at)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None
    client_id = topic.rsplit("/", 1)[-1]
    texts = (client_id, sent.boot_id)
    if sent.schema != _SCHEMA or not 0 <= sent.seq < 2**63 or not all(0 < len(one) <= 100 for one in texts):
        return None
    return None if "\0" in "".join(texts) else (client_id, sent.boot_id, sent.seq, moment)
