"""What was found a moment ago: it serves again for a second, while nothing has been revoked.

Whatever ends an agent's access appends a revocation, and what is remembered belongs to the newest one that
was known: so what has ended is seen at once. What changes otherwise is seen after a second at the latest.
Each process remembers for itself.
"""

import threading
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

SECONDS = 1.0
KEPT = 10_000
Found = TypeVar("Found")


class Recent(Generic[Found]):
    """Shared by the threads of a process: nobody changes what is found here."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._turn = threading.Lock()
        self._kept: TTLCache[tuple[Hashable, int], Found] = TTLCache(KEPT, seconds, timer=time.monotonic)

    def find(self, key: Hashable, *, epoch: int) -> Found | None:
        """What was found for it while `epoch` was the newest revocation."""
        with self._turn:
            return self._kept.get((key, epoch))

    def keep(self, key: Hashable, found: Found, *, epoch: int) -> None:
        with self._turn:
            self._kept[key, epoch] = found
