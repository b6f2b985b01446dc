"""Whether somebody lets an agent act for them, for exactly this question (S2-1, S4-1)."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from agents import on_behalf
from agents.decision_point import Question
from agents.models import Agent, Delegation, Person
from agents.on_behalf import OnBehalf
from governance import manifest
from governance.choices import DecisionReason


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found; `against` is None where nothing stands against it."""

    against: DecisionReason | None = None
    person: Person | None = None
    delegation: Delegation | None = None
    ends_at: datetime | None = None


def look(question: Question, agent: Agent) -> Standing:
    """As things are now: the person, their delegation, and each link of the chain."""
    behalf = question.on_behalf_of
    if behalf is None:
        return Standing()
    parent_ends = behalf.parent.expires_at if behalf.parent else None
    if behalf.person is None:
        if behalf.parent is None:
            return Standing(DecisionReason.DELEGATION_MISSING)
        return Standing(_against_chain(question, agent, behalf), ends_at=parent_ends)
    person = Person.objects.filter(pk=behalf.person).first()
    if person is None:
        return Standing(DecisionReason.DELEGATION_MISSING)
    reason, delegation = _delegation(question, person, _first(agent, behalf))
    against = reason or _against_chain(question, agent, behalf)
    ends = [end for end in (parent_ends, delegation.ends_at if delegation else None) if end]
    return Standing(against, person, delegation, min(ends, default=None))


def _first(agent: Agent, behalf: OnBehalf) -> Agent:
    """Whom the person lets act: the agent itself, or the one that began to hand on."""
    return [agent, *(credential.agent for credential in on_behalf.ancestors(behalf.parent))][-1]


def _delegation(
    question: Question, person: Person, agent: Agent
) -> tuple[DecisionReason | None, Delegation | None]:
    """The delegation that covers the question, or the reason why none does and the nearest that there is."""
    given = Delegation.objects.filter(person=person, agent=agent).select_related("person")
    if question.on_behalf_of and question.on_behalf_of.delegation:
        given = given.filter(pk=question.on_behalf_of.delegation)
    rows = list(given.order_by("-ends_at", "pk"))
    if not rows:
        return DecisionReason.DELEGATION_MISSING, None
    if not person.is_active:
        return DecisionReason.PERSON_NOT_ACTIVE, rows[0]
    live = [row for row in rows if on_behalf.is_live(row, timezone.now())]
    if not live:
        return DecisionReason.DELEGATION_ENDED, rows[0]
    covering = next((row for row in live if covers(row, question.action, question.resource)), None)
    return (None, covering) if covering else (DecisionReason.DELEGATION_EXCEEDED, live[0])


def covers(delegation: Delegation, action: str, resource: str) -> bool:
    return action in delegation.actions and any(
        manifest.covers(template, resource) for template in delegation.resources
    )


def _against_chain(question: Question, agent: Agent, behalf: OnBehalf) -> DecisionReason | None:
    if behalf.parent is None:
        return None
    if len(on_behalf.actors(question.instance, behalf)) > on_behalf.MAX_DEPTH:
        return DecisionReason.CHAIN_TOO_LONG
    handed = (behalf.parent.action, behalf.parent.resource)
    if handed != (question.action, question.resource) or on_behalf.why_broken(agent, behalf):
        return DecisionReason.CHAIN_BROKEN
    return None
