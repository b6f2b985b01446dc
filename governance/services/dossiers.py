"""Putting a version before the board, and what follows from its answer."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from agents import oversight
from agents.choices import Access, AgentState
from agents.models import Agent, AgentVersion, Person
from agents.releasing import WHOLE
from agents.services import register, restoring
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.services.attempts import attempt, refuse
from governance import contents, gate_facts, gates, permissions, resource_pattern, selectors
from governance.choices import ApprovalState, ApprovalSubject, ElevationEnd, Gate
from governance.gates import record
from governance.gates.facts import Result
from governance.models import Approval, ChangeRequest
from governance.services import elevations, grants, locks, releases, requests, role_grants
from governance.services.actors import BOARD

# Nothing is put before the board for agents in these states.
NOT_BROUGHT = frozenset({AgentState.FROZEN, AgentState.OWNERLESS, AgentState.RETIRED})


def submit(*, actor: Person, version: AgentVersion) -> Approval:
    """Freeze the dossier of a version and ask the board (S1-2, S1-18).

    An older request for the same agent that is still pending is voided.

    Raises:
        Denied: the actor is neither owner, deputy nor administrator; or the agent has no active owner.
        Invalid: there is no risk assessment, the tool manifest cannot be read, or a gate that the risk class
            demands is not met; `fields` says by gate what is missing (S1-27).
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
        demanded = assessment.risk_class.gates
        results = gates.evaluate(gate_facts.gather(agent, version))
        _check_gates(results, demanded)
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
            change=_change(agent, version),
            gates=record.of(results, demanded),
        )
        register.mark_in_review(actor=actor.actor, agent=agent, version=version)
    return approval


def put_back(*, actor: Person, agent: Agent) -> list[str]:
    """Undo what was edited since the board approved it: "put back what was approved" (promise 4).

    Puts back the entry's own fields, the deputies and the sponsor, from the bytes that were approved;
    deputies and sponsors whose accounts are closed stay out. Not the owner, who is responsible now, and not
    the risk: answers are given anew, not taken back. Where nothing differs then, the agent may be elevated
    to write again; elevations that ended do not come back.

    Returns what still differs, by its names in the dossier.

    Raises:
        Denied: the actor is neither owner, deputy nor administrator; recorded.
        Conflict: there is no approval that is worth anything, or nothing that this puts back differs.
    """
    with attempt(
        action=Action.AGENT_PUT_BACK,
        actor=actor.actor,
        stream=agent.stream,
        object=f"agent/{agent.pk}",
    ):
        agent = locks.agent(agent.pk)
        refuse(permissions.against_putting_back(actor, agent))
        approval = selectors.approval_of_active_version(agent)
        differing = selectors.edited_parts(agent)
        if approval is None or differing is None:
            raise Conflict("There is no approval to put back. Submit the version to the board.")
        entry = selectors.approved_entry(approval, agent)
        parts = [part for part in differing if contents.is_put_back(approval, entry, part)]
        if not parts:
            raise Conflict("Nothing that can be put back differs from what the board approved.")
        left = [part for part in differing if part not in parts]
        restoring.restore(
            actor=actor.actor,
            agent=agent,
            entry=entry,
            parts=parts,
            edited=[part for part in left if part in agent.edited],
        )
        oversight.edited(actor=actor.actor, agent=agent)
    return left


def changed(approval: Approval, agent: Agent) -> str | None:
    """Why the request no longer fits what is there; None where it does."""
    if not agent.owner.is_active:
        return "The agent has no active owner any more."
    if agent.sponsor is not None and not agent.sponsor.is_active:
        return "The agent's sponsor is gone."
    if agent.state in NOT_BROUGHT:
        return f"The agent is {agent.get_state_display().lower()}."
    version = AgentVersion.objects.get(pk=approval.subject_id)
    described = selectors.described_dossier(agent, version)
    if described is None or not contents.still_describes(approval, described):
        return "The agent, its people, its version or its risk has been edited since it was submitted."
    return _fallen(approval, agent, version)


def approved(approval: Approval, agent: Agent) -> None:
    """The board said yes: read grants from the dossier, and the version becomes the active one.

    A successor of a version that is active is released step by step instead, as its risk class says.
    """
    now = timezone.now()
    version = AgentVersion.objects.get(pk=approval.subject_id)
    steps = contents.read(approval)["terms"]["rollout_steps"]
    if steps[0] < WHOLE and agent.active_version_id not in {None, version.pk}:
        releases.begin(actor=BOARD, agent=agent, version=version, approval=approval, steps=steps)
        return
    grants.end_reads(actor=BOARD, agent=agent, at=now)
    elevations.end_all(actor=BOARD, agent=agent, reason=ElevationEnd.CHANGED)
    role_grants.add_reads(
        actor=BOARD, agent=agent, approval=approval, functions=contents.read(approval)["reads"]
    )
    register.activate(
        actor=BOARD,
        agent=agent,
        version=version,
        approved_digest=approval.digest,
        review_date=_review_date(agent),
    )


def refused(approval: Approval, agent: Agent, state: ApprovalState) -> None:  # noqa: ARG001
    """Rejected, expired or voided: the agent is what it was before it was submitted."""
    if agent.state == AgentState.IN_REVIEW:
        register.return_to_draft(actor=BOARD, agent=agent)


def _fallen(approval: Approval, agent: Agent, version: AgentVersion) -> str | None:
    """Which gate that was met for the request is not met any more: the board decides on what holds."""
    demanded = {row["gate"] for row in contents.read(approval).get("gates", ()) if row["demanded"]}
    if not demanded:
        return None
    for result in gates.evaluate(gate_facts.gather(agent, version)):
        if result.gate.value in demanded and not result.ready:
            return f"{result.gate.label} is not met any more: {_sentences(result)}"
    return None


def _check_gates(results: Sequence[Result], demanded: Collection[str]) -> None:
    unmet = {
        result.gate.value: _sentences(result)
        for result in results
        if result.gate.value in demanded and not result.ready
    }
    if unmet:
        names = ", ".join(Gate(gate).label.lower() for gate in unmet)
        raise Invalid(
            f"The board is asked once the deployment checklist is met. Not yet met: {names}.", fields=unmet
        )


def _sentences(result: Result) -> str:
    return " ".join(lack.sentence for lack in result.lacks if not lack.after_approval)


def _review_date(agent: Agent) -> date:
    """When the class of the agent wants its entry reviewed, counted from today."""
    risk_class = selectors.risk_class_of(agent)
    if risk_class is None:
        raise Conflict("The agent has no risk class any more. Answer the questionnaire again.")
    return timezone.localdate() + timedelta(days=risk_class.review_days)


def _check(actor: Person, agent: Agent) -> None:
    refuse(permissions.against_governing(actor, agent))
    if not agent.owner.is_active:
        raise Denied("The agent has no active owner. Give it one first: no owner, no access.")
    if agent.sponsor is not None and not agent.sponsor.is_active:
        raise Conflict("The agent's sponsor is gone. Name another one first.")
    if agent.state in NOT_BROUGHT:
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
    if resource_pattern.is_wildcard(str(item.get("resource", ""))):
        missing.append("a resource without a wildcard: a type that is written out, and no *")
    return missing


def _change(agent: Agent, version: AgentVersion) -> ChangeRequest | None:
    """What the version changes, which has to be said where it follows an active one (S1-24)."""
    if selectors.lacks_change(agent, version):
        raise Invalid(
            f"Say first what version {version.label} changes, and how it is watched and undone.",
            fields={"change": "Describe the change on the version's page."},
        )
    return ChangeRequest.objects.select_related("requested_by").filter(version=version).first()


def _check_news(agent: Agent, version: AgentVersion, described: contents.Content) -> None:
    """The same question is not asked twice: a second click must not void votes."""
    if agent.candidate_id is not None:
        raise Conflict("A version of this agent is being released. Complete it or roll it back first.")
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
