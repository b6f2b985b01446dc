"""A Celery worker and its beat inside this process: one machine needs no broker and no service.

The queue is in memory. What was queued when the process died is still in the database, and
`portal.tasks.pick_up_waiting_work` queues it again.
"""

import threading
from types import TracebackType
from typing import Self

from celery import beat
from celery.worker import WorkController

from portal.celery import app

STOP_SECONDS = 10


class InProcessWorker:
    """A worker and a beat, each in a thread; a context manager, or `start` and `stop`."""

    def __init__(self, *, concurrency: int = 2) -> None:
        self._worker = WorkController(
            app=app,
            pool_cls="threads",
            concurrency=concurrency,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        self._beat = beat.Service(app, scheduler_cls=beat.Scheduler)
        self._threads = [
            threading.Thread(target=self._worker.start, name="worker", daemon=True),
            threading.Thread(target=self._beat.start, name="beat", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no new work, and give what is running a few seconds to finish."""
        self._beat.stop()
        self._worker.stop()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
