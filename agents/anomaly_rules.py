"""What is unusual of what an agent reached lately, by its own past (S2-10). Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agents.choices import AnomalyKind

MINUTES_A_DAY = 24 * 60
MOST = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one rule: how long *lately* and *before* are, and what is too much."""

    window_minutes: int
    baseline_days: int
    factor: int
    minimum: int


@dataclass(frozen=True, slots=True)
class Reached:
    """Attempts and bytes by destination (`host:port`), and how many attempts were out of hours."""

    attempts: Mapping[str, int] = field(default_factory=dict)
    transferred: Mapping[str, int] = field(default_factory=dict)
    off_hours: int = 0


@dataclass(frozen=True, slots=True)
class Unusual:
    """`destination` is empty where it is about all of them."""

    kind: AnomalyKind
    destination: str
    observed: int
    expected: int


def unusual(kind: AnomalyKind, figures: Figures, lately: Reached, before: Reached) -> Iterator[Unusual]:
    """What one rule finds. `before` is the baseline, which ends where the window of `lately` begins."""
    if kind == AnomalyKind.DESTINATION:
        # Of an agent that has hardly reached anything everything is new.
        if sum(before.attempts.values()) >= figures.minimum:
            # Whoever tries thousands of names is found with the first few of them.
            for destination in sorted(set(lately.attempts) - set(before.attempts))[:MOST]:
                yield Unusual(kind, destination, lately.attempts[destination], 0)
        return
    for destination, (observed, past) in _measured(kind, lately, before).items():
        expected = _usual(past, figures)
        if observed >= max(figures.minimum, 1) and observed > figures.factor * expected:
            yield Unusual(kind, destination, observed, round(expected))


def _measured(kind: AnomalyKind, lately: Reached, before: Reached) -> dict[str, tuple[int, int]]:
    if kind == AnomalyKind.RATE:
        return {"": (sum(lately.attempts.values()), sum(before.attempts.values()))}
    if kind == AnomalyKind.OFF_HOURS:
        return {"": (lately.off_hours, before.off_hours)}
    return {
        destination: (observed, before.transferred.get(destination, 0))
        for destination, observed in sorted(lately.transferred.items())
    }


def _usual(past: int, figures: Figures) -> float:
    """What falls on one window of the baseline."""
    return past * figures.window_minutes / (figures.baseline_days * MINUTES_A_DAY)
