"""Following the revocation feed: what has ended counts here as soon as the portal has said so."""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from countersign_client.errors import CountersignError, Stale
from countersign_client.point import EnforcementPoint, Revocation

logger = logging.getLogger(__name__)

EVERYTHING = ("everything", "*")
WAIT_SECONDS = 20.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0


class Cutoffs:
    """The newest epoch of every subject; whoever is named at several levels is judged by the newest."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], int] = {}

    def add(self, revocations: Iterable[Revocation]) -> None:
        for row in revocations:
            at = (row.level, row.subject)
            self._newest[at] = max(self._newest.get(at, 0), row.number)

    def of(self, subjects: Mapping[str, str]) -> int:
        """The newest epoch over these subjects by level, `everything` always among them."""
        return max(self._newest.get(at, 0) for at in (EVERYTHING, *subjects.items()))


class Feed:
    """Follows the feed in a thread of its own, acknowledges, and knows how old its knowledge is.

    Use it as a context manager. Nothing counts as known before the feed has been read to its end once.
    """

    def __init__(self, point: EnforcementPoint, *, wait: float = WAIT_SECONDS) -> None:
        self._point = point
        self._wait = wait
        self._longest = 0.0  # until the portal has said after how long silence is stale
        self._cutoffs = Cutoffs()
        self._next = 0
        self._fresh_until = 0.0
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="countersign-feed", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()

    @property
    def is_fresh(self) -> bool:
        """Whether the feed was heard recently enough for writes."""
        return self._caught_up.is_set() and time.monotonic() < self._fresh_until

    def require_fresh(self, *, patience: float = 0.0) -> None:
        """
        Args:
            patience: seconds to wait for the first reading.

        Raises:
            Stale: nothing was heard for too long. Do not write.
        """
        self._caught_up.wait(patience)
        if not self.is_fresh:
            raise Stale("The revocation feed was not heard for too long. Nothing is written until it is.")

    def has_ended(self, epoch: int, subjects: Mapping[str, str]) -> bool:
        """Whether anything of these (level → subject) ended after `epoch`, the token's claim."""
        return self._cutoffs.of(subjects) > epoch

    def read_once(self, *, wait: float = 0.0) -> float:
        """Read and acknowledge one page. Returns how many seconds to pause before the next."""
        before = time.monotonic()
        page = self._point.revocations(self._next, wait=wait)
        self._cutoffs.add(page.revocations)
        if page.next > self._next:
            self._point.acknowledge(page.next)
            self._next = page.next
        if self._next < page.current:
            return 0.0
        # The page says what was the case when the portal was asked, or later: the earlier is safe.
        self._fresh_until = before + page.stale_after
        self._longest = min(self._wait, page.stale_after / 2)
        self._caught_up.set()
        return page.ask_again_in

    def _follow(self) -> None:
        pause = 0.0
        failed = FIRST_PAUSE
        while not self._stop.wait(pause):
            try:
                pause = self.read_once(wait=self._longest)
                failed = FIRST_PAUSE
            except CountersignError as error:
                logger.warning("The revocation feed was not read: %s", error)
                pause, failed = failed, min(failed * 2, LONGEST_PAUSE)
