"""Agents that were found and not registered, and those who claim them (S4-2: shadow AI).

An entry has an owner from its first moment (S4-1): until somebody claims what was found, whoever reported
it answers for it. It has no access, and nothing can be submitted for it.
"""

from django.db import IntegrityError

from agents import entry, permissions
from agents.choices import AgentState
from agents.defaults import GENERAL
from agents.models import Agent, Person
from agents.services import locks
from audits.choices import Action
from audits.errors import Conflict
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse


def discover(*, actor: Person, slug: str, name: str, found_by: str, evidence: str) -> Agent:
    """Enter an agent that was found running without an entry.

    Args:
        found_by: what found it: a CASB export, an invoice, a scan of cloud functions.
        evidence: what was found, and where.

    Raises:
        Invalid: a text is missing or too long, or the slug is not one.
        Denied: the actor's account is not active; recorded.
        Conflict: the slug is taken.
    """
    agent = Agent(
        slug=slug,
        name=entry.clean("name", name),
        owner=actor,
        state=AgentState.DISCOVERED,
        found_by=found_by.strip(),
        evidence=evidence.strip(),
    )
    needed = {"name": agent.name, "found_by": agent.found_by, "evidence": agent.evidence}
    empty = {field: "must not be empty" for field, value in needed.items() if not value}
    entry.require(agent, ("slug", "found_by"), others=entry.text_problems(needed) | empty)
    try:
        with attempt(
            action=Action.AGENT_DISCOVERED, actor=actor.actor, stream=SYSTEM_STREAM, object="agents"
        ):
            refuse(permissions.why_not_discover(actor))
            agent.save(force_insert=True)
            history.record(
                changed=[agent],
                stream=agent.stream,
                action=Action.AGENT_DISCOVERED,
                actor=actor.actor,
                object=f"agent/{agent.pk}",
                body={"slug": slug, **needed},
            )
    except IntegrityError as error:
        raise Conflict(f"An agent {slug} is registered already.", fields={"slug": "taken"}) from error
    return agent


def claim(
    *,
    actor: Person,
    agent: Agent,
    owner: Person,
    purpose: str,
    business_unit: str,
    problem_class: str = GENERAL,
) -> Agent:
    """Somebody answers for what was found: it becomes a draft, to be amended and put before the board.

    Raises:
        Invalid: a text is missing, the owner is not active, or the agent policy does not allow it.
        Denied: the actor is neither the new owner nor an administrator; recorded.
        Conflict: it is claimed already, or was never only discovered.
    """
    with attempt(
        action=Action.AGENT_CLAIMED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        held = locks.agent(agent.pk)
        refuse(permissions.why_not_register(actor, owner=owner, deputies=()))
        if held.state != AgentState.DISCOVERED:
            raise Conflict(f"{held} is {held.get_state_display().lower()}: there is nothing to claim.")
        reporter = held.owner
        held.purpose = entry.clean("purpose", purpose)
        held.business_unit = entry.clean("business_unit", business_unit)
        held.problem_class = problem_class
        held.owner, held.state = owner, AgentState.DRAFT
        people = entry.people_problems(owner, [], None)
        entry.require(held, others=entry.outside_policy(held) | people)
        held.save(update_fields=["purpose", "business_unit", "problem_class", "owner", "state"])
        history.record(
            changed=[held],
            stream=held.stream,
            action=Action.AGENT_CLAIMED,
            actor=actor.actor,
            object=f"agent/{held.pk}",
            body={
                "reported_by": str(reporter),
                "owner": str(owner),
                "purpose": held.purpose,
                "business_unit": held.business_unit,
                "problem_class": held.problem_class,
            },
        )
    agent.refresh_from_db()
    return agent
