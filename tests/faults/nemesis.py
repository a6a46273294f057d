"""What goes wrong, by kind. Every fault takes its times from the dice of its episode, so that a seed tells it all.

A fault function does its damage while messages stream in, and gives how many faults that were. Whoever calls it heals.
"""

import random
import time
from collections.abc import Callable

from tests.faults.proxy import BACK, OUT, Gate, Proxy
from tests.faults.world import World

Fault = Callable[[World, random.Random, int], int]


def collector_kill(world: World, dice: random.Random, times: int) -> int:
    """SIGKILL of the collector: mostly while it collects, now and then while it starts."""
    for _ in range(times):
        if dice.random() < 0.1:
            time.sleep(dice.uniform(0.0, 1.0))
        else:
            world.wait_connected()
            time.sleep(dice.uniform(0.0, 0.3))
        world.kill_collector()
        world.start_collector(wait=False)
    return times


def collector_stop(world: World, dice: random.Random, times: int) -> int:
    """SIGTERM, as at an update; nothing it has taken may be left half done."""
    for _ in range(times):
        world.wait_connected()
        time.sleep(dice.uniform(0.0, 0.3))
        assert world.stop_collector() == 0, world.log
        world.start_collector(wait=False)
    return times


def collector_pause(world: World, dice: random.Random, times: int) -> int:
    """SIGSTOP and SIGCONT of the collector."""
    assert world.collector is not None
    for _ in range(times):
        world.collector.send_signal(19)
        time.sleep(dice.uniform(0.1, 1.0))
        world.collector.send_signal(18)
        time.sleep(dice.uniform(0.0, 0.3))
    return times


def _at(gate: Gate, world: World, damage: Callable[[], None], links: Proxy) -> None:
    world.wait_for(gate.reached.is_set, "a word that a proxy shall hold")
    damage()
    links.cut()  # what was held is lost, as what is on its way when a machine dies
    links.heal()


def killed_before_commit(world: World, dice: random.Random, times: int) -> int:
    """SIGKILL of the collector between COPY and COMMIT."""
    return _killed_at(world, times, world.before_commit, world.to_database)


def killed_after_commit(world: World, dice: random.Random, times: int) -> int:
    """SIGKILL of the collector between COMMIT and the news of it."""
    return _killed_at(world, times, world.after_commit, world.to_database)


def killed_before_acknowledgement(world: World, dice: random.Random, times: int) -> int:
    """SIGKILL of the collector when it has committed and its acknowledgements have not arrived."""
    return _killed_at(world, times, world.before_acknowledgement, world.to_broker)


def _killed_at(world: World, times: int, hold: Callable[[], Gate], links: Proxy) -> int:
    for _ in range(times):
        world.wait_connected()
        _at(hold(), world, world.kill_collector, links)
        world.start_collector(wait=False)
    return times


def database_kill(world: World, dice: random.Random, times: int) -> int:
    """SIGKILL of the postmaster; it recovers from its log when it is started again."""
    for _ in range(times):
        time.sleep(dice.uniform(0.1, 0.6))
        world.database.kill()
        time.sleep(dice.uniform(0.0, 0.5))
        world.database.start()
    return times


def database_kill_in_commit(world: World, dice: random.Random, times: int) -> int:
    """SIGKILL of the postmaster when it has, or has not, committed and nobody has been told."""
    for _ in range(times):
        world.wait_for(lambda: world.metric("chargewatch_database_up"), "the database up")
        hold = dice.choice((world.before_commit, world.after_commit))
        _at(hold(), world, world.database.kill, world.to_database)
        world.database.start()
    return times


def backend_kill(world: World, dice: random.Random, times: int) -> int:
    """SIGKILL of one server process: PostgreSQL ends all others and recovers."""
    for _ in range(times):
        time.sleep(dice.uniform(0.1, 0.6))
        world.database.kill_backend()
        time.sleep(0.1)
        world.database.wait()
    return times


def backend_terminate(world: World, dice: random.Random, times: int) -> int:
    """pg_terminate_backend on the collector's connection."""
    for _ in range(times):
        time.sleep(dice.uniform(0.05, 0.5))
        world.database.terminate_backends()
    return times


def database_restart(world: World, dice: random.Random, times: int) -> int:
    """A fast shutdown and start, as at an update."""
    for _ in range(times):
        time.sleep(dice.uniform(0.1, 0.5))
        world.database.stop()
        time.sleep(dice.uniform(0.0, 1.0))
        world.database.start()
    return times


def database_pause(world: World, dice: random.Random, times: int) -> int:
    """SIGSTOP and SIGCONT of all of PostgreSQL."""
    for _ in range(times):
        time.sleep(dice.uniform(0.05, 0.5))
        world.database.pause()
        time.sleep(dice.uniform(0.2, 1.5))
        world.database.resume()
    return times


def broker_restart(world: World, dice: random.Random, times: int) -> int:
    """SIGTERM and start of mosquitto: it keeps its sessions."""
    for _ in range(times):
        time.sleep(dice.uniform(0.1, 0.6))
        world.broker.stop()
        time.sleep(dice.uniform(0.0, 0.5))
        world.broker.start()
    return times


def broker_pause(world: World, dice: random.Random, times: int) -> int:
    """SIGSTOP and SIGCONT of mosquitto."""
    for _ in range(times):
        world.broker.pause()
        time.sleep(dice.uniform(0.2, 1.5))
        world.broker.resume()
        time.sleep(dice.uniform(0.0, 0.3))
    return times


def broker_forgets(world: World, dice: random.Random, times: int) -> int:
    """A broker that comes back without its sessions, while what it delivered before is not committed yet.

    Packet ids begin again: acknowledging the old ones would acknowledge new messages that nobody has stored. What comes
    after that stands in the way of being stored and the collector is killed: all must come again. Sends by itself.
    """
    half, first = 20, world.number
    for _ in range(times):
        world.heal()
        world.settle()
        # What the broker has not delivered when it forgets is its own loss: nothing of the last time may be on its way.
        world.wait_for(lambda: _stored(world, range(first, world.number)), "everything so far stored")
        world.kill_collector()
        world.forget_sessions()  # a new session: its packet ids will be those of the next one
        world.settings |= {"CHARGEWATCH_RECEIVE_MAXIMUM": str(2 * half), "CHARGEWATCH_BATCH_MS": "10"}
        world.start_collector()
        gate = world.before_commit()
        before = world.number
        world.send(half + 1)
        world.settle()
        _held(world, half + 1)
        world.forget_sessions()
        up = lambda: "is away" in world.log and world.metric("chargewatch_broker_up")  # noqa: E731
        world.wait_for(up, "the collector connected again")
        world.send(2 * half)
        world.settle()
        _held(world, 3 * half)  # the platform's own pulses may take a place of the window
        old = range(before, before + half + 1)

        def one_more(gate: Gate = gate, old: range = old) -> bool:
            # Where the next COMMIT waits the one before it is done: only then is it known whether that was enough.
            waits = gate.reached.is_set()
            if _stored(world, old):
                return True
            if waits:
                gate.let_one_pass()
                time.sleep(0.05)
            return False

        world.wait_for(one_more, "the old messages committed")
        time.sleep(dice.uniform(0.2, 0.4))  # acknowledgements are on their way
        world.kill_collector()
        world.to_database.cut()
    return times


def _held(world: World, count: int) -> None:
    held = "chargewatch_unacknowledged_messages"
    world.wait_for(lambda: world.metric(held) >= count, f"{count} messages at the collector, not acknowledged")


def _stored(world: World, numbers: range) -> bool:
    sql = "SELECT count(DISTINCT seq) FROM status_fact WHERE seq = ANY(%s)"
    row = world.direct().execute(sql, [list(numbers)]).fetchone()
    return row is not None and row[0] == len(numbers)


def cut(world: World, dice: random.Random, times: int) -> int:
    """Connections are reset, here or there."""
    for _ in range(times):
        time.sleep(dice.uniform(0.05, 0.4))
        _either(world, dice).cut()
    return times


def half_closed(world: World, dice: random.Random, times: int) -> int:
    """One direction ends and the other one does not."""
    for _ in range(times):
        time.sleep(dice.uniform(0.05, 0.4))
        _either(world, dice).close_half(dice.choice((OUT, BACK)))
    return times


def half_open(world: World, dice: random.Random, times: int) -> int:
    """The collector's end is gone and the server does not know: the old session holds its lock and half a batch."""
    for _ in range(times):
        world.wait_for(lambda: world.metric("chargewatch_database_up"), "the database up")
        if dice.random() < 0.5:  # in the middle of a batch
            gate = world.before_commit()
            world.wait_for(gate.reached.is_set, "a COMMIT")
            world.to_database.forget()
            world.to_database.heal()
        else:
            time.sleep(dice.uniform(0.05, 0.4))
            _either(world, dice).forget()
    return times


def partition(world: World, dice: random.Random, times: int) -> int:
    """Nothing gets through and nobody is told; then the connection goes on, or is gone."""
    for _ in range(times):
        time.sleep(dice.uniform(0.05, 0.4))
        link = _either(world, dice)
        link.silent = True
        time.sleep(dice.uniform(0.3, 2.0))
        if dice.random() < 0.5:
            link.refusing = True
            link.cut()
            time.sleep(dice.uniform(0.0, 1.0))
        link.heal()
    return times


def trickle(world: World, dice: random.Random, times: int) -> int:
    """A line that is slow: single bytes, or late ones."""
    for _ in range(times):
        link = _either(world, dice)
        if dice.random() < 0.5:
            link.trickle = dice.choice((1, 7, 100))
        else:
            link.delay_s = dice.uniform(0.02, 0.3)
        time.sleep(dice.uniform(0.5, 2.0))
        if dice.random() < 0.3:
            link.cut()
        link.heal()
    return times


def disk_full(world: World, dice: random.Random, times: int) -> int:
    """Not a byte of room for the tables, until somebody makes room."""
    disk = world.database.small_space
    assert disk is not None
    failed = 'chargewatch_database_failures_total{reason="disk_full"}'
    for _ in range(times):
        before = world.metric(failed)
        disk.fill()
        world.wait_for(lambda b=before: world.metric(failed) > b, "the collector to see a full disk")  # type: ignore[misc]
        assert world.metric("chargewatch_database_up") == 0
        time.sleep(dice.uniform(0.0, 1.0))
        disk.empty()
        world.wait_for(lambda: world.metric("chargewatch_database_up"), "the collector to go on by itself")
    return times


def log_disk_full(world: World, dice: random.Random, times: int) -> int:
    """No room for PostgreSQL's own log: it panics and stays away until there is."""
    disk = world.database.small_wal
    assert disk is not None
    for _ in range(times):

        def failed() -> bool:
            disk.fill()  # a checkpoint makes room by removing old files
            return "cannot be stored now" in world.log

        world.wait_for(failed, "the collector to see that the database is away")
        time.sleep(dice.uniform(0.0, 1.0))
        disk.empty()
        if world.database.process is None or world.database.process.poll() is not None:
            world.database.start()
        world.database.wait()
    return times


def each(*faults: Fault) -> Fault:
    """One of each, one after the other."""

    def one_of_each(world: World, dice: random.Random, times: int) -> int:
        return sum(_and_back(fault, world, dice) for _ in range(times) for fault in faults)

    return one_of_each


def _and_back(fault: Fault, world: World, dice: random.Random) -> int:
    done = fault(world, dice, 1)
    if not world.running():
        world.start_collector()
    world.wait_connected()
    return done


_STORM: list[Fault] = [
    collector_kill, collector_pause, database_kill, backend_kill, backend_terminate, database_pause, broker_restart,
    broker_pause, cut, half_closed, half_open, partition, trickle,
]  # fmt: skip


def storm(world: World, dice: random.Random, times: int) -> int:
    """One after the other, whichever it is."""
    for _ in range(times):
        _and_back(dice.choice(_STORM), world, dice)
    return times


def _either(world: World, dice: random.Random) -> Proxy:
    return dice.choice((world.to_broker, world.to_database))
