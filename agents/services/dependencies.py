"""Dependencies: an agent interacts with, calls or creates an agent, a tool, a third party (S1-21, S4-3)."""

from collections.abc import Sequence

from django.db import IntegrityError
from django.utils import timezone

from agents import accountability, permissions
from agents.choices import AgentState, DependencyKind
from agents.models import Agent, Dependency, Person, ThirdParty, Tool
from agents.models.dependency import Target
from agents.services import fields, locks
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse

COLUMNS: dict[type[Target], str] = {Agent: "to_agent", Tool: "to_tool", ThirdParty: "to_third_party"}


def add(
    *,
    actor: Person,
    agent: Agent,
    kind: DependencyKind,
    target: Target,
    purpose: str,
    data_categories: Sequence[str] = (),
) -> Dependency:
    """Enter what an agent depends on, from now on.

    Args:
        target: what it leads to.
        data_categories: what flows there or comes from there.

    Raises:
        Invalid: no purpose, an agent that depends on itself, a third party that is created, or agents that
            would create one another in a circle.
        Denied: the actor does not answer for the agent; recorded.
        Conflict: it is there already, or the agent or the target has ended.
    """
    made = Dependency(
        agent=agent,
        kind=kind,
        purpose=purpose.strip(),
        data_categories=fields.words(data_categories, field="data_categories"),
        added_by=actor.actor.ref,
        **{COLUMNS[type(target)]: target},
    )
    _require_sense(made)
    fields.check(made, required=("purpose",))
    try:
        with attempt(
            action=Action.DEPENDENCY_ADDED,
            actor=actor.actor,
            stream=agent.stream,
            object=f"agent/{agent.pk}",
        ):
            refuse(permissions.why_not_change(actor, agent))
            _hold(agent, target)
            if kind == DependencyKind.CREATES and isinstance(target, Agent):
                _refuse_circle(agent, target)
            made.save(force_insert=True)
            _record(made, actor, Action.DEPENDENCY_ADDED, purpose=made.purpose, data=made.data_categories)
    except IntegrityError as error:
        message = f"The register says so already: {made}. End that dependency first."
        raise Conflict(message, fields={"target": "is there already"}) from error
    return made


def change(
    *, actor: Person, dependency: Dependency, purpose: str, data_categories: Sequence[str]
) -> Dependency:
    """Say anew what it is for and which data flows. Where it leads does not change: end it, add another.

    Raises:
        Invalid: no purpose, or too many data categories.
        Denied: the actor does not answer for the agent; recorded.
        Conflict: nothing differs, or it has ended.
    """
    values = {
        "purpose": purpose.strip(),
        "data_categories": fields.words(data_categories, field="data_categories"),
    }
    with attempt(
        action=Action.DEPENDENCY_CHANGED,
        actor=actor.actor,
        stream=dependency.agent.stream,
        object=f"dependency/{dependency.pk}",
    ):
        refuse(permissions.why_not_change(actor, dependency.agent))
        held = _live(dependency)
        changed = fields.changes(held, values)
        fields.check(held, required=("purpose",))
        held.save(update_fields=list(changed))
        _record(held, actor, Action.DEPENDENCY_CHANGED, changed=changed)
    return held


def end(*, actor: Person, dependency: Dependency, reason: str) -> Dependency:
    """The agent does not depend on it any more. The row stays, with its end.

    Raises:
        Invalid: no reason.
        Denied: the actor does not answer for the agent; recorded.
        Conflict: it has ended already.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.DEPENDENCY_ENDED,
        actor=actor.actor,
        stream=dependency.agent.stream,
        object=f"dependency/{dependency.pk}",
    ):
        refuse(permissions.why_not_change(actor, dependency.agent))
        held = _live(dependency)
        held.ended_at = timezone.now()
        held.save(update_fields=["ended_at"])
        _record(held, actor, Action.DEPENDENCY_ENDED, reason=said)
    return held


def _require_sense(dependency: Dependency) -> None:
    if dependency.to_agent_id == dependency.agent_id:
        problem = "An agent does not depend on itself."
    elif dependency.kind == DependencyKind.CREATES and dependency.to_third_party:
        problem = "An agent does not create a third party: it calls it or interacts with it."
    else:
        return
    raise Invalid(problem, fields={"target": problem})


def _hold(agent: Agent, target: Target) -> None:
    """Both ends, held until the transaction ends; agents in the order of their ids."""
    agents = [agent.pk, *([target.pk] if isinstance(target, Agent) else [])]
    for held in [locks.agent(pk) for pk in sorted(agents)]:
        if held.state == AgentState.RETIRED:
            raise Conflict(f"{held} is retired: it takes no new dependency.")
    if isinstance(target, Agent):
        return
    there = locks.tool(target.pk) if isinstance(target, Tool) else locks.third_party(target.pk)
    if there.ended_at is not None:
        message = f"{there} has ended: nothing new depends on it."
        raise Conflict(message, fields={"target": message})


def _refuse_circle(agent: Agent, created: Agent) -> None:
    """Held by one transaction at a time: two edges that are added at once could close a circle together."""
    locks.creation()
    if created.pk in accountability.creators(agent.pk):
        problem = f"{created} has created {agent}, itself or over others: agents do not create one another."
        raise Invalid(problem, fields={"target": problem})


def _live(dependency: Dependency) -> Dependency:
    held = locks.dependency(dependency.pk)
    if held.ended_at is not None:
        raise Conflict("This dependency has ended. Add another one if it is back.")
    return held


def _record(dependency: Dependency, actor: Person, action: Action, **body: JSON) -> None:
    history.record(
        changed=[dependency],
        stream=dependency.agent.stream,
        action=action,
        actor=actor.actor,
        object=f"dependency/{dependency.pk}",
        body={
            "kind": str(dependency.kind),
            "to": dependency.target_reference,
            "to_name": str(dependency.target),
            **body,
        },
    )
