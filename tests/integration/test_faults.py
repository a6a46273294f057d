"""The short form of `make test-faults`: one of each fault, with a fixed seed and with a fresh one that is printed."""

import random
import sys
from collections.abc import Iterator

import pytest

from tests.bring import why_no_broker
from tests.conftest import need
from tests.faults import episodes
from tests.faults.database import why_no_tmpfs
from tests.faults.episodes import KINDS
from tests.faults.world import World, world

USUAL = ("database-each", "broker-forgets", "disk-full")
FRESH = ("collector-each", "network-each")


@pytest.fixture(scope="module")
def harness() -> Iterator[World]:
    need(why_no_broker())
    with world() as one:
        yield one


@pytest.mark.parametrize("kind", USUAL)
def test_what_was_acknowledged_is_stored_once(harness: World, kind: str) -> None:
    hold(harness, kind, 1)


@pytest.mark.parametrize("kind", FRESH)
def test_what_was_acknowledged_is_stored_once_at_times_that_nobody_has_tried(harness: World, kind: str) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"replay: python -m tests.faults --kind {kind} --seed {seed}")
    hold(harness, kind, seed)


def hold(harness: World, kind: str, seed: int) -> None:
    if KINDS[kind].database == "small":
        need(why_no_tmpfs())
    outcome = episodes.run(harness, kind, seed, faults=1)
    assert outcome.acknowledged >= 20
    assert outcome.faults >= 1
    assert not outcome.problems, outcome


@pytest.mark.parametrize(
    ("trap", "kind"),
    [
        ("acknowledges_on_receipt", "killed-before-commit"),
        ("acknowledges_whatever_the_connection", "broker-forgets"),
    ],
)
def test_a_collector_that_loses_something_is_found(harness: World, trap: str, kind: str) -> None:
    usual = harness.program
    harness.program = (sys.executable, "-m", "tests.faults.traps", trap)
    try:
        outcome = episodes.run(harness, kind, seed=1, faults=1, patience_s=2)
    finally:
        harness.program = usual
        harness.kill_collector()
    assert "acknowledged messages are lost" in "; ".join(outcome.problems)
