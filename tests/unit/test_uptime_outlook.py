"""What a running period may still lose: exactly so much, and not a microsecond more."""

import pytest

from uptime.figures import Sums
from uptime.outlook import may_lose, outlook
from uptime.profile import Profile, load

DAY = 86_400_000_000
WENZHOU = load()
NEVI = load("us-nevi")


@pytest.mark.parametrize("profile", [WENZHOU, NEVI], ids=["at least", "more than"])
@pytest.mark.parametrize(("up", "down", "unknown", "rest"), [(14, 1, 0, 15), (10, 0, 1, 3), (29, 0, 0, 1)])
def test_at_the_limit_it_passes_and_beyond_it_fails(
    profile: Profile, up: int, down: int, unknown: int, rest: int
) -> None:
    up, down, unknown, rest = (days * DAY + 1 for days in (up, down, unknown, rest))
    lose = may_lose(up, up + down + unknown, rest, profile)
    for lost, passes in ((lose, True), (lose + 1, False)):
        served = up + rest - lost
        assert (Sums(served, up + down + unknown + rest - served, 0, {}).verdict(profile) == "pass") is passes


@pytest.mark.parametrize(
    ("lose", "unknown", "rest", "said"),
    [
        (10, 0, 10, "passes"), (9, 0, 10, "open"), (0, 0, 10, "open"), (-1, 1, 10, "fails_unless_proven"),
        (-1, 0, 10, "fails"), (-2, 1, 10, "fails"), (0, 0, 0, "passes"),
    ],
)  # fmt: skip
def test_outlook(lose: int, unknown: int, rest: int, said: str) -> None:
    assert outlook(lose, unknown, rest) == said
