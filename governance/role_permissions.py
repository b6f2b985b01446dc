"""Named rules about roles of agents and what they speak of. Each says why not, or None."""

from agents import selectors as agent_selectors
from agents.models import Agent, Person
from agents.permissions import why_not_keep
from governance import contents, selectors


def against_keeping_resources(person: Person, verb: str) -> str | None:
    """What all agents share is kept by stewards and administrators (S1-22)."""
    return why_not_keep(person, f"governance.{verb}_resource", "the resource catalogue")


def against_keeping_roles(person: Person, verb: str) -> str | None:
    return why_not_keep(person, f"governance.{verb}_agentrole", "the roles of agents")


def against_assigning(person: Person, agent: Agent) -> str | None:
    """Against giving an agent a role: stewards and administrators do, and nobody to their own (promise 5)."""
    if reason := why_not_keep(person, "governance.add_roleassignment", "the roles of agents"):
        return reason
    if str(person.pk) in contents.people_wanting(agent):
        return "Nobody gives a role to their own: you answer for this agent or sponsor it. Ask a steward."
    return None


def against_ending_assignment(person: Person, agent: Agent) -> str | None:
    """Ending takes access away, so many may: the owner's side, stewards, administrators, the board."""
    if not person.is_active:
        return "Your account is not active."
    if str(person.pk) in contents.people_answering_for(agent) or person.is_superuser:
        return None
    if agent_selectors.is_steward(person) or selectors.seat_of(person):
        return None
    return "Only the owner's side, a steward, a board member or an administrator may end this."


def against_excepting(person: Person) -> str | None:
    """Against leave to use a wildcard: it is a decision about many agents."""
    if person.is_active and person.is_superuser:
        return None
    return "Only an administrator grants or ends exceptions for wildcards."
