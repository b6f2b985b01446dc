"""Freezing: one person stops an agent, a copy of it, all that somebody owns, or everything, at once (S1-10).

Stopping is never harder than it must be: one person with a reason, by whichever way they come. What stops
new access is the fact that is written here, and the revocation beside it ends what was minted before. What
the agents were given, or ask, to write with ends in the same transaction, whichever way they are frozen.
"""

from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from agents.choices import RevocationLevel, RevocationReason
from agents.models import Agent, AgentInstance, Person, SecretLease
from agents.services import containing, revocations, secrets
from agents.services.revocations import ALL
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import containment_permissions, selectors
from governance.choices import ContainmentLevel, ElevationEnd
from governance.models import Containment
from governance.services import approvals, elevations, locks

MAX_REASON = 2_000
ALREADY = "It is frozen already."


def freeze(
    *,
    actor: Person,
    level: str,
    reason: str,
    agent: Agent | None = None,
    instance: AgentInstance | None = None,
    owner: Person | None = None,
) -> Containment:
    """Freeze whatever `level` says: the edges' one way in. Errors as for each of them.

    Raises:
        Invalid: what the level is of is not named, or something else is.
    """
    named: dict[str, Agent | AgentInstance | Person | None] = {
        ContainmentLevel.AGENT: agent,
        ContainmentLevel.INSTANCE: instance,
        ContainmentLevel.OWNER: owner,
    }
    wrong = {
        other: f"Name it for the level {other}, and for no other."
        for other, row in named.items()
        if (row is not None) != (other == level)
    }
    if wrong:
        raise Invalid(" ".join(wrong.values()), fields=wrong)
    if agent is not None:
        return freeze_agent(actor=actor, agent=agent, reason=reason)
    if instance is not None:
        return freeze_instance(actor=actor, instance=instance, reason=reason)
    if owner is not None:
        return freeze_owner(actor=actor, owner=owner, reason=reason)
    return freeze_everything(actor=actor, reason=reason)


def freeze_agent(*, actor: Person, agent: Agent, reason: str) -> Containment:
    """Freeze one agent: it does nothing until two people lift that, and its elevations and requests end.

    Raises:
        Denied: the actor is not of the owner's side, the board, administrator or steward; recorded.
        Invalid: there is no reason.
        Conflict: it has no access that could be taken, or is frozen already.
    """
    said = _said(reason)
    with attempt(
        action=Action.CONTAINMENT_BEGUN, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        held = locks.agent(agent.pk)
        refuse(containment_permissions.against_freezing(actor, held, selectors.seat_of(actor)))
        before = containing.hold(actor=actor.actor, agent=held)
        return _begin(
            actor, Containment(level=ContainmentLevel.AGENT, agent=held, before=before, reason=said)
        )


def freeze_instance(*, actor: Person, instance: AgentInstance, reason: str) -> Containment:
    """Freeze one running copy; the others go on. Errors as for `freeze_agent`."""
    said = _said(reason)
    with attempt(
        action=Action.CONTAINMENT_BEGUN,
        actor=actor.actor,
        stream=instance.agent.stream,
        object=f"instance/{instance.pk}",
    ):
        agent = locks.agent(instance.agent_id)
        refuse(containment_permissions.against_freezing(actor, agent, selectors.seat_of(actor)))
        if AgentInstance.objects.get(pk=instance.pk).ended_at is not None:
            raise Conflict("This copy has ended: there is nothing to freeze.")
        revocations.revoke_instance(instance=instance, reason=RevocationReason.CONTAINED)
        secrets.end_leases_of_copy(actor=actor.actor, instance=instance)
        return _begin(
            actor,
            Containment(level=ContainmentLevel.INSTANCE, agent=agent, agent_instance=instance, reason=said),
        )


def freeze_owner(*, actor: Person, owner: Person, reason: str) -> Containment:
    """Freeze whatever somebody owns, until it is lifted; elevations, requests and leases of secrets end.

    Errors as for `freeze_agent`.
    """
    said = _said(reason)
    stream = f"person/{owner.pk}"
    with attempt(action=Action.CONTAINMENT_BEGUN, actor=actor.actor, stream=stream, object=stream):
        refuse(containment_permissions.against_freezing_owner(actor, owner, selectors.seat_of(actor)))
        revocations.revoke(
            level=RevocationLevel.OWNER, subject=str(owner.pk), reason=RevocationReason.CONTAINED
        )
        begun = _begin(actor, Containment(level=ContainmentLevel.OWNER, person=owner, reason=said))
        _end_what_they_hold(actor, Q(agent__owner=owner))
    return begun


def freeze_everything(*, actor: Person, reason: str) -> Containment:
    """Stop every agent there is, at once; their elevations, requests and leases of secrets end.

    Raises:
        Denied: the actor is neither administrator nor chairs the board; recorded.
        Invalid: there is no reason.
        Conflict: everything is frozen already.
    """
    said = _said(reason)
    with attempt(action=Action.CONTAINMENT_BEGUN, actor=actor.actor, stream=SYSTEM_STREAM, object="agents"):
        refuse(containment_permissions.against_freezing_everything(actor, selectors.seat_of(actor)))
        revocations.revoke(level=RevocationLevel.EVERYTHING, subject=ALL, reason=RevocationReason.CONTAINED)
        begun = _begin(actor, Containment(level=ContainmentLevel.EVERYTHING, reason=said))
        _end_what_they_hold(actor, Q())
    return begun


def _end_what_they_hold(actor: Person, which: Q) -> None:
    """End what agents may write, or ask to write, and their leases of secrets; agent after agent in the
    order of their locks.

    What is being given at this very moment is looked at again under the lock of its agent; what begins
    after that sees that the agent is frozen, or is ended by the sweeper, and opens nothing meanwhile.
    """
    holding = [
        rows.filter(which).order_by().values_list("agent", flat=True).distinct()
        for rows in (selectors.open_elevations(), SecretLease.objects.all())
    ]
    for agent_id in sorted({agent_id for agents in holding for agent_id in agents}):
        held = locks.agent(agent_id)
        approvals.reconsider(agent=held)
        elevations.end_all(actor=actor.actor, agent=held, reason=ElevationEnd.CONTAINED)
        secrets.end_leases(actor=actor.actor, agent=held)


def _begin(actor: Person, containment: Containment) -> Containment:
    containment.begun_by, containment.begun_at = actor, timezone.now()
    try:
        containment.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(ALREADY) from error
    history.record(
        changed=[containment],
        stream=containment.stream,
        action=Action.CONTAINMENT_BEGUN,
        actor=actor.actor,
        object=f"containment/{containment.pk}",
        body={
            "level": containment.level,
            "of": containment.of,
            "reason": containment.reason,
            "before": containment.before,
        },
    )
    return containment


def _said(reason: str) -> str:
    said = reason.strip()
    if not said or len(said) > MAX_REASON:
        words = f"Say why, in at most {MAX_REASON:,} characters."
        raise Invalid(words, fields={"reason": words})
    return said
