"""Samples: probabilities are the true ones, a seed gives one sample, intervals hold as often as they say."""

import random
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import pytest

from chargewatch.errors import Refusal
from compliance import risk, rules
from compliance.estimating import Observed, estimate, wilson
from compliance.sampling import Unit, draw, frame_sha256, probabilities

RULES = rules.load()
TIMES = 250


def city(number: int, seed: int) -> list[tuple[Unit, bool]]:
    """Connectors with their measure of risk, and whether they work: the riskier, the less likely."""
    dice = random.Random(seed)
    shares = [dice.random() ** 4 for _ in range(number)]
    return [
        (Unit(f"OP{nth % 3}", f"C{nth:03}", int((0.2 + share) * 1_000_000)), dice.random() > 0.08 + 0.7 * share)
        for nth, share in enumerate(shares)
    ]


def test_probabilities_add_up_to_the_sample_and_are_proportional() -> None:
    chances = probabilities([1, 2, 3, 4], 2)
    assert chances == [Fraction(1, 5), Fraction(2, 5), Fraction(3, 5), Fraction(4, 5)]
    # What would get more than one is drawn for certain, and what is left is shared: 100 and then 8 of 2 + 8 + 2.
    assert probabilities([2, 100, 8, 2], 2) == [Fraction(1, 6), Fraction(1), Fraction(2, 3), Fraction(1, 6)]
    assert probabilities([1, 1, 2], 2) == [Fraction(1, 2), Fraction(1, 2), Fraction(1)]  # exactly one is for certain
    assert probabilities([5, 7], 2) == [1, 1]
    for count in (0, 3):
        with pytest.raises(Refusal, match=f"a sample of {count} out of 2"):
            probabilities([5, 7], count)


def test_every_connector_is_drawn_as_often_as_its_probability_says() -> None:
    frame = [Unit("A", f"C{nth}", size) for nth, size in enumerate([1, 1, 2, 3, 5, 8, 13, 40])]
    chances = probabilities([unit.size for unit in sorted(frame)], 3)
    assert chances[-1] == 1
    times, seen = 1500, Counter[Unit]()
    for nth in range(times):
        drawn = draw(frame, 3, f"seed {nth}")
        assert len({one.unit for one in drawn}) == 3
        assert [one.probability for one in drawn] == [chances[sorted(frame).index(one.unit)] for one in drawn]
        seen.update(one.unit for one in drawn)
    for unit, chance in zip(sorted(frame), chances, strict=True):
        p = float(chance)
        assert abs(seen[unit] / times - p) <= 4 * (p * (1 - p) / times) ** 0.5, unit


def test_a_seed_gives_one_sample_whatever_the_order_of_the_frame() -> None:
    frame = [unit for unit, _ in city(60, 1)]
    assert draw(frame, 12, "137") == draw(frame[::-1], 12, "137")
    assert draw(frame, 12, "137") != draw(frame, 12, "138")
    assert frame_sha256(frame) == frame_sha256(frame[::-1])
    # Another frame is another draw, also for who is in both.
    changed = [*frame[:-1], frame[-1]._replace(size=frame[-1].size + 1)]
    assert frame_sha256(changed) != frame_sha256(frame)
    # Published draws must come out the same for ever.
    assert [one.unit.connector_id for one in draw([Unit("A", c, 1) for c in "abcdefgh"], 3, "137")] == PUBLISHED


PUBLISHED = ["a", "e", "f"]


def test_the_interval_holds_about_as_often_as_it_says() -> None:
    of_city = city(240, 7)
    works = dict(of_city)
    truth = sum(works.values()) / len(works)
    held, shares = 0, []
    for nth in range(TIMES):
        drawn = draw(list(works), 60, f"draw {nth}")
        found = estimate([Observed(one.probability, True, works[one.unit]) for one in drawn], Decimal("0.95"))
        assert found.share is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
        shares.append(found.share)
    assert 0.94 <= held / TIMES <= 0.99
    # It aims at the truth, which the plain share of what was visited misses: broken ones are drawn more often.
    assert abs(sum(shares) / TIMES - truth) < 0.01


def test_a_share_of_some_only() -> None:
    half = Fraction(1, 2)
    found = estimate(
        [Observed(half, True, True), Observed(half, True, False), Observed(half, False, True)], Decimal("0.95")
    )
    assert (found.share, found.observed) == (0.5, 2)
    # By weight: one that stands for four and works, one that stands for one and does not.
    found = estimate([Observed(Fraction(1, 4), True, True), Observed(Fraction(1), True, False)], Decimal("0.95"))
    assert found.share == 0.8
    assert estimate([Observed(half, False, True)], Decimal("0.95")).share is None


def test_everybody_asked_is_no_estimate_and_all_alike_is_no_certainty() -> None:
    everybody = estimate([Observed(Fraction(1), True, nth > 0) for nth in range(4)], Decimal("0.95"))
    assert (everybody.low, everybody.share, everybody.high) == (0.75, 0.75, 0.75)
    alike = estimate([Observed(Fraction(1, 10), True, True)] * 30, Decimal("0.95"))
    assert alike.share == alike.high == 1.0
    assert alike.low == pytest.approx(30 / (30 + 1.959964**2), abs=1e-6)  # Wilson's limit at n of n
    assert wilson(0.0, 30, 0.95)[0] == 0.0


def test_risk_is_the_floor_and_the_weighted_shares() -> None:
    row = {"required_s": "1000.000000", "down_s": "100.000000", "unknown_s": "50.000000"}
    assert risk.size({**row, "down_s": "0", "unknown_s": "0"}, Decimal(0), RULES.inspection) == 200_000
    assert risk.size(row, Decimal(0), RULES.inspection) == 350_000
    assert risk.size(row, Decimal("0.66"), RULES.inspection) == 1_010_000
    nothing = {"required_s": "0.000000", "down_s": "0.000000", "unknown_s": "0.000000"}
    assert risk.size(nothing, Decimal(0), RULES.inspection) == 200_000
    assert risk.EQUAL == 1
