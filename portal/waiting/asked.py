"""What others ask of somebody: votes, changes, writes, offers, reviews, owners to find, grants to shrink."""

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from agents.choices import OPEN_PROPOSALS, AgentState
from agents.models import Agent, Handover, Person, ProposedAction
from audits.admin.show import EMPTY, show_foreign, show_link, show_time
from governance import elevation_selectors, permissions, policy_selectors, selectors, shrinking
from governance.choices import ApprovalState
from governance.models import Approval, BreakGlass, PolicyVersion, Shrinking
from portal import tenure
from portal.waiting.shown import REFUSED, Task, due, end_of, mine, risk_of, show_risk, with_last_request

REMEMBERED = timedelta(days=30)
FINDING = "the scanner"


# --- Which rows wait -------------------------------------------------------------------------------------
def votes(person: Person) -> QuerySet[Approval]:
    waiting = selectors.waiting_for(person).select_related("agent", "requested_by")
    return waiting.annotate(risk=risk_of("agent")).order_by("expires_at", "requested_at")


def policies(person: Person) -> QuerySet[PolicyVersion]:
    return policy_selectors.waiting_for(person).select_related("proposed_by").order_by("proposed_at")


def asks(person: Person) -> QuerySet[ProposedAction]:
    rows = ProposedAction.objects.filter(agent__in=mine(person), state__in=OPEN_PROPOSALS)
    return rows.select_related("agent", "finding").annotate(risk=risk_of("agent")).order_by("proposed_at")


def changes(person: Person) -> QuerySet[Agent]:
    """Agents whose last request was closed without an approval; of those that run meanwhile, for a month."""
    waits = Q(state=AgentState.DRAFT) | Q(last_closed__gte=timezone.now() - REMEMBERED)
    return with_last_request(person).filter(waits, last_state__in=REFUSED).order_by("last_closed")


def offers(person: Person) -> QuerySet[Handover]:
    return tenure.offers_to(person).annotate(risk=risk_of("agent"))


def reviews(person: Person) -> QuerySet[Agent]:
    return tenure.reviews_of(person).annotate(risk=risk_of("pk"))


def orphans(person: Person) -> QuerySet[Agent]:
    return tenure.orphans_for(person).select_related("owner").annotate(risk=risk_of("pk"))


def shrinks(person: Person) -> QuerySet[Shrinking]:
    rows = shrinking.waiting_for(person).select_related("grant__agent", "proposed_by")
    return rows.annotate(risk=risk_of("grant__agent")).order_by("proposed_at", "pk")


def glasses(person: Person) -> list[BreakGlass]:
    """Broken glass that this person may review: whose hands they are in, no query tells."""
    waiting = elevation_selectors.unreviewed_glass().select_related(
        "agent__owner", "agent__sponsor", "person", "elevation"
    )
    rows = waiting.annotate(risk=risk_of("agent")).order_by("review_due_at")
    return [row for row in rows if permissions.against_reviewing_glass(person, row) is None]


# --- How each is shown -----------------------------------------------------------------------------------
def glass(row: Any) -> Task:
    return Task(
        what=show_link(row, row.elevation.action),
        detail=f"Opened alone, {row.elevation.minutes} minutes.",
        agent=show_link(row.agent),
        risk=show_risk(row.risk),
        asked_by=str(row.person),
        since=show_time(row.broken_at),
        due=due(row.review_due_at),
    )


def vote(approval: Any) -> Task:
    return Task(
        what=show_link(approval),
        detail=approval.get_subject_display(),
        agent=show_link(approval.agent),
        risk=show_risk(approval.risk),
        asked_by=str(approval.requested_by),
        since=show_time(approval.requested_at),
        due=due(approval.expires_at),
    )


def policy(version: Any) -> Task:
    return Task(
        what=show_link(version),
        detail="Two people approve it, by its digest.",
        agent=EMPTY,
        risk=EMPTY,
        asked_by=str(version.proposed_by),
        since=show_time(version.proposed_at),
    )


def ask(proposal: Any) -> Task:
    return Task(
        what=show_foreign(show_link(proposal), FINDING),
        detail="",
        agent=show_link(proposal.agent),
        risk=show_risk(proposal.risk),
        asked_by=f"{proposal.agent} itself",
        since=show_time(proposal.proposed_at),
    )


def change(agent: Any) -> Task:
    address = reverse("admin:governance_approval_change", args=[agent.last_id])
    return Task(
        what=format_html('<a class="cs-link" href="{}">{}</a>', address, agent.last_title),
        detail=f"{ApprovalState(agent.last_state).label}: {agent.last_reason}",
        agent=show_link(agent),
        risk=show_risk(agent.risk),
        asked_by="The board",
        since=show_time(agent.last_closed),
    )


def offer(offer: Any) -> Task:
    return Task(
        what=show_link(offer),
        detail="",
        agent=show_link(offer.agent),
        risk=show_risk(offer.risk),
        asked_by=str(offer.offered_by),
        since=show_time(offer.offered_at),
        due=due(offer.expires_at),
    )


def review(agent: Any) -> Task:
    return Task(
        what=show_link(agent),
        detail=tenure.notice(agent),
        agent=show_link(agent),
        risk=show_risk(agent.risk),
        asked_by="Its risk class",
        since=show_time(agent.attested_at),
        due=due(end_of(agent.review_date)),
    )


def orphan(agent: Any) -> Task:
    return Task(
        what=show_link(agent),
        detail="",
        agent=show_link(agent),
        risk=show_risk(agent.risk),
        asked_by=f"{agent.owner} has left",
        since=show_time(agent.ownerless_at),
    )


def shrink(proposal: Any) -> Task:
    left = f"{proposal.resource} is left" if proposal.resource else "Nothing is left"
    return Task(
        what=show_link(proposal),
        detail=f"{left} of it; what was allowed in {proposal.days} days stays allowed.",
        agent=show_link(proposal.grant.agent),
        risk=show_risk(proposal.risk),
        asked_by=str(proposal.proposed_by),
        since=show_time(proposal.proposed_at),
    )
