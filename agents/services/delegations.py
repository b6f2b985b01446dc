"""A person lets an agent act for them: given, and ended by themselves, by their leaving, by what stops the
agent (S2-1, S4-1). Each is an event of the person's stream; a delegation that has ended does not come back.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents import permissions
from agents.authentication import Authentication
from agents.choices import DelegationEnd, RevocationLevel, RevocationReason
from agents.models import Agent, Delegation, Person
from agents.services import fields, locks, revocations
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.models.base import new_id
from audits.services import history
from audits.services.attempts import attempt, refuse

MAX_RESOURCES, MAX_RESOURCE = 50, 300


def give(
    *,
    actor: Person,
    agent: Agent,
    actions: Sequence[str],
    resources: Sequence[str],
    purpose: str,
    days: int,
    data_scope: Sequence[str] = (),
    may_pass_on: bool = False,
    authentication: Authentication | None,
) -> Delegation:
    """Let an agent act for oneself: these functions, on these resources, for this purpose, so many days.

    Args:
        resources: `type/id` each, or a template such as `customer/{id}`.
        data_scope: which of the agent's data categories; none where no data of a category is meant.
        may_pass_on: whether agents that it calls or creates may act for the person in turn.
        authentication: how the person has just proved who they are.

    Raises:
        Denied: the account is not active, or the proof is missing or too old; recorded.
        Invalid: a function that its active version has not, no resource, no purpose, data that the agent
            does not handle, or more days than `DELEGATION_MAX_DAYS`; `fields` says which.
        Conflict: the agent may not act.
    """
    now = timezone.now()
    made = Delegation(
        pk=new_id(),
        person=actor,
        agent=agent,
        actions=fields.words(actions, field="actions"),
        resources=_resources(resources),
        purpose=purpose.strip(),
        data_scope=fields.words(data_scope, field="data_scope"),
        may_pass_on=may_pass_on,
        starts_at=now,
        ends_at=now + timedelta(days=max(days, 1)),
    )
    with attempt(
        action=Action.DELEGATION_GIVEN,
        actor=actor.actor,
        stream=f"person/{actor.pk}",
        object=f"delegation/{made.pk}",
    ):
        refuse(permissions.why_not_delegate(locks.person(actor.pk), authentication))
        held = locks.agent(agent.pk)
        _check(made, held, days)
        if reason := permissions.why_not_act(held):
            raise Conflict(reason)
        made.save(force_insert=True)
        proof = authentication.evidence if authentication else {}
        _record(Action.DELEGATION_GIVEN, actor.actor, made, {**_told(made), "authentication": proof})
    return made


def end(*, actor: Actor, delegation: Delegation) -> Delegation:
    """The agent acts for the person no more, at once; what it holds of tokens for that is refused.

    Raises:
        Denied: the actor is neither the person nor an administrator; recorded.
        Conflict: it has ended already.
    """
    with attempt(
        action=Action.DELEGATION_ENDED,
        actor=actor,
        stream=f"person/{delegation.person_id}",
        object=f"delegation/{delegation.pk}",
    ):
        refuse(permissions.why_not_end_delegation(actor, delegation))
        if not _end(actor, delegation, DelegationEnd.WITHDRAWN):
            raise Conflict("This has ended already.")
    return delegation


def end_all(*, actor: Actor, person: Person, reason: DelegationEnd) -> int:
    """End all that a person gave. Part of another change, which has asked permission."""
    return _end_each(actor, Delegation.objects.filter(person=person), reason)


def end_of_agent(*, actor: Actor, agent: Agent) -> int:
    """End all that people gave to an agent that was stopped. Part of what stops it."""
    return _end_each(actor, Delegation.objects.filter(agent=agent), DelegationEnd.STOPPED)


def _end_each(actor: Actor, rows: Iterable[Delegation], reason: DelegationEnd) -> int:
    with transaction.atomic():
        open_ones = [row for row in rows if row.ended_at is None]
        return sum(_end(actor, row, reason) for row in sorted(open_ones, key=lambda row: row.pk))


def _end(actor: Actor, delegation: Delegation, reason: DelegationEnd) -> bool:
    ended = {"ended_at": timezone.now(), "ended_by": actor.ref, "end_reason": reason}
    if not Delegation.objects.filter(pk=delegation.pk, ended_at__isnull=True).update(**ended):
        return False
    delegation.refresh_from_db()
    revocations.revoke(
        level=RevocationLevel.DELEGATION, subject=str(delegation.pk), reason=RevocationReason.ENDED
    )
    _record(Action.DELEGATION_ENDED, actor, delegation, {"reason": reason.value})
    return True


def _resources(given: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(word for each in given if (word := each.strip())))
    if len(found) > MAX_RESOURCES or any(len(word) > MAX_RESOURCE or "/" not in word for word in found):
        problem = f"at most {MAX_RESOURCES}, each type/id of at most {MAX_RESOURCE} characters"
        raise Invalid(f"resources: {problem}.", fields={"resources": problem})
    return found


def _check(made: Delegation, agent: Agent, days: int) -> None:
    fields.check(made, required=("purpose",))
    manifest = agent.active_version.tool_manifest if agent.active_version else []
    known = {entry.get("name") for entry in manifest}
    problems = {}
    if not made.actions or (unknown := [name for name in made.actions if name not in known]):
        names = ", ".join(sorted(filter(None, known))) or "none"
        problems["actions"] = f"The functions of {agent} are: {names}." + (
            f" It has no {', '.join(unknown)}." if made.actions else ""
        )
    if not made.resources:
        problems["resources"] = "Name what it may do it on."
    if unhandled := [word for word in made.data_scope if word not in agent.data_categories]:
        problems["data_scope"] = f"{agent} does not handle {', '.join(unhandled)}."
    if not 1 <= days <= settings.DELEGATION_MAX_DAYS:
        problems["days"] = f"From 1 to {settings.DELEGATION_MAX_DAYS} days."
    if problems:
        raise Invalid(" ".join(problems.values()), fields=problems)


def _told(delegation: Delegation) -> dict[str, JSON]:
    return {
        "actions": delegation.actions,
        "resources": delegation.resources,
        "purpose": delegation.purpose,
        "data_scope": delegation.data_scope,
        "may_pass_on": delegation.may_pass_on,
        "ends_at": delegation.ends_at.isoformat(),
    }


def _record(action: Action, actor: Actor, delegation: Delegation, body: dict[str, JSON]) -> None:
    history.record(
        changed=[delegation],
        stream=f"person/{delegation.person_id}",
        action=action,
        actor=actor,
        object=f"delegation/{delegation.pk}",
        body={"agent": delegation.agent.stream, **body},
    )
