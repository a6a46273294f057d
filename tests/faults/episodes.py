"""Episodes: which faults, how many, and what one of them says when it is over."""

import random
import time
from dataclasses import dataclass

from tests.faults import checker, nemesis
from tests.faults.world import World

_PER_SECOND = 250.0


@dataclass(frozen=True)
class Kind:
    """A kind of fault: so many in an episode, so many episodes in the long form."""

    fault: nemesis.Fault
    at_a_time: int
    episodes: int
    alone: bool = False
    """It sends its own messages, when it wants them."""
    database: str = "facts"
    small_log: bool = False
    """It wants a world whose database's log lies on a small disk."""


KINDS = {
    "collector-kill": Kind(nemesis.collector_kill, 15, 20),
    "collector-stop": Kind(nemesis.collector_stop, 5, 2),
    "collector-pause": Kind(nemesis.collector_pause, 5, 2),
    "killed-before-commit": Kind(nemesis.killed_before_commit, 5, 3),
    "killed-after-commit": Kind(nemesis.killed_after_commit, 5, 3),
    "killed-before-acknowledgement": Kind(nemesis.killed_before_acknowledgement, 5, 3),
    "database-kill": Kind(nemesis.database_kill, 5, 8),
    "database-kill-in-commit": Kind(nemesis.database_kill_in_commit, 5, 2),
    "backend-kill": Kind(nemesis.backend_kill, 5, 2),
    "backend-terminate": Kind(nemesis.backend_terminate, 5, 2),
    "database-restart": Kind(nemesis.database_restart, 3, 2),
    "database-pause": Kind(nemesis.database_pause, 3, 2),
    "broker-restart": Kind(nemesis.broker_restart, 5, 3),
    "broker-pause": Kind(nemesis.broker_pause, 5, 2),
    "broker-forgets": Kind(nemesis.broker_forgets, 2, 5, alone=True),
    "cut": Kind(nemesis.cut, 8, 3),
    "half-closed": Kind(nemesis.half_closed, 8, 3),
    "half-open": Kind(nemesis.half_open, 5, 3),
    "partition": Kind(nemesis.partition, 5, 3),
    "trickle": Kind(nemesis.trickle, 5, 3),
    "storm": Kind(nemesis.storm, 15, 8),
    "disk-full": Kind(nemesis.disk_full, 2, 3, database="small"),
    "log-disk-full": Kind(nemesis.log_disk_full, 1, 3, small_log=True),
    # The short form: one of each.
    "collector-each": Kind(
        nemesis.each(
            nemesis.collector_kill, nemesis.killed_before_commit, nemesis.killed_after_commit,
            nemesis.killed_before_acknowledgement, nemesis.collector_stop,
        ),
        1, 1,
    ),
    "database-each": Kind(
        nemesis.each(
            nemesis.database_kill, nemesis.database_kill_in_commit, nemesis.backend_kill, nemesis.backend_terminate,
            nemesis.database_pause, nemesis.half_open,
        ),
        1, 1,
    ),
    "network-each": Kind(
        nemesis.each(
            nemesis.broker_restart, nemesis.broker_pause, nemesis.cut, nemesis.half_closed, nemesis.partition,
            nemesis.trickle,
        ),
        1, 1,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one episode came to."""

    kind: str
    seed: int
    faults: int
    sent: int
    acknowledged: int
    duplicates: int
    seconds: float
    problems: list[str]

    def __str__(self) -> str:
        verdict = "; ".join(self.problems) or "acknowledged - stored = 0, none twice"
        return (
            f"{self.kind:30} seed {self.seed:<10} {self.faults:3} faults {self.sent:6} sent {self.acknowledged:6}"
            f" acknowledged {self.duplicates:5} came again {self.seconds:6.1f} s  {verdict}"
        )


def run(world: World, name: str, seed: int, faults: int | None = None, patience_s: float = 60.0) -> Outcome:
    """One episode of that kind: faults while messages come, then everything heals and the store is checked."""
    kind, dice = KINDS[name], random.Random(f"{name} {seed}")
    started = time.monotonic()
    if world.running():
        world.kill_collector()
    world.boot = f"{name}-{seed}-{world.number}"
    world.settings = {
        "CHARGEWATCH_RECEIVE_MAXIMUM": dice.choice(("50", "200", "2000")),
        "CHARGEWATCH_BATCH_MS": dice.choice(("5", "20", "100")),
    }
    world.name = kind.database
    world.start_collector()
    first, duplicates = world.number, _duplicates(world)
    wrong: list[str] = []
    done = 0
    try:
        if kind.alone:
            done = kind.fault(world, dice, faults or kind.at_a_time)
        else:
            with world.stream(dice, _PER_SECOND):
                done = kind.fault(world, dice, faults or kind.at_a_time)
    except AssertionError as error:
        wrong.append(f"the fault could not be made: {error}")
    world.heal()
    world.settle()
    acknowledged = world.publisher.take_acknowledged()
    wrong += checker.problems(world.direct(), acknowledged, set(range(first, world.number)), world.boot, patience_s)
    if wrong:
        wrong.append(f"the collector {'runs' if world.running() else 'has ended'} and says: {world.log[-1000:]}")
    else:
        world.wait_connected()  # one that was killed last may just be starting, and listen to no signal yet
        if (status := world.stop_collector()) != 0:
            wrong.append(f"the collector ended with {status}: {world.log[-500:]}")
    return Outcome(
        name, seed, done, world.number - first, len(acknowledged), _duplicates(world) - duplicates,
        time.monotonic() - started, wrong,
    )  # fmt: skip


def _duplicates(world: World) -> int:
    row = world.direct().execute("SELECT coalesce(sum(duplicate), 0) FROM fates").fetchone()
    return 0 if row is None else int(row[0])
