from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.apps.registry import Apps
from django.db import connections
from django.db.models.signals import post_migrate

from audits import triggers
from governance import defaults, immutable


class GovernanceConfig(AppConfig):
    name = "governance"
    verbose_name = "Governance"

    def ready(self) -> None:
        # Models cannot be imported before the registry of apps is ready.
        from governance import wiring  # noqa: PLC0415

        wiring.connect()
        triggers.register(*immutable.GUARDS)
        triggers.register_demands(*immutable.DEMANDS)
        post_migrate.connect(_complete, sender=self)


def _complete(*, using: str, apps: Apps = installed, **_: Any) -> None:
    """Every installation has the three risk classes, an emptied database too."""
    try:
        risk_class = apps.get_model("governance", "RiskClass")
    except LookupError:
        return
    if risk_class._meta.db_table not in connections[using].introspection.table_names():  # noqa: SLF001
        return
    for level, figures in defaults.RISK_CLASSES.items():
        risk_class._default_manager.using(using).get_or_create(  # noqa: SLF001
            level=level.value, defaults=figures
        )
