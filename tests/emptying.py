"""Emptying the database after a test: only the tables that hold something, guarded ones too.

Django empties every table and then does everything that follows a migration, which takes longer than most
tests: here what every installation has is left in place, or put back.
"""

from collections.abc import Iterable
from functools import lru_cache

from django.apps import apps
from django.db import connection, transaction

from agents.apps import _complete as complete_agents
from audits import triggers
from audits.apps import _complete as complete_audits
from governance.apps import _complete as complete_governance

KEPT = {"auth_group", "auth_group_permissions", "auth_permission", "django_content_type", "django_migrations"}


@lru_cache(maxsize=1)
def tables(_database: str) -> tuple[str, ...]:
    """All that a test may fill. The database of the tests does not change its tables."""
    known = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return tuple(sorted(set(known) - KEPT))


def filled() -> list[str]:
    query = " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})"  # noqa: S608 - our own names
        for table in tables(str(connection.settings_dict["NAME"]))
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]


def empty() -> None:
    """Leave the database as a migration leaves it."""
    names = filled()
    _disarm(names)
    with transaction.atomic(), connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608 - our own names
    _arm(names)
    triggers.install(connection)
    complete_audits(using=connection.alias, apps=apps)
    complete_agents(using=connection.alias, apps=apps)
    complete_governance(using=connection.alias, apps=apps)


def _disarm(names: list[str]) -> None:
    if connection.vendor == "sqlite":
        triggers.remove(connection, names)
    elif names:
        _execute(f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in names)


def _arm(names: list[str]) -> None:
    """On PostgreSQL they are only asleep: dropping and making them would take most of the time."""
    if connection.vendor == "sqlite" or not names:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE NOT tgisinternal AND relname = ANY(%s)",
            [names],
        )
        found = cursor.fetchall()
    _execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for table, name in found)


def _execute(statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        if joined := "; ".join(statements):
            cursor.execute(joined)
