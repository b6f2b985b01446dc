from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.apps.registry import Apps
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from audits import append_only, defaults, triggers


class AuditsConfig(AppConfig):
    name = "audits"
    verbose_name = "Audits"

    def ready(self) -> None:
        # Models cannot be imported before the registry of apps is ready.
        from audits import history  # noqa: PLC0415

        triggers.register(*append_only.GUARDS, *history.guards())
        pre_migrate.connect(_make_way, sender=self)
        post_migrate.connect(_keep_guarded, sender=self)
        post_migrate.connect(_complete, sender=self)


def _make_way(*, using: str, **_: Any) -> None:
    """What a trigger of one table looks at in another can be remade, if the trigger is off meanwhile."""
    triggers.make_way(connections[using])


def _keep_guarded(*, using: str, **_: Any) -> None:
    """The guards of every room: a table that SQLite had to remake comes back without its triggers."""
    triggers.install(connections[using])


def _complete(*, using: str, apps: Apps = installed, **_: Any) -> None:
    """Every installation has the shipped rules of retention, an emptied database too."""
    try:
        rule = apps.get_model("audits", "RetentionRule")
    except LookupError:
        return
    if rule._meta.db_table not in connections[using].introspection.table_names():  # noqa: SLF001
        return
    for framework, words in defaults.RETENTION.items():
        rule._default_manager.using(using).get_or_create(framework=framework, defaults=words)  # noqa: SLF001
