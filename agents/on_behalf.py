"""On whose behalf an agent acts, and through whom: chains of credentials (RFC 8693 section 4.1, S2-1).

A chain begins with a person's delegation or with an agent's own token. Each credential knows the one that it
was handed on from, so that a chain is worth what its weakest link is worth now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from agents import permissions
from agents.choices import DependencyKind
from agents.models import Agent, AgentInstance, Credential, Delegation, Dependency
from agents.services import revocations
from agents.services.revocations import Scope

MAX_DEPTH = 3
"""How many may act in a chain, the one that acts now among them."""
HANDS_ON = (DependencyKind.CALLS, DependencyKind.CREATES)


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """For whom a question is asked; with neither person nor parent, for somebody that nobody knows.

    `delegation` is the one that was shown; without it, any that the person gave will do. `parent` is the
    credential that was handed on.
    """

    person: UUID | None
    delegation: UUID | None = None
    parent: Credential | None = None


def ancestors(credential: Credential | None) -> Iterator[Credential]:
    """A credential and those before it, the nearest first."""
    rows = Credential.objects.select_related("agent__owner", "instance", "delegation__person")
    while credential is not None:
        yield credential
        credential = rows.get(pk=credential.parent_id) if credential.parent_id else None


def actors(instance: AgentInstance, behalf: OnBehalf) -> list[AgentInstance]:
    """Who acts, the latest first: what `act` nests. An agent for which a chain was begun is its subject."""
    earlier = [credential.instance for credential in ancestors(behalf.parent)]
    return [instance, *(earlier if behalf.person else earlier[:-1])]


def act(instance: AgentInstance, behalf: OnBehalf) -> dict[str, Any]:
    """The `act` claim: who acts now, and inside it those through whom it came."""
    claim: dict[str, Any] = {}
    for actor in reversed(actors(instance, behalf)):
        claim = {"sub": actor.spiffe_id} | ({"act": claim} if claim else {})
    return claim


def names_of(claim: Any) -> list[str]:
    """Who acts, by an `act` claim, the latest first."""
    found = []
    while isinstance(claim, dict):
        found.append(str(claim.get("sub")))
        claim = claim.get("act")
    return found


def subject(behalf: OnBehalf) -> str:
    """The `sub` claim: the person, or the agent that began the chain."""
    if behalf.person:
        return str(behalf.person)
    return [credential.instance.spiffe_id for credential in ancestors(behalf.parent)][-1]


def hands_on(agent: Agent, to: Agent) -> bool:
    """Whether the register says that the one calls or creates the other."""
    live = Dependency.objects.filter(agent=agent, to_agent=to, ended_at__isnull=True)
    return live.filter(kind__in=HANDS_ON).exists()


def is_live(delegation: Delegation, now: datetime) -> bool:
    return (
        delegation.ended_at is None
        and delegation.starts_at <= now < delegation.ends_at
        and delegation.person.is_active
    )


def why_broken(agent: Agent, behalf: OnBehalf) -> str | None:
    """Why a chain that leads to this agent holds no more, if it does not: link by link, as things are now.

    What was used up is no broken link: a credential is used up by handing it on.
    """
    first, reason = _links(agent, behalf)
    if reason is None and behalf.delegation is not None:
        return _why_not_delegated(agent, first, behalf.delegation)
    return reason


def _links(agent: Agent, behalf: OnBehalf) -> tuple[Agent, str | None]:
    """Who began to hand on, and why a link between them and the agent does not hold."""
    now, last = timezone.now(), agent
    for credential in ancestors(behalf.parent):
        if credential.revoked_at is not None or credential.expires_at <= now:
            return last, "A token in the chain is over."
        if _has_ended(credential, now):
            return last, f"{credential.agent} may not act any more."
        if not hands_on(credential.agent, last):
            return last, f"The register does not say that {credential.agent} calls or creates {last}."
        last = credential.agent
    return last, None


def _why_not_delegated(agent: Agent, first: Agent, delegation: UUID) -> str | None:
    found = Delegation.objects.select_related("person").filter(pk=delegation).first()
    if found is None or not is_live(found, timezone.now()) or found.agent_id != first.pk:
        return "The person does not let it act for them any more."
    if first.pk != agent.pk and not found.may_pass_on:
        return "The person has not allowed that it is passed on."
    return None


def of_credential(credential: Credential) -> OnBehalf | None:
    """For whom a credential was minted; None where its agent acts for itself."""
    if credential.delegation_id is None and credential.parent_id is None:
        return None
    parent = next(ancestors(credential.parent), None) if credential.parent_id else None
    person = credential.delegation.person_id if credential.delegation else None
    return OnBehalf(person=person, delegation=credential.delegation_id, parent=parent)


def _has_ended(credential: Credential, now: datetime) -> bool:
    instance, agent = credential.instance, credential.agent
    if instance.ended_at or (instance.expires_at and instance.expires_at <= now):
        return True
    if permissions.why_not_use(agent, credential.access) is not None:
        return True
    return not revocations.is_good(epoch=credential.epoch, scope=Scope.of_credential(credential, agent))
