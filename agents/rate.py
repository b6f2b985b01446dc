"""A rate limit that all processes share, exact: no two turns are closer than the interval.

The generic cell rate algorithm without a burst: a row holds the moment from which the next turn may
be taken; a turn is taken by moving it on, in an update that only the first of several wins. Spacing
turns by window/limit keeps every window of that length within the limit, which a burst would not.
"""

import time
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from agents.models import RateLimit


class RateError(Exception):
    """So many are waiting that the turn would come too late."""


def wait(name: str, *, interval: timedelta, patience: timedelta) -> None:
    """Take the next turn of `name` and sleep until it has come. No transaction may be open.

    Raises:
        RateError: the turn would come later than `patience`; none was taken.
        RuntimeError: a transaction is open: it would stay open while we sleep.
    """
    seconds = reserve(name, interval=interval, patience=patience)
    if seconds > 0:
        time.sleep(seconds)


def reserve(name: str, *, interval: timedelta, patience: timedelta) -> float:
    """Take the next turn and say how many seconds it is away (errors as for `wait`)."""
    while True:
        with transaction.atomic(durable=True):
            now = timezone.now()
            limit, _ = RateLimit.objects.get_or_create(name=name, defaults={"theoretical_arrival": now})
            turn = max(now, limit.theoretical_arrival)
            if turn - now > patience:
                raise RateError(f"The next turn of {name} is {(turn - now).total_seconds():.0f} s away.")
            taken = RateLimit.objects.filter(name=name, theoretical_arrival=limit.theoretical_arrival).update(
                theoretical_arrival=turn + interval
            )
        if taken:
            return (turn - now).total_seconds()
