from django.apps import AppConfig

from agents import immutable
from audits import erasable, evidence, triggers


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        # Models cannot be imported before the registry of apps is ready.
        from agents.erasure import PersonErasure  # noqa: PLC0415
        from agents.evidence import AgentsEvidence  # noqa: PLC0415

        evidence.register(AgentsEvidence())
        erasable.register(PersonErasure())
        triggers.register(*immutable.GUARDS)
