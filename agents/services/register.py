"""The register of agents (S1-3): registering, adding versions, and the states an agent moves through.

Governance decides when an agent is in review and when it is active; the verbs for that live here
because the state does. They take any actor: whoever calls them has asked permission already.
"""

import re
from collections.abc import Sequence
from dataclasses import fields

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from agents import permissions
from agents.choices import AgentState
from agents.models import Agent, AgentVersion, Person
from agents.provenance import Provenance
from agents.services import locks
from agents.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history

SHA256 = re.compile(r"[0-9a-f]{64}")


def register_agent(
    *,
    actor: Person,
    slug: str,
    name: str,
    purpose: str,
    business_unit: str,
    owner: Person,
    deputies: Sequence[Person] = (),
    data_categories: Sequence[str] = (),
) -> Agent:
    """Enter an agent, as a draft without any access.

    Raises:
        Invalid: a text is missing or too long, the slug is not one, or the owner or a deputy is not active.
        Denied: the actor will not answer for the agent and is no administrator; recorded.
        Conflict: the slug is taken.
    """
    _require_people(owner, deputies)
    agent = Agent(
        slug=slug,
        name=name,
        purpose=purpose,
        business_unit=business_unit,
        owner=owner,
        data_categories=list(data_categories),
    )
    _require_fields(agent, "slug", "name", "purpose", "business_unit")
    try:
        with attempt(
            action=Action.AGENT_REGISTERED, actor=actor.actor, stream=SYSTEM_STREAM, object="agents"
        ):
            refuse(permissions.why_not_register(actor, owner=owner, deputies=deputies))
            agent.save(force_insert=True)
            agent.deputies.set(deputies)
            history.record(
                changed=[agent],
                stream=agent.stream,
                action=Action.AGENT_REGISTERED,
                actor=actor.actor,
                object=f"agent/{agent.pk}",
                body={
                    "slug": slug,
                    "name": name,
                    "purpose": purpose,
                    "business_unit": business_unit,
                    "owner": str(owner),
                    "deputies": [str(deputy) for deputy in deputies],
                    "data_categories": list(data_categories),
                },
            )
    except IntegrityError as error:
        raise Conflict(f"An agent {slug} is registered already.", fields={"slug": "taken"}) from error
    return agent


def add_version(*, actor: Person, agent: Agent, label: str, provenance: Provenance) -> AgentVersion:
    """Add a build of the agent. It runs only once it is approved.

    Raises:
        Invalid: no label or too long a one, or a provenance that cannot be recorded.
        Denied: the actor does not answer for the agent; the attempt is recorded.
        Conflict: the label is taken, or the agent is retired.
    """
    try:
        digest = provenance.digest
    except (ValueError, KeyError) as error:
        raise Invalid(f"The provenance cannot be recorded: {error}") from error
    version = AgentVersion(
        agent=agent,
        label=label,
        digest=digest,
        added_by=actor,
        **{field.name: getattr(provenance, field.name) for field in fields(provenance)},
    )
    _require_fields(version, "label")
    try:
        with attempt(
            action=Action.VERSION_ADDED,
            actor=actor.actor,
            stream=agent.stream,
            object=f"agent/{agent.pk}",
        ):
            refuse(permissions.why_not_change(actor, agent))
            if locks.agent(agent.pk).state == AgentState.RETIRED:
                raise Conflict(f"{agent} is retired: it takes no new version.")
            version.save(force_insert=True)
            history.record(
                changed=[version],
                stream=agent.stream,
                action=Action.VERSION_ADDED,
                actor=actor.actor,
                object=f"version/{version.pk}",
                provenance=digest,
                body={"label": label, "provenance": provenance.record},
            )
    except IntegrityError as error:
        message = f"{agent} has a version {label} already; choose another label."
        raise Conflict(message, fields={"label": "taken"}) from error
    return version


def mark_in_review(*, actor: Actor, agent: Agent, version: AgentVersion) -> None:
    """The version is submitted, and from now on immutable. An active agent stays active on its old one.

    Raises:
        Invalid: the version is another agent's, or its content is not what its digest says.
        Conflict: the agent is in review already, frozen or retired.
    """
    if version.agent_id != agent.pk:
        raise Invalid(f"{version} is not a version of {agent}.")
    with transaction.atomic():
        held = _locked(agent, allowed=(AgentState.DRAFT, AgentState.ACTIVE))
        stored = AgentVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
        if Provenance.of(stored).digest != stored.digest:
            raise Invalid(f"{stored} is not what its digest says. Add it again as a new version.")
        if stored.submitted_at is None:
            stored.submitted_at = timezone.now()
            stored.save(update_fields=["submitted_at"])
        history.record(
            changed=[stored],
            stream=held.stream,
            action=Action.VERSION_SUBMITTED,
            actor=actor,
            object=f"version/{stored.pk}",
            provenance=stored.digest,
            body={"label": stored.label},
        )
        if held.state == AgentState.DRAFT:
            _move(held, actor=actor, state=AgentState.IN_REVIEW)
    version.submitted_at = stored.submitted_at
    agent.state = held.state


def return_to_draft(*, actor: Actor, agent: Agent) -> None:
    """The review ended without an approval. An agent that is active on an older version stays so.

    Raises:
        Conflict: the agent is neither in review nor active.
    """
    with transaction.atomic():
        held = _locked(agent, allowed=(AgentState.IN_REVIEW, AgentState.ACTIVE))
        if held.state == AgentState.IN_REVIEW:
            _move(held, actor=actor, state=AgentState.DRAFT)
    agent.state = held.state


def activate(*, actor: Actor, agent: Agent, version: AgentVersion, approved_digest: str) -> None:
    """The version was approved: it is what may run, and every older credential is refused.

    Args:
        approved_digest: SHA-256 of the dossier that the board approved, in hex.

    Raises:
        Invalid: the version is another agent's or was never submitted, or the digest is not one.
        Conflict: the agent is neither in review nor active.
    """
    if version.agent_id != agent.pk or version.submitted_at is None:
        raise Invalid(f"{version} was not submitted for {agent}.")
    if not SHA256.fullmatch(approved_digest):
        raise Invalid("The approved digest is not a SHA-256 in hex.")
    with transaction.atomic():
        held = _locked(agent, allowed=(AgentState.IN_REVIEW, AgentState.ACTIVE))
        held.active_version = version
        held.approved_digest = approved_digest
        held.epoch += 1
        _move(held, actor=actor, state=AgentState.ACTIVE)
    agent.refresh_from_db()


def raise_epoch(*, actor: Actor, agent: Agent) -> int:
    """Some access of the agent has ended: every credential minted before is refused. Returns the epoch."""
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(epoch=F("epoch") + 1)
        agent.refresh_from_db(fields=["epoch"])
        history.record(
            changed=[agent],
            stream=agent.stream,
            action=Action.AGENT_EPOCH_RAISED,
            actor=actor,
            object=f"agent/{agent.pk}",
            body={"epoch": agent.epoch},
        )
    return agent.epoch


def _locked(agent: Agent, *, allowed: Sequence[AgentState]) -> Agent:
    held = locks.agent(agent.pk)
    if held.state not in allowed:
        raise Conflict(f"{held} is {held.get_state_display().lower()}; look again.")
    return held


def _move(agent: Agent, *, actor: Actor, state: AgentState) -> None:
    before = agent.state
    agent.state = state
    agent.save(update_fields=["state", "active_version", "approved_digest", "epoch"])
    history.record(
        changed=[agent],
        stream=agent.stream,
        action=Action.AGENT_STATE_CHANGED,
        actor=actor,
        object=f"agent/{agent.pk}",
        provenance=agent.active_version.digest if agent.active_version else None,
        body={
            "from": before,
            "to": state.value,
            "epoch": agent.epoch,
            "version": agent.active_version.label if agent.active_version else "",
            "approved_digest": agent.approved_digest,
        },
    )


def _require_fields(row: Agent | AgentVersion, *texts: str) -> None:
    """Everything fits its column, and these texts say something."""
    problems = {name: "must not be empty" for name in texts if not getattr(row, name).strip()}
    try:
        # A version without functions is one.
        row.clean_fields(exclude=["tool_manifest"])
    except ValidationError as error:
        problems |= {name: " ".join(messages) for name, messages in error.message_dict.items()}
    if problems:
        listed = " ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise Invalid(listed, fields=problems)


def _require_people(owner: Person, deputies: Sequence[Person]) -> None:
    if not owner.is_active:
        raise Invalid("The owner's account is not active.", fields={"owner": "not active"})
    if owner in deputies or not all(deputy.is_active for deputy in deputies):
        message = "Deputies are active people other than the owner."
        raise Invalid(message, fields={"deputies": message})
