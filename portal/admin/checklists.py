"""The deployment checklist on the pages of agents and versions (S1-27)."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from agents.models import Agent, AgentVersion
from audits.admin.base import Section, page_of
from audits.admin.show import show_link, show_time
from governance import permissions
from governance.admin import checklist
from governance.admin.who import person_of
from governance.choices import ApprovalState
from governance.models import Approval, GateSignature

VERSIONS_OFFERED = 10
SIGNATURES = Section(
    name="signatures",
    title="Signatures of gates",
    model=GateSignature,
    rows=lambda version: version.gate_signatures.select_related("person"),
    columns={
        "Gate": lambda signature: show_link(signature, signature.get_gate_display()),
        "Person": lambda signature: signature.person,
        "As": lambda signature: signature.signed_as,
        "Signed": lambda signature: show_time(signature.signed_at),
        "Ended": lambda signature: show_time(signature.ended_at),
    },
    empty="Nobody has signed a gate of this version.",
    per_page=5,
)


def candidate(request: HttpRequest, agent: Agent) -> Mapping[str, Any] | None:
    """The checklist of the version that the address names, or else of the newest one."""
    versions = list(agent.versions.order_by("-added_at", "-pk")[:VERSIONS_OFFERED])
    if not versions:
        return None
    asked = request.GET.get("checklist", "")
    version = next((one for one in versions if str(one.pk) == asked), versions[0])
    return {
        **of(request, agent, version),
        "others": [(one.label, f"?checklist={one.pk}#checklist") for one in versions if one != version],
    }


def of(request: HttpRequest, agent: Agent, version: AgentVersion) -> Mapping[str, Any]:
    shown = checklist.of_version(request, agent, version)
    approved = agent.active_version_id == version.pk
    submits = not approved and not _pending(version) and _may_submit(request, agent)
    submit_url = f"{page_of(version)}#submit" if submits and shown["ready"] else ""
    return {**shown, "approved": approved, "submit_url": submit_url}


def _pending(version: AgentVersion) -> bool:
    return Approval.objects.filter(subject_id=version.pk, state=ApprovalState.PENDING).exists()


def _may_submit(request: HttpRequest, agent: Agent) -> bool:
    return permissions.against_governing(person_of(request), agent) is None
