"""What becomes of a connector's register between its sessions."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from simulators.calendar import day_of
from simulators.charging import Charge


def laid(charges: Sequence[Charge], base_wh: int) -> list[Charge]:
    """The charges one after the other on a register that begins at `base_wh`."""
    made = []
    for charge in charges:
        made.append(replace(charge, start_wh=base_wh))
        base_wh += charge.energy_wh
    return made


def shifted(charges: Sequence[Charge], index: int, by_wh: int, cheat: str) -> list[Charge]:
    """From the charge of this index on the register stands elsewhere; that one bears the name of the cheat."""
    moved = [replace(charge, start_wh=charge.start_wh + by_wh) for charge in charges[index:]]
    return [*charges[:index], replace(moved[0], cheat=cheat), *moved[1:]]


def tampered(charges: Sequence[Charge], scheme: str, rng: Random) -> list[Charge]:
    """Set back or forward by 30 to 300 kWh somewhere in the middle, between two honest charges."""
    index = rng.randrange(len(charges) // 5 + 1, max(len(charges) * 4 // 5, len(charges) // 5 + 2))
    by_wh = rng.randrange(30_000, 300_000)
    return shifted(charges, index, -by_wh if scheme == "register_back" else by_wh, scheme)


def exchange(charges: Sequence[Charge], rng: Random) -> int | None:
    """Index of a charge before which a new meter was put in: the first of its day, the one before it over by then."""
    places = [
        index
        for index in range(len(charges) // 5 + 1, len(charges) * 4 // 5)
        if day_of(charges[index - 1].left_us) < day_of(charges[index].plugged_us)
    ]
    return places[rng.randrange(len(places))] if places else None
