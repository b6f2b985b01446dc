"""Who waits for a new revocation is woken as soon as one is committed, by whichever process.

One thread for each process watches the database while somebody waits, and ends when nobody does. On SQLite
it looks at `data_version`, which any commit of another connection changes, on PostgreSQL at the newest
number: an index lookup. Who waits holds no connection to the database, but a thread of the server: so
only so many wait at once, and everybody else is answered at once.
"""

import logging
import threading
import time

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.models import Max

from agents.models import Revocation
from agents.services import revocations

logger = logging.getLogger(__name__)

# How often what its own process could not number is numbered here.
NUMBER_SECONDS = 1.0
LOOK_SECONDS = {"sqlite": 0.005, "postgresql": 0.01}


class Watch:
    """Waiting for a number beyond one that is known."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest = 0
        self._waiting = 0
        self._watching = False

    def wait(self, *, beyond: int, seconds: float) -> bool:
        """Wait until there is a newer number, the time is over, or the watch fails.

        Returns whether there was room to wait at all.
        """
        close_old_connections()
        end = time.monotonic() + seconds
        with self._changed:
            if self._waiting >= settings.FEED_WAITERS:
                return False
            self._waiting += 1
            try:
                self._watch()
                self._changed.wait_for(
                    lambda: self._newest > beyond or not self._watching, end - time.monotonic()
                )
            finally:
                self._waiting -= 1
        return True

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self._newest = 0
            threading.Thread(target=self._look, name="revocations", daemon=True).start()

    def _look(self) -> None:
        """Look until nobody waits. If it fails, those who wait go and ask the database themselves."""
        try:
            seen: object = None
            number_at = 0.0
            while self._is_wanted():
                if time.monotonic() >= number_at:
                    revocations.number()
                    number_at = time.monotonic() + NUMBER_SECONDS
                version = _version()
                if version != seen:
                    self._tell(_highest())
                    seen = version
                time.sleep(LOOK_SECONDS[connection.vendor])
        except Exception:
            logger.exception("New revocations cannot be watched for.")
            with self._changed:
                self._watching = False
                self._changed.notify_all()
        finally:
            connection.close()

    def _is_wanted(self) -> bool:
        with self._changed:
            self._watching = self._waiting > 0
            return self._watching

    def _tell(self, number: int) -> None:
        with self._changed:
            if number > self._newest:
                self._newest = number
                self._changed.notify_all()


watch = Watch()


def _highest() -> int:
    """Nothing but a look: who ends something numbers it, and is not held up."""
    found: int | None = Revocation.objects.aggregate(newest=Max("number"))["newest"]
    return found or 0


def _version() -> object:
    """Something that is another one once anything was committed that could be a revocation."""
    if connection.vendor != "sqlite":
        return _highest()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return cursor.fetchone()[0]
