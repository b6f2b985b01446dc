"""Transactions of which there are many: on SQLite the threads of a process take turns."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_TURN = threading.RLock()


@contextmanager
def transaction_in_turn() -> Iterator[None]:
    """A transaction, or a part of the one there is.

    SQLite has one writer, lets whoever waits for it sleep for up to a tenth of a second, and favours nobody.
    Threads that wait for each other here go on at once. Whoever is in a transaction already does not wait:
    somebody whose turn it is may be waiting for that.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    with _TURN, transaction.atomic():
        yield
