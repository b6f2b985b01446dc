"""Ratios of paired runs, costs an event, and the table that shows them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

Work: TypeAlias = Callable[[], object]


@dataclass
class Row:
    """One line of the table. `cpu` and `wall` are ratios, `ours` and `floor` microseconds an event.

    `cpu` is None where many processes share the work.
    """

    what: str
    against: str
    target: float | None
    cpu: float | None
    wall: float
    ours: float
    floor: float


def timed(work: Work) -> tuple[float, float]:
    """Seconds of the processor, and by the clock."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def paired(
    what: str,
    against: str,
    target: float | None,
    *,
    ours: Work,
    floor: Work,
    events: int,
    rounds: int,
) -> Row:
    pairs = [(timed(floor), timed(ours)) for _ in range(rounds)]
    return Row(
        what,
        against,
        target,
        cpu=median(least[0] / our[0] for least, our in pairs),
        wall=median(least[1] / our[1] for least, our in pairs),
        ours=median(our[0] for _, our in pairs) / events * 1e6,
        floor=median(least[0] for least, _ in pairs) / events * 1e6,
    )


def measured(work: Work, events: int) -> tuple[float, float]:
    """Microseconds of the processor an event, and MiB by which the process grew (on Linux; else 0)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now
        before = peak()
    except OSError:
        return timed(work)[0] / events * 1e6, 0.0
    return timed(work)[0] / events * 1e6, peak() - before


def peak() -> float:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def show(rows: list[Row]) -> None:
    print(f"{'':42}{'floor':38}{'target':>7}{'cpu':>7}{'clock':>7}{'us an event':>16}")
    for row in rows:
        target, cpu = (f"{value:.2f}" if value else "" for value in (row.target, row.cpu))
        ratios = f"{target:>7}{cpu:>7}{row.wall:7.2f}"
        print(f"{row.what:42}{row.against:38}{ratios}{row.ours:9.0f} /{row.floor:5.0f}")


def show_sizes(sizes: list[dict[str, float]]) -> None:
    print("\nBy size of the ledger: microseconds of the processor an event, and MiB on top of the process")
    for name in sizes[0]:
        print(f"{name:16}" + "".join(f"{costs[name]:12,.0f}" for costs in sizes))
