"""Proposed actions: writes that a person has to allow first.

Queueing one gives no right: when it is carried out, it goes through the gateway like any call, with a
fresh decision and a credential of its own.
"""

from datetime import timedelta
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents.analyst import provenance
from agents.choices import OPEN_PROPOSALS, CallOutcome, ProposalState
from agents.models import AgentInstance, ProposedAction
from agents.services import gateway, instances
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict, Denied
from audits.queue import enqueue
from audits.services import history

TASK = "agents.tasks.perform_proposal"
PERFORMER = Actor.system("proposal-performer")
SWEEPER = Actor.system("run-sweeper")
WORKER_LOST = "The worker died while it carried this out: it may have taken effect. Look before trying again."
CALLS = {
    CallOutcome.EXECUTED: ProposalState.EXECUTED,
    CallOutcome.DENIED: ProposalState.REFUSED,
    CallOutcome.INVALID: ProposalState.REFUSED,
    CallOutcome.FAILED: ProposalState.FAILED,
    CallOutcome.AMBIGUOUS: ProposalState.FAILED,
    CallOutcome.NEVER_RAN: ProposalState.FAILED,
}


def queue(*, actor: Actor, proposal: ProposedAction) -> None:
    """Have a waiting or refused proposal carried out.

    Raises:
        Conflict: it is queued, or was carried out.
    """
    with transaction.atomic():
        queued = ProposedAction.objects.filter(pk=proposal.pk, state__in=OPEN_PROPOSALS).update(
            state=ProposalState.QUEUED,
            enqueued_at=timezone.now(),
            claimed_at=None,
            resolved_at=None,
            detail="",
        )
        proposal.refresh_from_db()
        if not queued:
            raise Conflict(f"The proposal is {proposal.get_state_display().lower()}; look again.")
        history.record(
            changed=[proposal],
            stream=proposal.agent.stream,
            action=Action.ACTION_QUEUED,
            actor=actor,
            object=f"proposal/{proposal.pk}",
            trace=str(proposal.run_id),
            body={"function": proposal.function, "resource": proposal.resource, "digest": proposal.digest},
        )
        enqueue(TASK, str(proposal.pk))


def perform(*, proposal_id: UUID) -> None:
    """Carry a queued proposal out, at most once; a second delivery does nothing."""
    proposal = _claim(proposal_id)
    if proposal is None:
        return
    state, detail, call_id = ProposalState.FAILED, WORKER_LOST, ""
    try:
        state, detail, call_id = _carry_out(proposal)
    finally:
        _resolve(proposal, state, detail, actor=PERFORMER, call_id=call_id)


def sweep() -> int:
    """Ask again for workers where nobody came, and end what a dead worker left; says how many."""
    now = timezone.now()
    queued = ProposedAction.objects.filter(state=ProposalState.QUEUED)
    waiting = queued.filter(
        claimed_at__isnull=True, enqueued_at__lt=now - timedelta(seconds=settings.ASK_AGAIN_SECONDS)
    )
    handled = 0
    for proposal_id in waiting.values_list("pk", flat=True):
        with transaction.atomic():
            if waiting.filter(pk=proposal_id).update(enqueued_at=now):
                enqueue(TASK, str(proposal_id))
                handled += 1
    lost = queued.filter(claimed_at__lt=now - timedelta(seconds=settings.RUN_LOST_SECONDS))
    for proposal in lost.select_related("agent"):
        _resolve(proposal, ProposalState.FAILED, WORKER_LOST, actor=SWEEPER, call_id="")
        handled += 1
    return handled


def _claim(proposal_id: UUID) -> ProposedAction | None:
    taken = ProposedAction.objects.filter(
        pk=proposal_id, state=ProposalState.QUEUED, claimed_at__isnull=True
    ).update(claimed_at=timezone.now())
    if not taken:
        return None
    return ProposedAction.objects.select_related("agent", "run", "finding__report").get(pk=proposal_id)


def _carry_out(proposal: ProposedAction) -> tuple[ProposalState, str, str]:
    try:
        instance = instances.start(
            actor=PERFORMER, agent=proposal.agent, running=provenance.current(), task=proposal.run_id
        )
    except Denied as denial:
        return ProposalState.REFUSED, denial.message, ""
    try:
        reply = gateway.call(request=_request(proposal, instance))
    finally:
        instances.end(actor=PERFORMER, instance=instance)
    return CALLS[CallOutcome(reply.call.outcome)], reply.call.error, str(reply.call.pk)


def _request(proposal: ProposedAction, instance: AgentInstance) -> gateway.Request:
    return gateway.Request(
        run=proposal.run,
        finding=proposal.finding,
        instance=instance,
        turn=None,
        function=proposal.function,
        arguments=orjson.dumps(proposal.arguments).decode(),
        intent=f"Carry out proposal/{proposal.pk}, as its owner was allowed to.",
        propose=False,
    )


def _resolve(
    proposal: ProposedAction, state: ProposalState, detail: str, *, actor: Actor, call_id: str
) -> None:
    with transaction.atomic():
        resolved = ProposedAction.objects.filter(
            pk=proposal.pk, state=ProposalState.QUEUED, claimed_at__isnull=False
        ).update(state=state, detail=detail, resolved_at=timezone.now())
        if not resolved:
            return
        history.record(
            changed=[proposal],
            stream=proposal.agent.stream,
            action=Action.ACTION_RESOLVED,
            actor=actor,
            object=f"proposal/{proposal.pk}",
            outcome={
                ProposalState.EXECUTED: Outcome.SUCCESS,
                ProposalState.REFUSED: Outcome.DENIED,
            }.get(state, Outcome.FAILED),
            trace=str(proposal.run_id),
            body={"state": state.value, "detail": detail, "call": call_id, "digest": proposal.digest},
        )
