"""Shares of all connectors estimated from a sample with known probabilities, with their confidence intervals.

A share is Hájek's ratio of Horvitz and Thompson sums (Hájek, in Foundations of Statistical Inference, 1971, 236). Its
variance is linearised, with Hájek's approximation for samples of fixed size, which needs no joint probabilities (Hájek,
Annals of Mathematical Statistics 35, 1964; Brewer and Donadio, Survey Methodology 29, 2003). The interval is Wilson's
with the effective size of the sample, which holds near 0 and 1 too, where p ± z·s does not (Korn and Graubard, Survey
Methodology 24, 1998; Franco, Little, Louis and Slud, Journal of Survey Statistics and Methodology 7, 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import fsum, sqrt
from statistics import NormalDist
from typing import NamedTuple


class Observed(NamedTuple):
    """One drawn connector: its probability, whether it is one of those asked about, and whether the answer is yes."""

    probability: Fraction
    among: bool
    yes: bool


@dataclass(frozen=True, slots=True)
class Share:
    """An estimated share with its interval; None where nothing was observed."""

    share: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    observed: int
    """How many connectors the estimate stands on."""


def estimate(observed: Sequence[Observed], confidence: Decimal) -> Share:
    """Of all connectors asked about (`among`), the share for which the answer is yes."""
    asked = [one for one in observed if one.among]
    if not asked:
        return Share(None, None, None, None, 0)
    weight = fsum(1 / float(one.probability) for one in asked)
    share = fsum(1 / float(one.probability) for one in asked if one.yes) / weight
    variance = _variance(observed, share, weight)
    effective = _effective(asked, share, variance)
    if effective is None:
        return Share(share, share, share, 0.0, len(asked))
    low, high = wilson(share, effective, float(confidence))
    return Share(share, low, high, sqrt(variance), len(asked))


def wilson(share: float, size: float, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a share seen in a sample of that (effective) size."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    # At 0 and 1 the limit is the share itself; the sum misses it by a rounding.
    return min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


def _variance(observed: Sequence[Observed], share: float, weight: float) -> float:
    """Hájek's variance of the share, over the whole sample: who is not asked about contributes nothing."""
    left = [1 - float(one.probability) for one in observed]
    parts = [(one.yes - share) / float(one.probability) if one.among else 0.0 for one in observed]
    size, spread = len(observed), fsum(left)
    if size < 2 or not spread:
        return 0.0
    mean = fsum(a * b for a, b in zip(left, parts, strict=True)) / spread
    squares = fsum(a * (b - mean) ** 2 for a, b in zip(left, parts, strict=True))
    return size / (size - 1) * squares / weight**2


def _effective(asked: Sequence[Observed], share: float, variance: float) -> float | None:
    """The size that a simple random sample would need for this variance; None where all of them were sure to be drawn.

    Never more than were asked: what a variance estimated from few promises beyond that does not hold (without this, 92
    to 94 % of intervals held in simulated cities, where 95 % were promised). Where all answers are the same the
    variance is zero and says nothing: then Kish's size by the weights alone.
    """
    if all(one.probability == 1 for one in asked):
        return None
    if variance > 0 and 0 < share < 1:
        return min(share * (1 - share) / variance, float(len(asked)))
    weights = [1 / float(one.probability) for one in asked]
    return fsum(weights) ** 2 / fsum(weight * weight for weight in weights)
