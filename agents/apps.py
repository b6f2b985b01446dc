from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

from agents import immutable
from audits import evidence


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        # Models cannot be imported before the registry of apps is ready.
        from agents.evidence import AgentsEvidence  # noqa: PLC0415

        evidence.register(AgentsEvidence())
        post_migrate.connect(_keep_immutable, sender=self)


def _keep_immutable(*, using: str, **_: Any) -> None:
    """A table that SQLite had to remake comes back without its trigger."""
    connection = connections[using]
    if immutable.TABLE in connection.introspection.table_names():
        immutable.install(connection)
