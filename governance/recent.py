"""What was found a moment ago: it serves again for a second, while nothing has been revoked.

Whatever ends an agent's access appends a revocation, and what is remembered belongs to the newest one that
was known: so what has ended is seen at once. What changes otherwise is seen after a second at the latest.
Each process remembers for itself.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache
from django.db import connection

from agents.services import revocations

SECONDS = 1.0
KEPT = 10_000
Found = TypeVar("Found")


class Recent(Generic[Found]):
    """Shared by the threads of a process: nobody changes what is found here."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._turn = threading.Lock()
        self._kept: TTLCache[tuple[Hashable, int], Found] = TTLCache(KEPT, seconds, timer=time.monotonic)

    def of(self, key: Hashable, look: Callable[[], Found], *, keep: Callable[[Found], bool]) -> Found:
        """What was found for `key` a moment ago, else what `look` finds; remembered where `keep` says so.

        Within a transaction it is looked up always, for what that changed has to be seen.
        """
        if connection.in_atomic_block:
            return look()
        # Before anything is looked at: what is revoked meanwhile makes another key.
        whole = (key, revocations.current())
        with self._turn:
            found = self._kept.get(whole)
        if found is None:
            found = look()
            if keep(found):
                with self._turn:
                    self._kept[whole] = found
        return found
