"""What is known of an enforcement point. Pure: facts in, state out; no database, no clock.

The first that holds decides. Nothing is taken for confirmed that the point did not say, that it said too
long ago, or that a probe has disproved.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.choices import PointMode, PointState, ProbeOutcome

CONFIRMED = frozenset({PointState.ACKNOWLEDGED, PointState.DECLARED})


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one live enforcement point.

    `acknowledged` is the highest number that it acknowledged, `current` the newest that there is, and
    `probe` the outcome of its last probe; None where there was none.
    """

    mode: str
    asked_at: datetime | None
    acknowledged: int | None
    current: int
    probe: str | None


def state(facts: Facts, *, number: int, now: datetime, stale_after: timedelta) -> PointState:
    """How it stands towards everything up to `number`."""
    for holds, found in (
        (facts.probe == ProbeOutcome.LET_THROUGH, PointState.LETS_THROUGH),
        (facts.mode == PointMode.ASKS, PointState.DECLARED),
        (facts.mode != PointMode.FOLLOWS, PointState.UNKNOWN),
        (facts.asked_at is None, PointState.NEVER_ASKED),
        (facts.asked_at is not None and now - facts.asked_at > stale_after, PointState.STALE),
        # What nobody could have told it: a restored backup forgot what it knows.
        (facts.acknowledged is not None and facts.acknowledged > facts.current, PointState.UNKNOWN),
        (facts.acknowledged is not None and facts.acknowledged >= number, PointState.ACKNOWLEDGED),
        (number > 0, PointState.BEHIND),
    ):
        if holds:
            return found
    return PointState.UNKNOWN


def contained(states: Iterable[PointState], *, jobs: int) -> bool:
    """Whether every live enforcement point has confirmed and none of the agent's work is left."""
    return jobs == 0 and CONFIRMED.issuperset(states)
