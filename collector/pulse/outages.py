"""When the platform itself did not work, from its pulses (semantics 3; how they are read is ours: settings/).

Three things are evidence: no pulse was sent for longer than the tolerance; a pulse came later than that, from its
sending to its receipt; a pulse never came, between the sending of its neighbours. What lies close together is one
outage, and what is no longer than the tolerance as a whole is none.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from collector.pulse.rhythm import PulseSettings


class Pulse(NamedTuple):
    """One receipt of one pulse (µs since 1970); `seq` counts the pulses of one `boot_id`."""

    client_id: str
    boot_id: str
    seq: int
    sent_us: int
    received_us: int

    @property
    def name(self) -> str:
        """How a declaration names it."""
        return f"{self.client_id}/{self.boot_id}/{self.seq}"


class Outage(NamedTuple):
    """The platform was out in [from_us, to_us); `first` and `last` are the pulses that say so."""

    from_us: int
    to_us: int
    first: Pulse
    last: Pulse


def outages(pulses: Iterable[Pulse], settings: PulseSettings) -> list[Outage]:
    """The platform's outages, disjoint and ascending; the order of the pulses, and repeated ones, are of no matter."""
    earliest: dict[tuple[str, str, int], Pulse] = {}
    for pulse in sorted(pulses, key=lambda one: (one.received_us, one.sent_us)):
        earliest.setdefault(pulse[:3], pulse)
    found = sorted(_failures(list(earliest.values()), settings.tolerance_us))
    merged: list[Outage] = []
    for one in found:
        if merged and one.from_us - merged[-1].to_us <= settings.steady_us:
            before = merged[-1]
            longer = max(before, one, key=lambda outage: (outage.to_us, outage.last))
            merged[-1] = Outage(before.from_us, longer.to_us, before.first, longer.last)
        else:
            merged.append(one)
    return [one for one in merged if one.to_us - one.from_us > settings.tolerance_us]


def _failures(pulses: list[Pulse], tolerance_us: int) -> Iterator[Outage]:
    for before, after in pairwise(sorted(pulses, key=attrgetter("sent_us", "client_id", "boot_id", "seq"))):
        if after.sent_us - before.sent_us > tolerance_us:
            yield Outage(before.sent_us, after.sent_us, before, after)
    for pulse in pulses:
        if pulse.received_us - pulse.sent_us > tolerance_us:
            yield Outage(pulse.sent_us, pulse.received_us, pulse, pulse)
    for before, after in pairwise(sorted(pulses)):
        if before[:2] == after[:2] and after.seq > before.seq + 1 and after.sent_us > before.sent_us:
            yield Outage(before.sent_us, after.sent_us, before, after)
