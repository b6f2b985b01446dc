from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.apps.registry import Apps
from django.db import connections
from django.db.models.signals import post_migrate

from agents import defaults, immutable
from audits import erasable, evidence, notices, triggers


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        # Models cannot be imported before the registry of apps is ready.
        from agents.erasure import PersonErasure  # noqa: PLC0415
        from agents.evidence import AgentsEvidence  # noqa: PLC0415
        from agents.notices import AgentsNotices  # noqa: PLC0415

        evidence.register(AgentsEvidence())
        erasable.register(PersonErasure())
        notices.register(AgentsNotices())
        triggers.register(*immutable.GUARDS)
        triggers.register_demands(*immutable.DEMANDS)
        post_migrate.connect(_complete, sender=self)


def _complete(*, using: str, apps: Apps = installed, **_: Any) -> None:
    """Every installation has the built-in endpoints and the rules of anomalies, an emptied database too."""
    endpoints = {key: {"name": name} for name, key in defaults.ENDPOINTS.items()}
    rules = {defaults.anomaly_rule_id(kind): figures for kind, figures in defaults.ANOMALY_RULES.items()}
    for name, rows in (("Endpoint", endpoints), ("AnomalyRule", rules)):
        try:
            model = apps.get_model("agents", name)
        except LookupError:
            continue
        if model._meta.db_table in connections[using].introspection.table_names():  # noqa: SLF001
            for key, values in rows.items():
                model._default_manager.using(using).get_or_create(id=key, defaults=values)  # noqa: SLF001
