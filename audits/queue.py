"""How work is handed to Celery: after commit, and never at the price of what was committed."""

import logging
from functools import partial

from celery import Task, current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue(task: "Task[..., object] | str", *args: str) -> None:
    """Send `task` once the current transaction has committed (at once where there is none).

    Services name a task by its path, for example `agents.tasks.analyse`: tasks lie above services.

    A broker that is away is logged: the row waits in the database, and the sweep picks it up.
    """
    name = task if isinstance(task, str) else task.name
    transaction.on_commit(partial(_send, name, args))


def _send(name: str, args: tuple[str, ...]) -> None:
    try:
        current_app.send_task(name, args=args)
    except OperationalError as error:
        logger.warning("%s%r waits: the broker does not answer (%s).", name, args, error)
