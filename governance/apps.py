from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.apps.registry import Apps
from django.db import connections
from django.db.models.signals import post_migrate

from governance import defaults, immutable


class GovernanceConfig(AppConfig):
    name = "governance"
    verbose_name = "Governance"

    def ready(self) -> None:
        # Models cannot be imported before the registry of apps is ready.
        from governance import wiring  # noqa: PLC0415

        wiring.connect()
        post_migrate.connect(_complete, sender=self)


def _complete(*, using: str, apps: Apps = installed, **_: Any) -> None:
    """Every installation has the three risk classes and the triggers.

    Here and not in a migration alone: a table that SQLite had to remake comes back without its
    triggers, and an emptied database without its classes.
    """
    try:
        risk_class = apps.get_model("governance", "RiskClass")
    except LookupError:
        return
    connection = connections[using]
    if risk_class._meta.db_table not in connection.introspection.table_names():  # noqa: SLF001
        return
    immutable.install(connection)
    for level, figures in defaults.RISK_CLASSES.items():
        risk_class._default_manager.using(using).get_or_create(  # noqa: SLF001
            level=level.value, defaults=figures
        )
