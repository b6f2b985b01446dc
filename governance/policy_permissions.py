"""Who does what in the life of a policy version. Each says why not, or None where nothing is against it."""

from django.conf import settings

from agents import selectors as agent_selectors
from agents.authentication import Authentication
from agents.models import Agent, Person
from agents.permissions import why_not_confirmed
from audits.actor import Actor
from governance import permissions, selectors
from governance.choices import PolicyState
from governance.models import PolicyVersion, Seat

REPLAYABLE = frozenset({PolicyState.VALIDATED, PolicyState.SHADOW, PolicyState.PROPOSED})
ENDED = frozenset({PolicyState.ACTIVE, PolicyState.SUPERSEDED, PolicyState.WITHDRAWN})


def against_writing(actor: Actor) -> str | None:
    """Against drafting, validating, replaying and shadowing: administrators do, and the command line."""
    if actor.kind == "system" or agent_selectors.is_active_administrator(actor):
        return None
    return "Only an administrator works on policies."


def against_editing(actor: Actor, version: PolicyVersion) -> str | None:
    """Against changing a draft: only its author does, so that everybody who wrote it is known."""
    if reason := against_writing(actor):
        return reason
    author = f"person/{version.author_id}" if version.author_id else version.drafted_by
    return (
        None if actor.ref == author else "Only who wrote a draft changes it. Begin one of your own from it."
    )


def against_proposing(person: Person) -> str | None:
    if person.is_active and person.is_superuser:
        return None
    return "Only an administrator proposes policies."


def against_voting(person: Person, version: PolicyVersion, seat: Seat | None) -> str | None:
    """Against voting on a version: never one's own, never without a seat (promise 5)."""
    if not person.is_active:
        return "This account is not active."
    if person.pk == version.author_id:
        return "Nobody approves their own: you wrote this version."
    if person.pk == version.proposed_by_id:
        return "Nobody approves their own: you proposed this version."
    if seat is None:
        return "Only people who hold a seat on the board now vote on policies."
    return None


def against_voting_now(person: Person, version: PolicyVersion) -> str | None:
    """Against voting, with what only comes of time."""
    if version.state != PolicyState.PROPOSED:
        return "It is not proposed."
    if any(vote.person_id == person.pk for vote in version.votes.all()):
        return "You have voted on it. A vote is not changed."
    return against_voting(person, version, selectors.seat_of(person))


def against_deciding_with(person: Person, authentication: Authentication) -> str | None:
    """Against voting or rolling back on the strength of this sign-in (S3-16)."""
    return why_not_confirmed(person, authentication, second_factor=settings.MFA == "required")


def against_rolling_back(person: Person) -> str | None:
    """Against going back to a version that was approved before: it is the way out, so more people may."""
    if person.is_active and (person.is_superuser or selectors.seat_of(person) is not None):
        return None
    return "Only an administrator or a board member rolls policies back."


def against_withdrawing(actor: Actor, version: PolicyVersion) -> str | None:
    if agent_selectors.is_active_person(actor) and actor.id == str(version.author_id):
        return None
    return against_writing(actor)


def against_proposing_to_shrink(person: Person, agent: Agent) -> str | None:
    """Against proposing that an agent may do less: whoever governs or answers for it sees it first."""
    governs = person.is_superuser or selectors.seat_of(person) or agent_selectors.is_steward(person)
    if person.is_active and (governs or permissions.answers_for(person, agent)):
        return None
    return "Only administrators, board members, stewards and the owner's side propose this."


def against_deciding_to_shrink(person: Person, agent: Agent) -> str | None:
    """Against taking a grant away, or leaving it: the owner's side knows what it is for."""
    return permissions.against_governing(person, agent)


def open_to(person: Person, version: PolicyVersion) -> set[str]:
    """The acts that nothing stands against now, for this person on this version."""
    actor, state = person.actor, PolicyState(version.state)
    writes = against_writing(actor) is None
    votes = against_voting_now(person, version) is None
    open_now = {
        "edit": state == PolicyState.DRAFT and against_editing(actor, version) is None,
        "validate": state == PolicyState.DRAFT and writes,
        "what_if": state in REPLAYABLE and writes,
        "start_shadow": state == PolicyState.VALIDATED and writes,
        "stop_shadow": state == PolicyState.SHADOW and writes,
        "propose": state == PolicyState.SHADOW and against_proposing(person) is None,
        "approve": votes,
        "reject": votes,
        "roll_back": state == PolicyState.SUPERSEDED and against_rolling_back(person) is None,
        "withdraw": state not in ENDED and against_withdrawing(actor, version) is None,
    }
    return {name for name, is_open in open_now.items() if is_open}
