"""Who may do what in the register. Each predicate returns why not, or None."""

from collections.abc import Collection

from agents import selectors
from agents.choices import AgentState
from agents.models import Agent, Person
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


def why_not_ingest(actor: Actor) -> str | None:
    """Anybody who may sign in brings reports, and so does the system; an agent only reads them."""
    if actor.kind == "system" or selectors.is_active_person(actor):
        return None
    return "Only people with an active account bring reports."


def why_not_load_vulnerabilities(actor: Actor) -> str | None:
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only an administrator may load vulnerability records."
