"""Things that happen in tests, through the real service or through a database shell."""

from typing import Any

from django.db import connection, transaction

from audits import triggers
from audits.actor import Actor
from audits.choices import Action
from audits.models import Event
from audits.services.ledger import record

TESTER = Actor.system("tester")


def happen(count: int = 1, *, stream: str = "agent/one", **words: Any) -> list[Event]:
    """Record `count` events, each in a transaction of its own."""
    events = []
    for number in range(count):
        with transaction.atomic():
            events.append(
                record(
                    stream=stream,
                    action=words.get("action", Action.RUN_QUEUED),
                    actor=words.get("actor", TESTER),
                    object=words.get("object", f"run/{number}"),
                    body=words.get("body", {"number": number}),
                    frameworks=words.get("frameworks", ()),
                )
            )
    return events


def execute(statement: str, *parameters: Any) -> int:
    """What somebody with a database shell does; the number of rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def take_triggers_off() -> None:
    """What only a superuser can do."""
    if connection.vendor == "postgresql":
        execute("SET CONSTRAINTS ALL IMMEDIATE")
    triggers.remove(connection)
