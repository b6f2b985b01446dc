"""What appending to the ledger costs, as ratios to floors of the same run: `python benchmarks/append.py`.

Times depend on the machine; the ratio of two things done alternately on the same machine does much
less. A ratio is floor / ours, the median of paired rounds: 1.00 costs nothing, larger is better. Where it
says so, each transaction is followed by a wait of exactly 1 ms, the time of a good disk.
`docs/performance.md` explains the floors and the targets.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any

from measuring import Row, paired, show
from measuring.ledger import benchmark_database, create, do_not_wait, insert, record, save

from django.conf import settings  # isort: skip - measuring.ledger has set Django up
from django.db import connection, transaction  # isort: skip

from audits.models import Entry
from audits.services import sealing

TURN = 50
INTERVAL = 0.1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--appends", type=int, default=500, help="events to append one by one")
    parser.add_argument(
        "--writers", type=int, nargs="+", default=[1, 8], help="processes that append at once"
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="how long they do, three times each way")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    options = parser.parse_args()
    with benchmark_database():
        rows = [
            *one_writer(options.appends),
            *(row for writers in options.writers for row in together(writers, options.seconds)),
        ]
        show(rows)
        if options.save:
            save("append", {"rows": [asdict(row) for row in rows]})
    return 0


def one_writer(count: int) -> Iterator[Row]:
    """Each event in a transaction of its own, in turns of fifty."""
    least, per = "the bare INSERT of the same row", {"events": TURN, "rounds": max(count // TURN, 3)}
    record_, insert_ = partial(each_committed, record), partial(each_committed, insert)
    yield paired("record()", least, 0.80, ours=record_, floor=insert_, **per)
    yield paired(
        "record()", "Model.objects.create", 1.0, ours=record_, floor=partial(each_committed, create), **per
    )
    yield paired(
        "record(), a commit waits 1 ms", least, 0.95, ours=partial(record_, wait=0.001),
        floor=partial(insert_, wait=0.001), **per,
    )  # fmt: skip
    sealing.seal()
    yield paired(
        "record(), sealed inline", "record(), sealed by a worker", 0.90, ours=sealed_inline,
        floor=sealed_elsewhere, **per,
    )  # fmt: skip


def each_committed(verb: Callable[[], None], *, wait: float = 0.0) -> None:
    for _ in range(TURN):
        with transaction.atomic():
            verb()
        time.sleep(wait) if wait else None


def sealed_elsewhere() -> None:
    """A worker's turn comes after about 50 ms; it takes the same processor."""
    each_committed(record, wait=0.001)
    sealing.seal()


def sealed_inline() -> None:
    settings.LEDGER_SEAL_INLINE = True
    try:
        each_committed(record, wait=0.001)
    finally:
        settings.LEDGER_SEAL_INLINE = False
    sealing.seal()


def together(writers: int, seconds: float) -> Iterator[Row]:
    """Many processes at once, each commit waits 1 ms; while they record, a sealer runs every 100 ms."""
    bare: list[float] = []
    recorded: list[float] = []
    delays: list[float] = []
    for _ in range(3):
        bare.append(throughput(insert, writers, seconds))
        recorded.append(throughput(record, writers, seconds, delays))
    ratio = median(ours / floor for ours, floor in zip(recorded, bare, strict=True))
    name = f"record(), {writers} at once, 1 ms, sealer"
    costs = {"ours": 1e6 / median(recorded), "floor": 1e6 / median(bare)}
    yield Row(name, "the bare INSERT", 0.95, cpu=None, wall=ratio, **costs)
    slow = sorted(delays)[int(len(delays) * 0.99)]
    yield Row(
        f"sealed after commit, {writers} at once, p99", "the sealer's interval", 0.83, cpu=None,
        wall=INTERVAL / slow, ours=1e6 * slow, floor=1e6 * INTERVAL,
    )  # fmt: skip


def throughput(
    verb: Callable[[], None], writers: int, seconds: float, delays: list[float] | None = None
) -> float:
    """Events a second; `delays` takes the seconds from recording to sealing of each."""
    close = getattr(connection, "close_pool", None)
    connection.close()
    if connection.vendor == "postgresql" and close:
        close()
    context = multiprocessing.get_context("fork")
    counts = context.SimpleQueue()
    processes = [context.Process(target=write, args=(verb, seconds, counts)) for _ in range(writers)]
    for process in processes:
        process.start()
    do_not_wait()
    if delays is not None:
        while any(process.is_alive() for process in processes):
            delays += seal_when_due()
    total: int = sum(counts.get() for _ in processes)
    for process in processes:
        process.join()
    sealing.seal()
    return total / seconds


def seal_when_due() -> list[float]:
    """One turn of a sealer that runs every 100 ms; how long each event that it sealed had waited."""
    began = time.monotonic()
    sealed = sealing.seal()
    now = datetime.now(UTC)
    newest = Entry.objects.exclude(event=None).order_by("-seq")[:sealed]
    waited = [(now - at).total_seconds() for at in newest.values_list("event__time", flat=True)]
    time.sleep(max(0.0, INTERVAL - (time.monotonic() - began)))
    return waited


def write(verb: Callable[[], None], seconds: float, counts: Any) -> None:
    do_not_wait()
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        with transaction.atomic():
            verb()
        time.sleep(0.001)
        count += 1
    connection.close()
    counts.put(count)


if __name__ == "__main__":
    sys.exit(main())
