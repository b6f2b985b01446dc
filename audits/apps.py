from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

from audits import append_only


class AuditsConfig(AppConfig):
    name = "audits"
    verbose_name = "Audits"

    def ready(self) -> None:
        post_migrate.connect(_keep_append_only, sender=self)


def _keep_append_only(*, using: str, **_: Any) -> None:
    """A table that SQLite had to remake comes back without its triggers."""
    connection = connections[using]
    if append_only.TABLES[-1].table in connection.introspection.table_names():
        append_only.install(connection)
