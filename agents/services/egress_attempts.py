"""Every request that was to leave for an agent, allowed or refused, and what became of it (S2-9).

`guarded` puts a block under guard: whatever goes through the product's one door in it, redirects too, is
asked of the agent's lists and of its endpoint's circuit breaker first. No transaction may be open meanwhile.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from agents import egress, outbound_watch
from agents.choices import EgressReason
from agents.egress import Checked
from agents.models import Agent, AgentInstance, EgressAttempt, Run
from agents.outbound import HTTP_SERVER_ERRORS, HTTP_TOO_MANY_REQUESTS, OutboundError
from agents.outbound_watch import Passage
from agents.services import breakers
from agents.services.breakers import Admitted, BreakerOpenError
from agents.strict_json import storable_text
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM

GATEWAY = "gateway"
MAX_ERROR = 300


class EgressError(OutboundError):
    """The agent's lists refuse it, or its endpoint's breaker does; `reason` is a member of `EgressReason`."""

    def __init__(self, reason: EgressReason, message: str) -> None:
        super().__init__(f"Refused: {message}", temporary=reason == EgressReason.BREAKER_OPEN)
        self.reason = reason


def record(
    *,
    actor: Actor,
    checked: Checked,
    asked_by: str,
    agent: Agent | None,
    subject: str = "",
    run: Run | None = None,
    call_id: UUID | None = None,
) -> EgressAttempt:
    """Write down that something was to leave, and whether it may."""
    to, verdict = checked.destination, checked.verdict
    row = EgressAttempt(
        agent=agent,
        subject=storable_text(subject[:300]),
        run=run,
        call_id=call_id,
        asked_by=asked_by,
        scheme=to.scheme if to else "",
        host=to.host if to else "",
        port=to.port if to else None,
        endpoint=checked.endpoint,
        allowed=verdict.allowed,
        reason=verdict.reason,
        entry=verdict.entry,
    )
    with transaction.atomic():
        row.save(force_insert=True)
        ledger.record(
            stream=agent.stream if agent else SYSTEM_STREAM,
            action=Action.EGRESS_ATTEMPTED,
            actor=actor,
            object=f"egress_attempt/{row.pk}",
            outcome=Outcome.SUCCESS if verdict.allowed else Outcome.DENIED,
            trace=str(run.pk) if run else None,
            body={
                "subject": row.subject,
                "asked_by": asked_by,
                "to": str(row),
                "reason": verdict.reason.value,
                "entry": verdict.entry,
                "endpoint": row.endpoint,
                "call": str(call_id) if call_id else "",
            },
        )
    return row


def conclude(*, actor: Actor, attempt: EgressAttempt, passage: Passage) -> EgressAttempt:
    """Write down what became of one that was let through. It counts as refused where its address was."""
    if passage.refused:
        attempt.allowed, attempt.reason = False, EgressReason.PRIVATE_ADDRESS
    attempt.address, attempt.status = passage.address, passage.status
    attempt.bytes_out = 0 if passage.refused else passage.sent
    attempt.bytes_in = passage.received
    attempt.error = storable_text(passage.error[:MAX_ERROR])
    attempt.ended_at = timezone.now()
    failed = Outcome.FAILED if attempt.error else Outcome.SUCCESS
    with transaction.atomic():
        attempt.save(
            update_fields=[
                "allowed", "reason", "address", "status", "bytes_out", "bytes_in", "error", "ended_at",
            ]
        )  # fmt: skip
        ledger.record(
            stream=attempt.agent.stream if attempt.agent else SYSTEM_STREAM,
            action=Action.EGRESS_ENDED,
            actor=actor,
            object=f"egress_attempt/{attempt.pk}",
            outcome=Outcome.DENIED if passage.refused else failed,
            trace=str(attempt.run_id) if attempt.run_id else None,
            body={
                "to": str(attempt),
                "address": attempt.address,
                "status": attempt.status,
                "bytes_out": attempt.bytes_out,
                "bytes_in": attempt.bytes_in,
                "error": attempt.error,
            },
        )
    return attempt


@contextmanager
def guarded(
    *,
    instance: AgentInstance,
    run: Run | None = None,
    call_id: UUID | None = None,
    also: Collection[str] = (),
) -> Iterator["Guard"]:
    """What leaves in this block leaves for this running copy, and only where its agent's lists let it.

    Args:
        also: names of endpoints that may be reached besides those of the approved version.
    """
    guard = Guard(instance, run, call_id, also)
    with outbound_watch.watched_by(guard):
        yield guard


@dataclass(slots=True)
class Guard:
    """Asks before a request leaves, and records what became of it."""

    instance: AgentInstance
    run: Run | None
    call_id: UUID | None
    also: Collection[str]
    _under_way: dict[int, tuple[EgressAttempt, Admitted | None]] = field(default_factory=dict)

    def leaving(self, url: str) -> Passage:
        agent = Agent.objects.select_related("owner", "active_version", "candidate").get(
            pk=self.instance.agent_id
        )
        checked = egress.check_egress(agent, url, also=self.also)
        admitted: Admitted | None = None
        if checked.verdict.allowed and checked.endpoint:
            try:
                admitted = breakers.admit(name=checked.endpoint)
            except BreakerOpenError as error:
                checked = checked.refused(EgressReason.BREAKER_OPEN, error.message)
        row = record(
            actor=self.instance.actor,
            checked=checked,
            asked_by=GATEWAY,
            agent=agent,
            run=self.run,
            call_id=self.call_id,
        )
        if not checked.verdict.allowed:
            raise EgressError(
                checked.verdict.reason, f"{agent} may not reach {row}: {checked.verdict.message}"
            )
        passage = Passage(private=checked.private)
        self._under_way[id(passage)] = row, admitted
        return passage

    def over(self, passage: Passage) -> None:
        row, admitted = self._under_way.pop(id(passage))
        if admitted is not None:
            status = passage.status or 0
            failed = bool(passage.error) or status >= HTTP_SERVER_ERRORS or status == HTTP_TOO_MANY_REQUESTS
            breakers.settle(admitted=admitted, failed=failed, why=passage.error or f"HTTP {status}")
        conclude(actor=self.instance.actor, attempt=row, passage=passage)
