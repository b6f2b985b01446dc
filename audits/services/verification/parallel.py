"""Ranges of the ledger checked by several processes, each with a database connection of its own."""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from django.db import connection

from audits import processes
from audits.errors import Conflict
from audits.services.verification.entries import Part, check_range

MOST = 8
WORTH_IT = 50_000
"""Below so many entries, starting processes takes longer than they save."""
AHEAD = 2

Range = tuple[int, int]


def sensible_jobs(entries: int) -> int:
    """As many processes as the machine has cores, where that pays."""
    return min(MOST, os.cpu_count() or 1) if entries >= WORTH_IT else 1


def possible_jobs(wanted: int) -> int:
    """One, where other processes would not see what this one sees, or may not be started."""
    in_memory = connection.vendor == "sqlite" and "memory" in str(connection.settings_dict["NAME"])
    alone = connection.in_atomic_block or in_memory or multiprocessing.current_process().daemon
    return 1 if alone else max(1, wanted)


def check(ranges: Sequence[Range], *, jobs: int, with_bodies: bool) -> Iterator[tuple[int, int, Part]]:
    """Each range with what was found in it, in the order of `ranges`; a few are held at a time."""
    if jobs == 1:
        for start, end in ranges:
            yield start, end, check_range(start, end, with_bodies=with_bodies)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, processes.prepare, (processes.surroundings(),)) as workers:
        waiting: deque[tuple[int, int, Future[Part]]] = deque()
        try:
            for start, end in ranges:
                waiting.append((start, end, workers.submit(_check, start, end, with_bodies)))
                if len(waiting) > jobs * AHEAD:
                    first = waiting.popleft()
                    yield first[0], first[1], first[2].result()
            for start, end, future in waiting:
                yield start, end, future.result()
        except BrokenProcessPool as error:
            raise Conflict("A verifying process was ended from outside. Try again with --jobs 1.") from error
        finally:
            workers.shutdown(wait=False, cancel_futures=True)


def _check(start: int, end: int, with_bodies: bool) -> Part:  # noqa: FBT001 - sent to another process
    return check_range(start, end, with_bodies=with_bodies)
