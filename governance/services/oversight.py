"""What governance does at once when the register changes (promises 3 and 4)."""

from collections.abc import Mapping
from datetime import date, timedelta

from django.utils import timezone

from agents.choices import AgentState, FreezeReason
from agents.models import Agent, AgentInstance, Person
from audits.actor import Actor
from governance import containment_selectors, selectors
from governance.choices import DecisionReason, ElevationEnd
from governance.services import (
    approvals,
    departures,
    elevations,
    grants,
    releases,
    role_assignments,
    unfreezing,
)


class GovernanceOversight:
    """Watches the register for the agents' room. Every function runs with the agent locked."""

    def edited(self, *, actor: Actor, agent: Agent) -> None:
        """Requests that no longer describe what is there are voided; live elevations end."""
        approvals.reconsider(agent=agent)
        elevations.end_all(actor=actor, agent=agent, reason=ElevationEnd.CHANGED)

    def stopped(self, *, actor: Actor, agent: Agent) -> None:
        """Requests that can no longer be decided are voided; live elevations end."""
        approvals.reconsider(agent=agent)
        releases.end(actor=actor, agent=agent)
        reason = ElevationEnd.OWNER if agent.state == AgentState.OWNERLESS else ElevationEnd.CHANGED
        if agent.freeze_reason in {FreezeReason.CONTAINED, FreezeReason.KILLED}:
            reason = ElevationEnd.CONTAINED
        elevations.end_all(actor=actor, agent=agent, reason=reason)

    def retired(self, *, actor: Actor, agent: Agent) -> Mapping[str, int]:
        """Nothing is allowed any more, and nothing is asked."""
        self.stopped(actor=actor, agent=agent)
        unfreezing.end_with_agent(actor=actor, agent=agent)
        grants.end_reads(actor=actor, agent=agent, at=timezone.now())
        role_assignments.end_all(actor=actor, agent=agent, reason="The agent is retired.")
        return selectors.alive(agent)

    def why_contained(self, agent: Agent, instance: AgentInstance | None) -> str | None:
        level = containment_selectors.level_of(agent, instance)
        return DecisionReason(f"contained_{level}").label if level else None

    def person_left(self, *, actor: Actor, person: Person) -> None:
        departures.end_requests(actor=actor, person=person)
        departures.end_seat(actor=actor, person=person)

    def grace(self, agent: Agent) -> timedelta:
        """By the class of the agent; none where it has none."""
        risk_class = selectors.risk_class_of(agent)
        return timedelta(minutes=risk_class.owner_grace_minutes if risk_class else 0)

    def next_review(self, agent: Agent) -> date | None:
        risk_class = selectors.risk_class_of(agent)
        return timezone.localdate() + timedelta(days=risk_class.review_days) if risk_class else None
