"""Drawing connectors for inspection with known probabilities, so that anybody can draw the same sample again.

Systematic sampling with probability proportional to size from a list in random order (Hartley and Rao, Annals of
Mathematical Statistics 33, 1962, 350-374; Goodman and Kish, JASA 45, 1950): exactly as many as asked for, each with
exactly its probability. What would get a probability above one is drawn for certain, the rest shares what is left
(Särndal, Swensson and Wretman, Model Assisted Survey Sampling, 1992, 3.6). Order and starting point are SHA-256
values of seed and frame, and everything is counted in whole numbers: no generator of any language is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from typing import NamedTuple

from chargewatch.errors import Refusal
from ledger.canonical import dumps

_RANGE = 1 << 256


class Unit(NamedTuple):
    """One connector that can be drawn; `size` is its measure of risk, a whole number above zero."""

    operator_id: str
    connector_id: str
    size: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """One connector of a sample with the probability that it had of being in it."""

    unit: Unit
    probability: Fraction


def frame_sha256(frame: Sequence[Unit]) -> str:
    """SHA-256 of the frame: canonical JSON of its units [operator_id, connector_id, size], sorted."""
    return sha256(frame_text(frame).encode()).hexdigest()


def frame_text(frame: Sequence[Unit]) -> str:
    """The frame as canonical JSON."""
    return dumps([list(unit) for unit in sorted(frame)]).decode()


def probabilities(sizes: Sequence[int], count: int) -> list[Fraction]:
    """Probability of each unit to be in a sample of `count`: proportional to size, one where that would be more."""
    if not 0 < count <= len(sizes):
        raise Refusal(f"a sample of {count} out of {len(sizes)} connectors", "at least 1, at most all of them")
    assert min(sizes) > 0, "what cannot be drawn cannot be estimated"
    certain = _certain(sizes, count)
    left = count - len(certain)
    total = sum(size for nth, size in enumerate(sizes) if nth not in certain)
    return [Fraction(1) if nth in certain else Fraction(left * size, total) for nth, size in enumerate(sizes)]


def draw(frame: Sequence[Unit], count: int, seed: str) -> list[Drawn]:
    """The sample of `count` connectors that this seed gives, by operator and connector."""
    units = sorted(frame)
    chances = probabilities([unit.size for unit in units], count)
    fingerprint = frame_sha256(units)
    drawn = [Drawn(unit, chance) for unit, chance in zip(units, chances, strict=True) if chance == 1]
    rest = [(unit, chance) for unit, chance in zip(units, chances, strict=True) if chance < 1]
    rest.sort(key=lambda one: _number(seed, fingerprint, one[0].operator_id, one[0].connector_id))
    # One step of the ladder is one connector drawn: probabilities add up to the steps that are left.
    rung, top = Fraction(_number(seed, fingerprint), _RANGE), Fraction(0)
    for unit, chance in rest:
        top += chance
        if rung < top:
            drawn.append(Drawn(unit, chance))
            rung += 1
    assert len(drawn) == count
    return sorted(drawn, key=lambda one: one.unit)


def _certain(sizes: Sequence[int], count: int) -> set[int]:
    certain: set[int] = set()
    total = sum(sizes)
    # The largest first: whoever is smaller than one that is not certain is not certain either.
    for nth in sorted(range(len(sizes)), key=lambda nth: -sizes[nth]):
        if (count - len(certain)) * sizes[nth] < total or len(certain) == count:
            break
        certain.add(nth)
        total -= sizes[nth]
    return certain


def _number(*what: str) -> int:
    return int.from_bytes(sha256(dumps(list(what))).digest())
