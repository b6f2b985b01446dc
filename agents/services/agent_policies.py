"""The agent policy (S1-1): applied as a whole, by this service alone."""

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from agents import permissions, policy_rules, selectors
from agents.choices import AgentPolicyState
from agents.models import AgentPolicy
from audits import canonical
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse


def apply(*, actor: Actor, text: str, reason: str) -> AgentPolicy:
    """Let a policy count from now on; the one before is replaced. Agents that are there keep what they have.

    Args:
        text: the policy as YAML.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: no reason, or the text is no policy; the sentence names each line and field.
        Conflict: exactly this counts already, or another was applied at the same moment.
    """
    with attempt(
        action=Action.AGENT_POLICY_APPLIED, actor=actor, stream=SYSTEM_STREAM, object="agent_policy/active"
    ):
        refuse(permissions.why_not_apply_agent_policy(actor))
        if not reason.strip():
            raise Invalid("Say why the policy changes.", fields={"reason": "must not be empty"})
        document = _document(text)
        applied = AgentPolicy(
            number=(AgentPolicy.objects.aggregate(last=Max("number"))["last"] or 0) + 1,
            document=document,
            sha256=canonical.digest(document),
            reason=reason.strip(),
            applied_at=timezone.now(),
            applied_by=actor.ref,
        )
        before = selectors.active_policy()
        if before and before.sha256 == applied.sha256:
            raise Conflict(f"Exactly this counts already: {before}.")
        _replace(before, applied)
        history.record(
            changed=[applied] if before is None else [before, applied],
            stream=SYSTEM_STREAM,
            action=Action.AGENT_POLICY_APPLIED,
            actor=actor,
            object=f"agent_policy/{applied.pk}",
            body={
                "number": applied.number,
                "sha256": applied.sha256,
                "replaced": before.number if before else None,
                "reason": applied.reason,
            },
        )
    return applied


def _document(text: str) -> dict[str, canonical.JSON]:
    try:
        return policy_rules.parse(text).record
    except policy_rules.PolicyError as error:
        raise Invalid(str(error), fields={"text": str(error)}) from error


def _replace(before: AgentPolicy | None, applied: AgentPolicy) -> None:
    try:
        with transaction.atomic():
            if before is not None:
                before.state, before.replaced_at = AgentPolicyState.REPLACED, applied.applied_at
                before.save(update_fields=["state", "replaced_at"])
            applied.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("Another policy was applied at the same moment. Look, and apply again.") from error
