"""The lock under which evidence goes: a hold is placed before it or after it, never meanwhile."""

from django.db import connection

_DISPOSAL = 0x686F6C64  # "hold"


def disposal() -> None:
    """Held until the transaction ends. Take it before reading what the decision rests on.

    It is a statement of its own, so that under READ COMMITTED the next one sees what the last holder
    committed. On SQLite the transaction itself is the lock: it begins IMMEDIATE.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_DISPOSAL])
