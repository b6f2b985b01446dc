"""Who may stop what, and who may let it go on. Each says why not, or None."""

from django.conf import settings

from agents import selectors as agent_selectors
from agents.authentication import Authentication
from agents.models import Agent, Person
from agents.permissions import why_not_confirmed
from governance import contents
from governance.choices import ContainmentLevel
from governance.models import Containment, Seat, Unfreeze


def against_freezing(person: Person, agent: Agent, seat: Seat | None) -> str | None:
    """Against stopping an agent: whoever answers for it, wants it or watches over it may (S1-22)."""
    if _watches(person, seat) or (person.is_active and str(person.pk) in contents.people_wanting(agent)):
        return None
    return "Only the owner, a deputy, the sponsor, a board member, an administrator or a steward freezes it."


def against_freezing_owner(person: Person, owner: Person, seat: Seat | None) -> str | None:
    """Against stopping all that somebody owns: they themselves may, and who watches over agents."""
    if _watches(person, seat) or (person.is_active and person.pk == owner.pk):
        return None
    return "Only the owner, a board member, an administrator or a steward freezes all of somebody's agents."


def against_freezing_everything(person: Person, seat: Seat | None) -> str | None:
    if person.is_active and (person.is_superuser or (seat is not None and seat.is_chair)):
        return None
    return "Only an administrator or the chair of the board stops everything."


def against_asking_to_unfreeze(person: Person, containment: Containment, seat: Seat | None) -> str | None:
    """Against asking: who could have stopped it may ask for it to go on, but no steward."""
    if _decides(person, seat):
        return None
    if containment.level == ContainmentLevel.EVERYTHING:
        return "Only an administrator or a board member asks for everything to go on."
    if person.is_active and str(person.pk) in _owners_side(containment):
        return None
    return "Only the owner's side, a board member or an administrator asks for it to go on."


def against_confirming(person: Person, unfreeze: Unfreeze, seat: Seat | None) -> str | None:
    """Against confirming: another person than who asked, from the board or an administrator, and never one
    who answers for the agent or wants it (promise 5)."""
    if person.pk == unfreeze.requested_by_id:
        return "Nobody confirms their own: another person has to look at it."
    if not _decides(person, seat):
        return "Only a board member or an administrator confirms that it goes on."
    if str(person.pk) in _owners_side(unfreeze.containment):
        return "Nobody confirms for their own: you answer for this agent or sponsor it."
    return None


def against_declining(person: Person, unfreeze: Unfreeze, seat: Seat | None) -> str | None:
    """Against closing a request undone: who asked may, and who could confirm it."""
    if person.is_active and person.pk == unfreeze.requested_by_id:
        return None
    return against_confirming(person, unfreeze, seat)


def against_lifting_with(person: Person, authentication: Authentication) -> str | None:
    """Against letting go on the strength of this sign-in: it is a signature, as a vote is (S3-16)."""
    return why_not_confirmed(person, authentication, second_factor=settings.MFA == "required")


def against_asking_to_kill(person: Person, agent: Agent, seat: Seat | None) -> str | None:
    """Against asking the board to end it for good: the owner's side, the board and administrators may."""
    if _decides(person, seat) or (person.is_active and str(person.pk) in contents.people_wanting(agent)):
        return None
    return "Only the owner's side, a board member or an administrator asks the board to end it for good."


def _decides(person: Person, seat: Seat | None) -> bool:
    return person.is_active and (person.is_superuser or seat is not None)


def _watches(person: Person, seat: Seat | None) -> bool:
    return _decides(person, seat) or (person.is_active and agent_selectors.is_steward(person))


def _owners_side(containment: Containment) -> set[str]:
    if containment.agent is not None:
        return contents.people_wanting(containment.agent)
    return {str(containment.person_id)} if containment.person_id else set()
