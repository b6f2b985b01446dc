from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

from audits import append_only, triggers


class AuditsConfig(AppConfig):
    name = "audits"
    verbose_name = "Audits"

    def ready(self) -> None:
        triggers.register(*append_only.GUARDS)
        post_migrate.connect(_keep_guarded, sender=self)


def _keep_guarded(*, using: str, **_: Any) -> None:
    """The guards of every room: a table that SQLite had to remake comes back without its triggers."""
    triggers.install(connections[using])
