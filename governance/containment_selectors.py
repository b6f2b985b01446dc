"""What is frozen, and of which level. Asked by every decision, so one query."""

import hashlib

from django.db.models import Q, QuerySet

from agents import entry
from agents.models import Agent, AgentInstance, Person
from audits import canonical
from governance import selectors
from governance.choices import ContainmentLevel, ContainmentState, UnfreezeState
from governance.models import Containment, Unfreeze

# The first that is in force is the reason that is given.
ORDER = (
    ContainmentLevel.EVERYTHING,
    ContainmentLevel.OWNER,
    ContainmentLevel.AGENT,
    ContainmentLevel.INSTANCE,
)


def in_force() -> QuerySet[Containment]:
    return Containment.objects.filter(state=ContainmentState.IN_FORCE)


def concerning(agent: Agent, instance: AgentInstance | None = None) -> QuerySet[Containment]:
    """Whatever stops this agent now, or this copy of it."""
    which = Q(level=ContainmentLevel.EVERYTHING) | Q(person=agent.owner_id)
    which |= Q(level=ContainmentLevel.AGENT, agent=agent)
    if instance is not None:
        which |= Q(agent_instance=instance)
    return in_force().filter(which)


def level_of(agent: Agent, instance: AgentInstance | None = None) -> str:
    """The widest level at which it is frozen; empty where it is not."""
    found = set(concerning(agent, instance).values_list("level", flat=True))
    return next((level.value for level in ORDER if level in found), "")


def stopped_agents() -> Q:
    """Of which elevations the agent is frozen with others, whatever its own state says."""
    owners = in_force().filter(level=ContainmentLevel.OWNER).values("person")
    if in_force().filter(level=ContainmentLevel.EVERYTHING).exists():
        return Q(agent__isnull=False)
    return Q(agent__owner__in=owners)


def unfreezes_for(person: Person) -> QuerySet[Unfreeze]:
    """What this person could let go on: not their own request, and nothing that they stand for."""
    if not (person.is_active and (person.is_superuser or selectors.seat_of(person))):
        return Unfreeze.objects.none()
    theirs = Q(containment__agent__owner=person) | Q(containment__agent__sponsor=person)
    theirs |= Q(containment__agent__deputies=person) | Q(containment__person=person)
    rows = Unfreeze.objects.filter(
        state=UnfreezeState.REQUESTED, containment__state=ContainmentState.IN_FORCE
    ).exclude(requested_by=person)
    return rows.exclude(pk__in=Unfreeze.objects.filter(theirs).values("pk"))


def digest_of(containment: Containment, agent: Agent | None) -> str:
    """SHA-256 of what comes back when it is lifted: the agent as it is entered, approved and released."""
    content = {
        "containment": str(containment.pk),
        "level": containment.level,
        "before": containment.before,
        "agent": _standing(agent) if agent else None,
    }
    return hashlib.sha256(canonical.dumps(content)).hexdigest()


def _standing(agent: Agent) -> dict[str, str | int | list[str] | None]:
    return {
        "entry": entry.digest_of(agent),
        "state": str(agent.state),
        "owner": str(agent.owner_id),
        "owner_active": str(agent.owner.is_active),
        "approved": agent.approved_digest,
        "version": str(agent.active_version_id),
        "candidate": f"{agent.candidate_id}/{agent.candidate_digest}/{agent.candidate_percent}",
        "edited": list(agent.edited),
    }
