"""Taking away what agents do not use: proposed by whoever sees it, confirmed on the owner's side.

A proposal is proved by replaying what was allowed, and proved again, under the agent's lock, when it is
confirmed: a use that came in between refuses it.
"""

from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents.models import Agent, Person
from agents.services import register
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import ledger
from audits.services.attempts import attempt, refuse
from governance import policy_permissions, shrinking
from governance.choices import ShrinkKind, ShrinkState
from governance.models import Grant, Shrinking
from governance.services import grants, locks, telling_requests
from governance.shrinking import DAYS, MAX_DAYS, MIN_DAYS, Shrink


def propose(*, actor: Person, grant: Grant, days: int = DAYS) -> Shrinking:
    """Propose to end a grant, or to narrow it to the one resource that it was used on.

    Raises:
        Denied: the actor neither governs nor answers for the agent; recorded.
        Invalid: the days are none.
        Conflict: it is no standing grant, all of it is needed, or it is proposed already.
    """
    if not MIN_DAYS <= days <= MAX_DAYS:
        raise Invalid("So many days cannot be looked at.", fields={"days": f"From {MIN_DAYS} to {MAX_DAYS}."})
    with _attempted(Action.GRANT_SHRINK_PROPOSED, actor, grant):
        agent = locks.agent(grant.agent_id)
        refuse(policy_permissions.against_proposing_to_shrink(Person.objects.get(pk=actor.pk), agent))
        held = _standing(grant.pk)
        left, replayed = _proved(held, days)
        proposal = Shrinking(
            grant=held, kind=left.kind, resource=left.resource, days=days, replayed=replayed,
            proposed_by=actor, proposed_at=timezone.now(),
        )  # fmt: skip
        try:
            with transaction.atomic():
                proposal.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict("It is proposed to shrink this grant already.") from error
        _record(Action.GRANT_SHRINK_PROPOSED, actor, agent, proposal)
        telling_requests.shrink_proposed(proposal=proposal, agent=agent, actor=actor.actor)
    return proposal


def carry_out(*, actor: Person, proposal: Shrinking) -> Shrinking:
    """Shrink the grant, at once.

    Raises:
        Denied: the actor neither answers for the agent nor is administrator; recorded.
        Conflict: it is decided; the grant has ended; or more of it was used since.
    """
    with _attempted(Action.GRANT_SHRUNK, actor, proposal.grant):
        agent, held = _held(proposal)
        refuse(policy_permissions.against_deciding_to_shrink(Person.objects.get(pk=actor.pk), agent))
        _require_open(held)
        left, replayed = _proved(_standing(held.grant_id), held.days)
        if (left.kind, left.resource) != (held.kind, held.resource):
            raise Conflict("It was used otherwise since it was proposed. Decline it, and look again.")
        now = timezone.now()
        held.made = grants.shrink(actor=actor.actor, grant=held.grant, resource=held.resource, at=now)
        register.raise_epoch(actor=actor.actor, agent=agent)
        held.state, held.decided_by, held.decided_at = ShrinkState.CONFIRMED, actor, now
        held.replayed = replayed
        held.save()
        _record(Action.GRANT_SHRUNK, actor, agent, held)
        telling_requests.shrink_decided(proposal=held, agent=agent, actor=actor.actor)
    return held


def decline(*, actor: Person, proposal: Shrinking, reason: str) -> Shrinking:
    """Leave the grant as it is, and say why.

    Raises:
        Denied: the actor neither answers for the agent nor is administrator; recorded.
        Invalid: no reason is given.
        Conflict: it is decided already.
    """
    if not reason.strip():
        raise Invalid("Say why it is needed.", fields={"reason": "must not be empty"})
    with _attempted(Action.GRANT_SHRINK_DECLINED, actor, proposal.grant):
        agent, held = _held(proposal)
        refuse(policy_permissions.against_deciding_to_shrink(Person.objects.get(pk=actor.pk), agent))
        _require_open(held)
        held.state, held.decided_by, held.decided_at = ShrinkState.DECLINED, actor, timezone.now()
        held.reason = reason.strip()
        held.save()
        _record(Action.GRANT_SHRINK_DECLINED, actor, agent, held)
        telling_requests.shrink_decided(proposal=held, agent=agent, actor=actor.actor)
    return held


def _proved(grant: Grant, days: int) -> tuple[Shrink, int]:
    """What could be left, and how many decisions were replayed that stay allowed.

    Raises:
        Conflict: all of it is needed.
    """
    since = timezone.now() - timedelta(days=days)
    others = list(
        shrinking.standing()
        .filter(agent=grant.agent_id, action=grant.action)
        .exclude(pk=grant.pk)
        .values_list("resource", flat=True)
    )
    rows = shrinking.allowed([grant.agent_id], since).filter(action=grant.action)
    used = set(rows.values_list("resource", flat=True).distinct())
    left = shrinking.shrink(grant.resource, others, used)
    if left is None or shrinking.lost(grant.resource, others, used, left):
        raise Conflict(f"All of it was needed in the last {days} days.")
    if grant.starts_at > since:
        raise Conflict(f"It is younger than {days} days: that it was not used says nothing yet.")
    return left, rows.count()


def _standing(grant_id: UUID) -> Grant:
    grant = shrinking.standing().filter(pk=grant_id).select_related("agent", "approval").first()
    if grant is None:
        raise Conflict("It has ended, or is no standing grant: there is nothing to shrink.")
    return grant


def _held(proposal: Shrinking) -> tuple[Agent, Shrinking]:
    agent = locks.agent(proposal.grant.agent_id)
    rows = Shrinking.objects.select_for_update(of=("self",), no_key=True)
    return agent, rows.select_related("grant__agent", "grant__approval").get(pk=proposal.pk)


def _require_open(proposal: Shrinking) -> None:
    if proposal.state != ShrinkState.PROPOSED:
        raise Conflict(f"It is {proposal.get_state_display().lower()} already.")


def _attempted(action: Action, actor: Person, grant: Grant) -> AbstractContextManager[None]:
    return attempt(action=action, actor=actor.actor, stream=grant.agent.stream, object=f"grant/{grant.pk}")


def _record(action: Action, actor: Person, agent: Agent, proposal: Shrinking) -> None:
    body: dict[str, JSON] = {
        "shrinking": str(proposal.pk),
        "kind": str(proposal.kind),
        "action": proposal.grant.action,
        "before": proposal.grant.resource,
        "after": proposal.resource if proposal.kind == ShrinkKind.NARROW else None,
        "days": proposal.days,
        "replayed": proposal.replayed,
        "lost": 0,
        "made": str(proposal.made_id) if proposal.made_id else None,
        "reason": proposal.reason,
    }
    ledger.record(
        stream=agent.stream, action=action, actor=actor.actor, object=f"grant/{proposal.grant_id}", body=body
    )
