"""What became of what was allowed: executed, failed, denied after all, ambiguous, or never run (S0-10, S2-7).

The portal's gateway says so itself; enforcement points say so over HTTP. Nothing is guessed: a decision of
which nobody has said what became of it stays in the list of those without an outcome.
"""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, Q

from agents.choices import ActionOutcome
from agents.models import Credential
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict, NotFound
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt
from governance.models import Decision, DecisionOutcome, EnforcementPoint
from governance.services.enforcement_points import actor_of

MAX_DETAIL = 1000
_TOLD = {
    ActionOutcome.EXECUTED: Outcome.SUCCESS,
    ActionOutcome.DENIED: Outcome.DENIED,
    ActionOutcome.NEVER_RAN: Outcome.DENIED,
    ActionOutcome.FAILED: Outcome.FAILED,
    ActionOutcome.AMBIGUOUS: Outcome.FAILED,
}


def record(*, actor: Actor, decision_id: UUID, outcome: ActionOutcome, detail: str) -> DecisionOutcome:
    """Say what became of an allowed decision. The same again changes nothing.

    Raises:
        NotFound: there is no such decision.
        Conflict: it was denied, or something else was said of it; recorded.
    """
    decision = Decision.objects.select_related("agent", "enforcement_point").filter(pk=decision_id).first()
    if decision is None:
        raise NotFound("There is no such decision.")
    return _record(actor, decision, outcome, detail)


def report(
    *, point: EnforcementPoint, evaluation_id: UUID, outcome: ActionOutcome, detail: str
) -> DecisionOutcome:
    """As `record`, by the enforcement point that asked, or that was shown the token which was issued on it.

    Raises:
        NotFound: it has done neither; another one's decision is not told from none.
        Conflict: as `record`.
    """
    shown = Credential.objects.filter(decision_id=evaluation_id, shown_to=point.pk)
    decision = (
        Decision.objects.select_related("agent", "enforcement_point")
        .filter(Q(enforcement_point=point) | Q(enforcement_point__isnull=True) & Exists(shown))
        .filter(pk=evaluation_id)
        .first()
    )
    if decision is None:
        raise NotFound("You have not asked for such a decision.")
    return _record(actor_of(point), decision, outcome, detail)


def _record(actor: Actor, decision: Decision, outcome: ActionOutcome, detail: str) -> DecisionOutcome:
    known = DecisionOutcome.objects.filter(decision=decision).first()
    if known is not None and known.outcome == outcome:
        return known
    with attempt(
        action=Action.OUTCOME_RECORDED,
        actor=actor,
        stream=_stream(decision),
        object=f"decision/{decision.pk}",
    ):
        if not decision.allowed:
            raise Conflict("This was denied: there is nothing to report of it.")
        if known is not None:
            raise _otherwise(known)
        return _say_once(actor, decision, outcome, detail[:MAX_DETAIL])


def _say_once(actor: Actor, decision: Decision, outcome: ActionOutcome, detail: str) -> DecisionOutcome:
    """Of several at the same moment the first counts."""
    try:
        with transaction.atomic():
            made = DecisionOutcome.objects.create(
                decision=decision, outcome=outcome, detail=detail, reported_by=actor.ref
            )
    except IntegrityError:
        known = DecisionOutcome.objects.get(decision=decision)
        if known.outcome == outcome:
            return known
        raise _otherwise(known) from None
    ledger.record(
        stream=_stream(decision),
        action=Action.OUTCOME_RECORDED,
        actor=actor,
        object=f"decision/{decision.pk}",
        outcome=_TOLD[outcome],
        evaluation=str(decision.pk),
        trace=str(decision.task_id) if decision.task_id else None,
        body={
            "outcome": outcome.value,
            "detail": detail,
            "action": decision.action,
            "resource": decision.resource,
        },
    )
    return made


def _otherwise(known: DecisionOutcome) -> Conflict:
    return Conflict(f"Its outcome is {known.outcome} already, and is said once.")


def _stream(decision: Decision) -> str:
    if decision.agent is not None:
        return decision.agent.stream
    return decision.enforcement_point.stream if decision.enforcement_point else SYSTEM_STREAM
