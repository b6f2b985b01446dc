"""What time does to agents, as people are told: offers to answer, reviews that come due, owners to find."""

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from agents.choices import AgentState, HandoverState
from agents.models import Agent, Handover, Person
from agents.selectors import is_steward
from governance import selectors


def offers_to(person: Person) -> QuerySet[Handover]:
    """The agents that somebody offers to this person, the first to lapse on top."""
    offered = Handover.objects.filter(to=person, state=HandoverState.OFFERED, expires_at__gt=timezone.now())
    return offered.select_related("agent", "to", "offered_by").order_by("expires_at")


def reviews_of(person: Person) -> QuerySet[Agent]:
    """This person's agents whose review is due soon or overdue."""
    return selectors.reviews_due(person)


def orphans_for(person: Person) -> QuerySet[Agent]:
    """Agents without an owner that nobody is asked to take, for administrators and stewards."""
    if not person.is_active or not (person.is_superuser or is_steward(person)):
        return Agent.objects.none()
    offered = Handover.objects.filter(agent=OuterRef("pk"), state=HandoverState.OFFERED)
    orphans = Agent.objects.filter(~Exists(offered), ownerless_at__isnull=False)
    return orphans.exclude(state=AgentState.RETIRED).order_by("ownerless_at")


def notice(agent: Agent) -> str:
    """What its page says above everything about the review of its entry; empty where none is near."""
    warned, suspended = selectors.review_warned_from(agent), selectors.suspended_from(agent)
    today = timezone.localdate()
    if agent.state == AgentState.RETIRED or warned is None or suspended is None or today < warned:
        return ""
    if suspended <= today:
        return f"The review was due on {agent.review_date}: nothing is allowed until the owner has done it."
    due = "is" if agent.review_date and agent.review_date >= today else "was"
    return f"The review {due} due on {agent.review_date}. Without it the agent is suspended on {suspended}."
