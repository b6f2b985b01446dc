"""Named rules. Each says why not, or None where nothing stands against it."""

from django.conf import settings
from django.utils import timezone

from agents import selectors as agent_selectors
from agents.authentication import Authentication
from agents.models import Agent, Person
from agents.permissions import why_not_confirmed
from audits.actor import Actor
from governance import contents, selectors
from governance.choices import ApprovalState
from governance.models import Approval, Seat


def is_administrator(person: Person) -> bool:
    return person.is_active and person.is_superuser


def answers_for(person: Person, agent: Agent) -> bool:
    """Whether the person is the agent's owner or one of its deputies."""
    return person.is_active and str(person.pk) in contents.people_answering_for(agent)


def against_governing(person: Person, agent: Agent) -> str | None:
    """Against assessing the risk of an agent or submitting its dossier."""
    if answers_for(person, agent) or is_administrator(person):
        return None
    return "Only the agent's owner, a deputy or an administrator may do this."


def against_seating(person: Person) -> str | None:
    """Against assigning or ending a seat on the board."""
    return None if is_administrator(person) else "Only an administrator assigns seats on the board."


def against_voting(person: Person, approval: Approval, seat: Seat | None) -> str | None:
    """Against voting: never one's own, never without a seat (promise 5).

    Both lists count: who was excluded when the request was made, and who answers for the agent now.
    """
    if not person.is_active:
        return "This account is not active."
    if str(person.pk) in approval.excluded or person.pk == approval.requested_by_id:
        return (
            "Nobody approves their own: the requester, the owner, the deputies and who added the version do "
            "not vote on this."
        )
    if str(person.pk) in contents.people_answering_for(approval.agent):
        return "Nobody approves their own: you answer for this agent now, so you do not vote on it."
    if seat is None:
        return "Only people who hold a seat on the board now may vote."
    return None


def needs_second_factor(person: Person) -> bool:
    """Whoever administers, or decides in a seat, needs one, unless this installation says otherwise."""
    if settings.MFA != "required":
        return False
    return person.is_superuser or selectors.seat_of(person) is not None


def against_voting_with(person: Person, authentication: Authentication) -> str | None:
    """Against voting on the strength of this sign-in: a vote is a signature (S3-16)."""
    return why_not_confirmed(person, authentication, second_factor=settings.MFA == "required")


def against_voting_now(person: Person, approval: Approval) -> str | None:
    """Against voting, with everything that only comes of time: resolved, expired, voted already."""
    seat = selectors.seat_of(person)
    if reason := against_voting(person, approval, seat):
        return reason
    if approval.state != ApprovalState.PENDING:
        return "It is resolved: nobody votes on it any more."
    if approval.expires_at <= timezone.now():
        return "Its time to be decided is over."
    if any(vote.person_id == person.pk for vote in approval.votes.all()):
        return "You have voted on it. A vote is not changed."
    if seat and any(vote.discipline == seat.discipline for vote in approval.votes.all()):
        return f"The seat {seat.get_discipline_display()} has voted on it."
    return None


def against_requesting_elevation(person: Person, agent: Agent) -> str | None:
    if answers_for(person, agent):
        return None
    return "Only the agent's owner or a deputy may request write elevation for it."


def against_ending_elevation(person: Person, agent: Agent, seat: Seat | None) -> str | None:
    """Ending takes access away, so many may do it: the owner's side, administrators, the board."""
    if answers_for(person, agent) or is_administrator(person) or (seat and person.is_active):
        return None
    return "Only the owner, a deputy, a board member or an administrator may end an elevation."


def against_managing_enforcement_points(actor: Actor) -> str | None:
    """Against adding, rotating and revoking the credentials of those who ask over HTTP."""
    if actor.kind == "system" or agent_selectors.is_active_administrator(actor):
        return None
    return "Only an administrator manages enforcement points."


def against_applying_policies(actor: Actor) -> str | None:
    if actor.kind == "system" or agent_selectors.is_active_administrator(actor):
        return None
    return "Only an administrator applies policies."
