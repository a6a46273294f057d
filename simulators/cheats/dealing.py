"""Who cheats how: decided for each order, connector or station by its own name, so in whatever order they are asked."""

import hashlib
from collections.abc import Iterable, Mapping
from random import Random

from simulators.cheats.patterns import ODDITIES


class Deal:
    """The chances of a seed. A unit's fate depends on the seed, the pattern and the unit's name alone."""

    def __init__(self, seed: int, rates: Mapping[str, float], oddities: bool) -> None:
        self.seed, self.rates, self.oddities = seed, dict(rates), oddities

    @property
    def asked(self) -> bool:
        """Whether anything but the ordinary city is asked for."""
        return self.oddities or any(self.rates.values())

    def hits(self, pattern: str, unit: str) -> bool:
        """Whether this unit cheats in this way."""
        rate = self.rates.get(pattern, 0.0)
        return rate > 0 and self._share(pattern, unit) < rate

    def first(self, patterns: Iterable[str], unit: str) -> str:
        """The first way in which this unit cheats; empty if in none."""
        return next((one for one in patterns if self.hits(one, unit)), "")

    def odd(self, oddity: str, unit: str) -> bool:
        """Whether this unit is honest and looks odd in this way."""
        return self.oddities and self._share(oddity, unit) < ODDITIES[oddity]

    def rng(self, what: str, unit: str) -> Random:
        """The unit's own chances for the particulars."""
        return Random(f"{self.seed}/cheats/{what}/{unit}")

    def _share(self, what: str, unit: str) -> float:
        drawn = hashlib.blake2b(f"{self.seed}/{what}/{unit}".encode(), digest_size=6)
        return int.from_bytes(drawn.digest(), "big") / 2**48
