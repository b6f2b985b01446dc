"""Putting a version before the board, and what follows from its answer."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from agents.choices import Access, AgentState
from agents.models import Agent, AgentVersion, Person
from agents.services import register
from agents.services.attempts import attempt, refuse
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from governance import contents, permissions, selectors
from governance.choices import ApprovalState, ApprovalSubject, ElevationEnd
from governance.models import Approval
from governance.services import elevations, grants, locks, requests
from governance.services.actors import BOARD


def submit(*, actor: Person, version: AgentVersion) -> Approval:
    """Freeze the dossier of a version and ask the board (S1-2, S1-18).

    An older request for the same agent that is still pending is voided.

    Raises:
        Denied: the actor is neither owner, deputy nor administrator; or the agent has no active owner.
        Invalid: there is no risk assessment, or the tool manifest cannot be read.
        Conflict: the same dossier is pending or approved already, or the agent is frozen or retired.
    """
    with attempt(
        action=Action.VERSION_SUBMITTED,
        actor=actor.actor,
        stream=version.agent.stream,
        object=f"version/{version.pk}",
    ):
        agent = locks.agent(version.agent_id)
        version = AgentVersion.objects.select_related("added_by").get(pk=version.pk)
        _check(actor, agent)
        assessment = selectors.latest_assessment(agent)
        if assessment is None:
            raise Invalid(
                "The agent has no risk assessment. Answer the questionnaire first.",
                fields={"risk": "Answer the questionnaire."},
            )
        _check_manifest(version.tool_manifest)
        described = contents.dossier(agent, version, assessment)
        _check_news(agent, version, described)
        _void_older(actor, agent)
        approval = requests.open_request(
            actor=actor,
            agent=agent,
            subject=ApprovalSubject.AGENT_VERSION,
            subject_id=version.pk,
            title=f"{agent.name} {version.label}",
            described=described,
            terms=contents.terms(assessment.risk_class),
            expires_at=timezone.now() + timedelta(days=settings.APPROVAL_DAYS),
            authors=[version.added_by],
        )
        register.mark_in_review(actor=actor.actor, agent=agent, version=version)
    return approval


def changed(approval: Approval, agent: Agent) -> str | None:
    """Why the request no longer fits what is there; None where it does."""
    if not agent.owner.is_active:
        return "The agent has no active owner any more."
    if agent.state in {AgentState.FROZEN, AgentState.RETIRED}:
        return f"The agent is {agent.get_state_display().lower()}."
    version = AgentVersion.objects.get(pk=approval.subject_id)
    described = selectors.described_dossier(agent, version)
    if described is None or not contents.still_describes(approval, described):
        return "The agent, its people, its version or its risk has been edited since it was submitted."
    return None


def approved(approval: Approval, agent: Agent) -> None:
    """The board said yes: read grants from the dossier, and the version becomes the active one."""
    now = timezone.now()
    version = AgentVersion.objects.get(pk=approval.subject_id)
    grants.end_reads(actor=BOARD, agent=agent, at=now)
    elevations.end_all(actor=BOARD, agent=agent, reason=ElevationEnd.CHANGED)
    grants.add_reads(actor=BOARD, agent=agent, approval=approval, functions=contents.read(approval)["reads"])
    register.activate(actor=BOARD, agent=agent, version=version, approved_digest=approval.digest)


def refused(approval: Approval, agent: Agent, state: ApprovalState) -> None:  # noqa: ARG001
    """Rejected, expired or voided: the agent is what it was before it was submitted."""
    if agent.state == AgentState.IN_REVIEW:
        register.return_to_draft(actor=BOARD, agent=agent)


def _check(actor: Person, agent: Agent) -> None:
    refuse(permissions.against_governing(actor, agent))
    if not agent.owner.is_active:
        raise Denied("The agent has no active owner. Give it one first: no owner, no access.")
    if agent.state in {AgentState.FROZEN, AgentState.RETIRED}:
        raise Conflict(f"The agent is {agent.get_state_display().lower()}; nothing can be submitted for it.")


def _check_manifest(functions: Any) -> None:
    wrong = "The tool manifest cannot be put before people."
    if not isinstance(functions, list) or not all(isinstance(item, dict) for item in functions):
        raise Invalid(wrong, fields={"tool_manifest": "It must be a list of functions."})
    names = [item.get("name") for item in functions]
    if len(set(map(str, names))) != len(names):
        raise Invalid(wrong, fields={"tool_manifest": "Every function needs a name of its own."})
    for item in functions:
        if missing := _missing(item):
            text = f"{item.get('name') or 'A function'} needs {' and '.join(missing)}."
            raise Invalid(wrong, fields={"tool_manifest": text})


def _missing(item: dict[str, Any]) -> Sequence[str]:
    missing = [
        f"a {name}"
        for name in ("name", "resource")
        if not isinstance(item.get(name), str) or not item[name].strip()
    ]
    if item.get("access") not in Access.values:
        missing.append("an access of read or write")
    return missing


def _check_news(agent: Agent, version: AgentVersion, described: contents.Content) -> None:
    """The same question is not asked twice: a second click must not void votes."""
    if agent.active_version_id == version.pk and selectors.approved_dossier(agent):
        raise Conflict("This version is approved and active as it is.")
    pending = _pending(agent).filter(subject_id=version.pk).first()
    if pending and contents.still_describes(pending, described):
        raise Conflict("This dossier is before the board already.")


def _void_older(actor: Person, agent: Agent) -> None:
    for older in _pending(agent).select_for_update(of=("self",), no_key=True).select_related("agent"):
        requests.close(
            actor=actor.actor,
            approval=older,
            state=ApprovalState.VOIDED,
            reason="A newer submission for the same agent took its place.",
        )
    if agent.state == AgentState.IN_REVIEW:
        register.return_to_draft(actor=actor.actor, agent=agent)


def _pending(agent: Agent) -> Any:
    return Approval.objects.filter(
        agent=agent, subject=ApprovalSubject.AGENT_VERSION, state=ApprovalState.PENDING
    )
