"""Who may do what in the register. Each predicate returns why not, or None."""

from collections.abc import Collection

from django.conf import settings

from agents import selectors
from agents.authentication import Authentication
from agents.choices import AgentState
from agents.models import Agent, Person, Session
from audits.actor import Actor


def why_not_register(person: Person, *, owner: Person, deputies: Collection[Person]) -> str | None:
    """An agent is registered by those who will answer for it, or by an administrator (S4-1)."""
    if not person.is_active:
        return "Your account is not active."
    if person == owner or person in deputies or person.is_superuser:
        return None
    return "Only the agent's owner, a deputy or an administrator may register it."


def why_not_change(person: Person, agent: Agent) -> str | None:
    if not person.is_active:
        return "Your account is not active."
    if person.is_superuser or selectors.answers_for(str(person.pk), agent):
        return None
    return f"Only the owner or a deputy of {agent}, or an administrator, may change it."


def why_not_act(agent: Agent) -> str | None:
    """Against any access of an agent: it must be active and have an active owner (promise 3)."""
    if agent.state != AgentState.ACTIVE:
        return f"{agent} is not active: it may not act."
    if not agent.owner.is_active:
        return f"{agent} has no active owner: it may not act."
    return None


def why_not_run(actor: Actor, agent: Agent) -> str | None:
    """Who triggers a run is on record (S4-1), and answers for the agent."""
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    if selectors.is_active_person(actor) and selectors.answers_for(actor.id, agent):
        return None
    return f"Only the owner or a deputy of {agent}, or an administrator, may let it run."


def why_not_administer_people(actor: Actor) -> str | None:
    """Adding people, and saying who may sign in."""
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only an administrator may add people, deactivate and reactivate them."


def why_not_deactivate(actor: Actor, person: Person) -> str | None:
    """Nobody deactivates themselves: so somebody is left who can undo it."""
    if actor == person.actor:
        return "Nobody deactivates themselves: ask another administrator."
    return why_not_administer_people(actor)


def why_not_reset_second_factors(actor: Actor, person: Person) -> str | None:
    """Nobody takes their own second factors off this way: a stolen session could."""
    if actor == person.actor:
        return "Nobody resets their own second factors: ask another administrator."
    return why_not_administer_people(actor)


def why_not_end_session(actor: Actor, session: Session) -> str | None:
    if actor.kind == "person" and actor.id == str(session.person_id):
        return None
    return why_not_administer_people(actor)


def why_not_confirmed(
    person: Person, authentication: Authentication, *, second_factor: bool = False
) -> str | None:
    """Against what asks for a recent sign-in: too long ago, without the second factor, or not theirs.

    The second factor is asked for where the person has one, and where the caller demands one.
    """
    if authentication.person != str(person.pk):
        return "This sign-in is somebody else's."
    if authentication.session and selectors.open_session(authentication.session, person) is None:
        return "This session has ended. Sign in again."
    if not authentication.is_recent:
        minutes = settings.REAUTHENTICATION_SECONDS / 60
        return f"Your sign-in is older than {minutes:g} minutes. Confirm that it is you, and try again."
    if not authentication.with_second_factor:
        return _why_not_by_one_factor(person, demanded=second_factor)
    return None


def _why_not_by_one_factor(person: Person, *, demanded: bool) -> str | None:
    if selectors.has_second_factor(person):
        return "Confirm that it is you with your second factor, and try again."
    if demanded:
        return "This needs a second factor, and you have none yet. Add one on your sign-in page."
    return None


def why_not_ingest(actor: Actor) -> str | None:
    """Anybody who may sign in brings reports, and so does the system; an agent only reads them."""
    if actor.kind == "system" or selectors.is_active_person(actor):
        return None
    return "Only people with an active account bring reports."


def why_not_load_vulnerabilities(actor: Actor) -> str | None:
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only an administrator may load vulnerability records."
