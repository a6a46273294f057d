"""Dask workers, each a process of its own, forked where all is imported already: that spares each of them two seconds.

For every address on standard input one more worker; its process id is printed. They end with their scheduler.
"""

import asyncio
import os
import sys

from distributed import Worker

from uptime.archive import rebuilding


async def work(address: str) -> None:
    """Work until the scheduler goes."""
    assert rebuilding.compute
    async with Worker(address, nthreads=1, dashboard=False, dashboard_address=None) as worker:
        await worker.finished()


for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        asyncio.run(work(line.strip()))
        os._exit(0)
    print(pid, flush=True)
