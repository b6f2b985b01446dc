"""Reads: what services and pages need to know about agents."""

from django.db.models import Q

from agents.choices import OPEN_PROPOSALS
from agents.models import Agent, Finding, Person, ProposedAction, Run
from audits.actor import Actor


def answers_for(person_id: str, agent: Agent) -> bool:
    """Whether the person is the agent's owner or a deputy."""
    return str(agent.owner_id) == person_id or agent.deputies.filter(pk=person_id).exists()


def is_active_administrator(actor: Actor) -> bool:
    return (
        actor.kind == "person"
        and Person.objects.filter(pk=actor.id, is_active=True, is_superuser=True).exists()
    )


def is_active_person(actor: Actor) -> bool:
    return actor.kind == "person" and Person.objects.filter(pk=actor.id, is_active=True).exists()


def known_proposal(run: Run, finding: Finding, function: str, digest: str) -> ProposedAction | None:
    """What already stands for this write: this run's proposal for it, or an equal one that is open."""
    of_this_run = Q(run=run, finding=finding, function=function)
    equal_and_open = Q(digest=digest, state__in=OPEN_PROPOSALS)
    return ProposedAction.objects.filter(of_this_run | equal_and_open, agent=run.agent_id).first()
