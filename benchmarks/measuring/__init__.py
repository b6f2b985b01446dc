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
    """One line of the table. `cpu` and `wall` are ratios, `ours` and `floor` microseconds an event."""

    what: str
    against: str
    target: float | None
    cpu: float
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


def show(rows: list[Row], sizes: list[dict[str, float]], proof: float) -> None:
    print(f"{'':36}{'floor':42}{'target':>7}{'cpu':>7}{'clock':>7}{'us an event':>14}")
    for row in rows:
        target = f"{row.target:.2f}" if row.target else ""
        print(
            f"{row.what:36}{row.against:42}{target:>7}{row.cpu:7.2f}{row.wall:7.2f}"
            f"{row.ours:7.0f} /{row.floor:5.0f}"
        )
    print("\nBy size of the ledger: microseconds of the processor an event, and MiB on top of the process")
    for name in sizes[0]:
        print(f"{name:16}" + "".join(f"{costs[name]:12,.0f}" for costs in sizes))
    print(f"\nproof.bin: {proof:.0f} bytes an entry, one entry in a thousand of a million")
