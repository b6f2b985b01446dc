"""The same limit as `rate.allow` keeps in the database, kept in Redis: one script, which Redis runs alone.

Redis may forget: whoever chooses this trades the durability of the count for the database's time. Where Redis
does not answer, nothing is allowed.
"""

import functools
from datetime import timedelta
from typing import Any

import redis
from django.conf import settings

PREFIX = "countersign:rate:"
TIMEOUT_SECONDS = 2
# The generic cell rate algorithm, with the clock of Redis, in microseconds: 2^53 of them are 285 years.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, times = tonumber(ARGV[1]), tonumber(ARGV[2])
local arrival = tonumber(redis.call('GET', KEYS[1]) or '0')
if arrival > now + (times - 1) * interval then return 0 end
arrival = math.max(arrival, now) + interval
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
return 1
"""


def allow(name: str, *, times: int, window: timedelta) -> bool:
    """
    Raises:
        redis.RedisError: it does not answer.
    """
    interval = window // timedelta(microseconds=1) // times
    return bool(_script(settings.REDIS_URL)(keys=[PREFIX + name], args=[interval, times]))


@functools.lru_cache(maxsize=4)
def _script(url: str) -> Any:
    """Loaded once; the connections behind it are a pool that threads share."""
    client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
    return client.register_script(SCRIPT)
