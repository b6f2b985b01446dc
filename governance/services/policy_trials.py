"""Trying a policy version out before anybody approves it: replayed over what was decided, and in shadow."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from django.utils import timezone

from audits import canonical
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.formats import timestamp
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import active_policy, policy_permissions, what_if
from governance.choices import PolicyState
from governance.models import PolicyReplay, PolicyVersion
from governance.services.policies import hold, record, require

MAX_DECISIONS = 1_000_000
# So many are replayed while somebody waits for a page.
MAX_AT_ONCE = 5_000


def replay(
    *,
    actor: Actor,
    version: PolicyVersion,
    last: int = 1_000,
    since: datetime | None = None,
    until: datetime | None = None,
    told: Callable[[int], None] | None = None,
) -> PolicyReplay:
    """Ask the `last` recorded decisions again, of a period or at all, and keep what would change.

    It reads without a transaction, chunk by chunk, and changes nothing but for what it found; `told` hears
    how far it is. What is interrupted leaves nothing, and is begun again.

    Raises:
        Denied: the actor is no administrator; recorded.
        Invalid: more than a million, or none at all.
        Conflict: the version is not validated, or its life is over; another version was activated meanwhile.
    """
    if not 0 < last <= MAX_DECISIONS:
        raise Invalid("So many cannot be replayed.", fields={"last": f"From 1 to {MAX_DECISIONS}."})
    with _attempted(actor, version):
        held = _replayable(actor, version)
        active = active_policy.active()
        tried = active_policy.read(held)
        if tried.policies is None:
            raise Conflict("What is stored of it is not what was validated.")
    outcome = what_if.replay(version=tried, against=active, last=last, since=since, until=until, told=told)
    with _attempted(actor, version):
        held = _replayable(actor, version)
        now = active_policy.active()
        if (now.id if now else None) != (active.id if active else None):
            raise Conflict("Another version was activated meanwhile. Replay it again.")
        kept = _kept(held, active, outcome, actor)
        kept.save(force_insert=True)
        record(
            Action.POLICY_REPLAYED, actor, held, replay=str(kept.pk), replay_sha256=kept.sha256,
            against=active.label if active else None, replayed=kept.replayed, left_out=kept.left_out,
            changed=kept.changed,
        )  # fmt: skip
    return kept


def start_shadow(*, actor: Actor, version: PolicyVersion) -> PolicyVersion:
    """Ask a validated version beside the active one on live decisions. It changes no answer.

    Raises:
        Denied: the actor is no administrator; recorded.
        Conflict: it is not validated, or another version is in shadow or proposed.
    """
    with attempt(
        action=Action.POLICY_SHADOW_STARTED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"policy_version/{version.pk}",
    ):
        held = hold(version.pk)
        refuse(policy_permissions.against_writing(actor))
        require(held, PolicyState.VALIDATED, "Only a validated version goes into shadow.")
        other = PolicyVersion.objects.filter(state__in=active_policy.SHADOWED).first()
        if other:
            raise Conflict(f"{other.label} is in shadow already, and only one is at a time. Stop it first.")
        held.state, held.shadow_started_at, held.shadow_ended_at = PolicyState.SHADOW, timezone.now(), None
        held.save(update_fields=["state", "shadow_started_at", "shadow_ended_at"])
        record(Action.POLICY_SHADOW_STARTED, actor, held)
    return held


def stop_shadow(*, actor: Actor, version: PolicyVersion) -> PolicyVersion:
    """Ask it no more; what was noticed stays.

    Raises:
        Denied: the actor is no administrator; recorded.
        Conflict: it is not in shadow.
    """
    with attempt(
        action=Action.POLICY_SHADOW_ENDED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"policy_version/{version.pk}",
    ):
        held = hold(version.pk)
        refuse(policy_permissions.against_writing(actor))
        require(held, PolicyState.SHADOW, "It is not in shadow, or it is proposed: then withdraw it.")
        held.state, held.shadow_ended_at = PolicyState.VALIDATED, timezone.now()
        held.save(update_fields=["state", "shadow_ended_at"])
        record(Action.POLICY_SHADOW_ENDED, actor, held, differences=held.differences.count())
    return held


def _attempted(actor: Actor, version: PolicyVersion) -> AbstractContextManager[None]:
    return attempt(
        action=Action.POLICY_REPLAYED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"policy_version/{version.pk}",
    )


def _replayable(actor: Actor, version: PolicyVersion) -> PolicyVersion:
    held = hold(version.pk)
    refuse(policy_permissions.against_writing(actor))
    if held.state not in policy_permissions.REPLAYABLE:
        raise Conflict(f"{held.label} is {held.get_state_display().lower()}: it is not replayed.")
    return held


def _kept(
    version: PolicyVersion, active: active_policy.Active | None, outcome: what_if.Outcome, actor: Actor
) -> PolicyReplay:
    figures = {
        "version": version.sha256,
        "against": active.sha256 if active else None,
        "first_at": timestamp(outcome.first_at) if outcome.first_at else None,
        "last_at": timestamp(outcome.last_at) if outcome.last_at else None,
        "replayed": outcome.replayed,
        "left_out": outcome.left_out,
        "changed": outcome.changed,
        "result": outcome.result,
    }
    return PolicyReplay(
        version=version,
        against_id=active.id if active else None,
        first_at=outcome.first_at,
        last_at=outcome.last_at,
        replayed=outcome.replayed,
        left_out=outcome.left_out,
        changed=outcome.changed,
        result=outcome.result,
        sha256=canonical.digest(figures),
        replayed_at=timezone.now(),
        replayed_by=actor.ref,
    )
