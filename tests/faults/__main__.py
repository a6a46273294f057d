"""`make test-faults`: hundreds of faults, each episode with its seed. `--kind K --seed N` replays one episode."""

import argparse
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

from tests.bring import ci, why_no_broker, why_no_timescale
from tests.faults import episodes
from tests.faults.database import why_no_tmpfs
from tests.faults.episodes import KINDS, Kind
from tests.faults.traps import TRAPS
from tests.faults.world import World, world


def why_not(kind: Kind, backend: str) -> str:
    """Why episodes of that kind cannot run here; empty if they can."""
    needs_disk = kind.small_log or kind.database == "small"
    return (
        why_no_broker()
        or (why_no_timescale() if backend == "timescale" else "")
        or (why_no_tmpfs() if needs_disk else "")
    )


def planned(kinds: list[str], seed: int, count: int | None) -> Iterator[tuple[str, int]]:
    """Kinds and seeds; the kinds take turns, so that none finds the world as the one before it likes it."""
    left = Counter({name: KINDS[name].episodes if count is None else count for name in kinds})
    while +left:
        for name in [name for name in kinds if left[name] > 0]:
            left[name] -= 1
            yield name, seed
            seed += 1


def main() -> int:
    """Run what was asked for; 1 where something did not hold, or was left out where nothing may be."""
    asked = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    asked.add_argument("--seed", type=int, help="of the first episode; each further one takes the next")
    asked.add_argument("--kind", action="append", choices=KINDS, help="only this kind; may be given again")
    asked.add_argument("--episodes", type=int, help="so many of each kind, instead of the long form's")
    asked.add_argument("--backend", choices=("embedded", "timescale"), default="embedded")
    asked.add_argument("--trap", choices=TRAPS, help="put this fault into the collector: the episodes must find it")
    options = asked.parse_args()
    seed = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    count = 1 if options.seed is not None and options.kind and options.episodes is None else options.episodes
    print(f"seed {seed}, {options.backend}", flush=True)
    kinds, left_out = [], []
    for name in options.kind or list(KINDS):
        reason = why_not(KINDS[name], options.backend)
        (left_out if reason else kinds).append(name)
        if reason:
            print(f"left out: {name}, because {reason}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was mounted and started is given back
    started, outcomes = time.monotonic(), []
    with ExitStack() as stack:
        worlds: dict[bool, World] = {}
        for name, one in planned(kinds, seed, count):
            small = KINDS[name].small_log
            if small not in worlds:
                worlds[small] = stack.enter_context(world(options.backend, small_wal_mb=24 if small else None))
                if options.trap:
                    worlds[small].program = (sys.executable, "-m", "tests.faults.traps", options.trap)
            outcomes.append(episodes.run(worlds[small], name, one))
            print(outcomes[-1], flush=True)
    failed = [one for one in outcomes if one.problems]
    faults = Counter[str]()
    for one in outcomes:
        faults[one.kind] += one.faults
    print(f"{sum(faults.values())} faults in {time.monotonic() - started:.0f} s: {dict(faults)}")
    acknowledged = sum(one.acknowledged for one in outcomes)
    print(f"{acknowledged} messages acknowledged; episodes in which something was lost or stored twice: {len(failed)}")
    for one in failed:
        print(f"replay: python -m tests.faults --backend {options.backend} --kind {one.kind} --seed {one.seed}")
    return 1 if failed or (left_out and ci()) else 0


if __name__ == "__main__":
    sys.exit(main())
