"""What the register knows already, as first answers of an assessment: people correct it, not retype it."""

from collections.abc import Callable

from agents.models import Agent, AgentVersion
from governance import manifest
from governance.answers import Answers
from governance.choices import AssessmentKind


def from_register(kind: AssessmentKind, agent: Agent) -> Answers:
    """First answers to the template of this kind; what the register does not know is not there."""
    newest = agent.versions.order_by("-added_at", "-pk").first()
    return _BY_KIND[kind](agent, newest)


def _privacy(agent: Agent, version: AgentVersion | None) -> Answers:  # noqa: ARG001 - one shape for all kinds
    return {
        "processing": {"purpose": agent.purpose, "categories": list(agent.data_categories)},
        "recipients": {"jurisdictions": list(agent.jurisdictions)},
    }


def _security(agent: Agent, version: AgentVersion | None) -> Answers:  # noqa: ARG001 - as above
    functions = manifest.entries(version.tool_manifest) if version else []
    rows = [
        {
            "system": str(function.get("resource", "")),
            "direction": "writes" if function.get("access") == "write" else "reads",
            "data": str(function.get("description", "")),
        }
        for function in functions
    ]
    return {"integrations": {"table": rows}}


def _model_card(agent: Agent, version: AgentVersion | None) -> Answers:
    use = {"intended": agent.purpose}
    if version is None:
        return {"use": use}
    return {
        "use": use,
        "model": {
            "provider": version.model_provider,
            "name": f"{version.model_name} {version.model_version}".strip(),
        },
        "data": {"own": version.data_snapshot},
    }


def _security_checklist(agent: Agent, version: AgentVersion | None) -> Answers:  # noqa: ARG001 - as above
    return {}


_BY_KIND: dict[AssessmentKind, Callable[[Agent, AgentVersion | None], Answers]] = {
    AssessmentKind.PRIVACY: _privacy,
    AssessmentKind.SECURITY: _security,
    AssessmentKind.MODEL_CARD: _model_card,
    AssessmentKind.SECURITY_CHECKLIST: _security_checklist,
}
