"""Rate limits that all processes share, and that are exact.

`wait` spaces turns: no two are closer than the interval. `allow` says yes so many times in a window, at once
or spread, and no otherwise; nobody waits.

`wait` is the generic cell rate algorithm without a burst: a row holds the moment from which the next turn may
be taken; a turn is taken by moving it on, in an update that only the first of several wins. Spacing
turns by window/limit keeps every window of that length within the limit, which a burst would not.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from redis import RedisError

from agents import rate_redis
from agents.models import Allowance, RateLimit

MICROSECONDS = 1_000_000


class RateError(Exception):
    """So many are waiting that the turn would come too late, or nobody counts."""


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


def allow(name: str, *, times: int, window: timedelta) -> bool:
    """Take one of `times` in each `window`; False where they are used up.

    The generic cell rate algorithm with a burst of `times`: one conditional update decides, so that of any
    number at the same moment exactly as many win as are left.

    Raises:
        RateError: it is counted in Redis (`COUNTERSIGN_LIMITER`), which does not answer.
    """
    if settings.LIMITER == "redis":
        try:
            return rate_redis.allow(name, times=times, window=window)
        except RedisError as error:
            raise RateError("Redis, which counts, does not answer.") from error
    interval = window // timedelta(microseconds=1) // times
    now = int(timezone.now().timestamp() * MICROSECONDS)
    Allowance.objects.get_or_create(name=name, defaults={"arrival": 0})
    taken = Allowance.objects.filter(name=name, arrival__lte=now + (times - 1) * interval).update(
        arrival=Greatest(F("arrival"), now) + interval
    )
    return bool(taken)
