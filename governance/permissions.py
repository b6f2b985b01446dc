"""Named rules. Each says why not, or None where nothing stands against it."""

from django.conf import settings
from django.utils import timezone

from agents import selectors as agent_selectors
from agents.authentication import Authentication
from agents.models import Agent, AgentInstance, Person
from agents.permissions import why_not_confirmed
from audits.actor import Actor
from governance import contents, control, selectors
from governance.assessment_templates import TEMPLATES
from governance.choices import ApprovalState, ApprovalSubject, AssessmentKind, AssessmentState, Discipline
from governance.gates.signing import Signer
from governance.models import (
    Approval,
    BreakGlass,
    Decision,
    Elevation,
    GateSignature,
    ImpactAssessment,
    Mitigation,
    Seat,
)


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


def against_signing(person: Person, assessment: ImpactAssessment, seat: Seat | None) -> str | None:
    """Against signing an assessment: another person than those who wrote it and want the agent, in a seat
    that knows the subject (promise 5)."""
    if not person.is_active:
        return "This account is not active."
    if str(person.pk) in assessment.writers:
        return "Nobody signs what they wrote: ask somebody else who holds the seat."
    if str(person.pk) in contents.people_wanting(assessment.agent):
        return "Nobody signs for their own: you answer for this agent or sponsor it."
    signers = TEMPLATES[AssessmentKind(assessment.kind)].signers
    if seat is None or seat.discipline not in signers:
        seats = " or ".join(Discipline(signer).label for signer in signers)
        return f"It is signed in the seat {seats}, by somebody who holds it now."
    return None


def against_signing_now(person: Person, assessment: ImpactAssessment) -> str | None:
    """Against signing, with what comes of time."""
    if assessment.state != AssessmentState.DRAFT:
        return "It is no draft any more."
    return against_signing(person, assessment, selectors.seat_of(person))


def against_withdrawing_assessment(person: Person, assessment: ImpactAssessment) -> str | None:
    """Against taking an assessment out of force: those who wrote it and those who could sign it may."""
    if against_governing(person, assessment.agent) is None:
        return None
    seat, signers = selectors.seat_of(person), TEMPLATES[AssessmentKind(assessment.kind)].signers
    holds_it = person.is_active and seat is not None and seat.discipline in signers
    if holds_it and assessment.state != AssessmentState.DRAFT:
        return None
    return (
        "Only the owner's side, an administrator or, once it is signed, who holds its seat may withdraw it."
    )


def against_closing(person: Person, mitigation: Mitigation) -> str | None:
    if person.is_active and mitigation.owner_id == person.pk:
        return None
    return f"Only {mitigation.owner}, who promised it, says that it is done."


def against_changing_classes(person: Person) -> str | None:
    return None if is_administrator(person) else "Only an administrator changes what a risk class demands."


def against_changing_classes_with(person: Person, authentication: Authentication) -> str | None:
    """Against changing a class on the strength of this sign-in: it is a decision about many agents."""
    return why_not_confirmed(person, authentication, second_factor=settings.MFA == "required")


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
            "Nobody approves their own: the requester, the owner, the deputies, the sponsor and who added "
            "the version do not vote on this."
        )
    if str(person.pk) in contents.people_wanting(approval.agent):
        return "Nobody approves their own: you answer for this agent or sponsor it, so you do not vote on it."
    if seat is None:
        return "Only people who hold a seat on the board now may vote."
    is_elevation = approval.subject == ApprovalSubject.ELEVATION
    if is_elevation and str(person.pk) in control.controlled(approval.requested_by_id, approval.agent):
        return (
            "Nobody approves through others: somebody who asks for this, or wants it, made your account or "
            "delegates to you."
        )
    return None


def against_withdrawing(person: Person, approval: Approval, seat: Seat | None) -> str | None:
    """Against taking a pending request back: the chair may, and who asked for it."""
    if not person.is_active:
        return "This account is not active."
    if seat is not None and seat.is_chair:
        return None
    if person.pk == approval.requested_by_id or answers_for(person, approval.agent):
        return None
    return "Only the board's chair, or those who asked for it, withdraw a request."


def against_withdrawing_now(person: Person, approval: Approval) -> str | None:
    """Against withdrawing, with what only comes of time."""
    if approval.state != ApprovalState.PENDING:
        return "It is resolved."
    return against_withdrawing(person, approval, selectors.seat_of(person))


def against_putting_back(person: Person, agent: Agent) -> str | None:
    """Against putting back what the board approved."""
    return against_governing(person, agent)


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


def against_asking_as_copy(copy: AgentInstance, denial: Decision, action: str) -> str | None:
    """Against a copy's asking for write elevation itself: after a denial of its own, of just this action."""
    if denial.instance_id != copy.pk or denial.agent_id != copy.agent_id:
        return "This denial was another's."
    if denial.allowed or not denial.requestable or denial.action != action:
        return "This decision was none that may be asked about."
    return None


def against_cancelling_as_copy(actor: Actor, elevation: Elevation) -> str | None:
    """Against an agent's ending an elevation: it takes back what it asked for itself, and no more."""
    asked_by = elevation.asked_by.actor if elevation.asked_by else None
    return None if asked_by == actor else "An agent does not decide about its own access."


def against_breaking_glass(person: Person, agent: Agent) -> str | None:
    """Against opening a write alone: those do who answer for the agent, and administrators."""
    if answers_for(person, agent) or is_administrator(person):
        return None
    return "Only the agent's owner, a deputy or an administrator may break the glass."


def against_reviewing_glass(person: Person, glass: BreakGlass) -> str | None:
    """Against reviewing it: somebody else does, who neither wants the agent nor is in the hands of those."""
    if not person.is_active:
        return "This account is not active."
    if person.pk == glass.person_id:
        return "Nobody reviews what they did themselves."
    if str(person.pk) in control.controlled(glass.person_id, glass.agent):
        return (
            "Nobody reviews for their own: you stand on the agent's side, or somebody there made your "
            "account or delegates to you."
        )
    if is_administrator(person) or selectors.seat_of(person) is not None:
        return None
    return "Only people who hold a seat on the board now, and administrators, review it."


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


def against_signing_gate(person: Person, agent: Agent, signer: Signer) -> str | None:
    """Against signing a gate: board and stewards vouch for what others wrote, the owner's side for what it
    does (S1-2, S1-22)."""
    if not person.is_active:
        return "This account is not active."
    if signer is Signer.OWNERS_SIDE:
        return None if answers_for(person, agent) else "Only the agent's owner or a deputy may sign this."
    if str(person.pk) in contents.people_wanting(agent):
        return "Nobody vouches for their own: you stand on the owner's side of this agent."
    if selectors.seat_of(person) is None and not agent_selectors.is_steward(person):
        return "Only people who hold a seat on the board now, and stewards, may sign this."
    return None


def against_signing_gate_with(person: Person, authentication: Authentication, signer: Signer) -> str | None:
    """Against signing on the strength of this sign-in; vouching asks for a second factor, as a vote does."""
    demanded = signer is Signer.BOARD_OR_STEWARD and settings.MFA == "required"
    return why_not_confirmed(person, authentication, second_factor=demanded)


def against_revoking_signature(person: Person, signature: GateSignature) -> str | None:
    """Taking a signature back takes a ground for deployment away, so many may: it is always the safe side."""
    if not person.is_active:
        return "This account is not active."
    if person.pk == signature.person_id or is_administrator(person) or selectors.seat_of(person):
        return None
    return "Only who signed it, a board member or an administrator may take a signature back."


def against_managing_pipelines(actor: Actor) -> str | None:
    """Against adding, rotating and revoking the credentials of CI pipelines."""
    if actor.kind == "system" or agent_selectors.is_active_administrator(actor):
        return None
    return "Only an administrator manages pipelines."


def against_asking_gate(actor: Actor, agent: Agent) -> str | None:
    """Against asking whether a build may be deployed: the owner's side, administrators and pipelines do."""
    if actor.kind == "system" or agent_selectors.is_active_administrator(actor):
        return None
    if agent_selectors.is_active_person(actor) and actor.id in contents.people_answering_for(agent):
        return None
    return "Only the agent's owner, a deputy, an administrator or a pipeline may ask its gate."
