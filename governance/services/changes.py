"""Change requests: what a new version changes, how it is watched and undone (S1-24)."""

from collections.abc import Sequence

from django.utils import timezone

from agents.models import AgentVersion, Person
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse
from governance import permissions
from governance.choices import ApprovalState, ApprovalSubject, ChangeKind
from governance.models import Approval, ChangeRequest
from governance.services import locks

TEXTS = ("summary", "impact", "monitoring_plan", "rollback_plan")


def describe(
    *,
    actor: Person,
    version: AgentVersion,
    kinds: Sequence[str],
    summary: str,
    impact: str,
    monitoring_plan: str,
    rollback_plan: str,
) -> ChangeRequest:
    """Say what a version changes, or say it better, as long as the board is not at it.

    Raises:
        Denied: the actor neither answers for the agent nor is administrator; recorded.
        Invalid: a text is empty, or a kind is none of the known ones; `fields` says which.
        Conflict: the board decides on it, or has approved it.
    """
    texts = {"summary": summary, "impact": impact, "monitoring_plan": monitoring_plan,
             "rollback_plan": rollback_plan}  # fmt: skip
    reference = f"version/{version.pk}"
    with attempt(
        action=Action.CHANGE_DESCRIBED, actor=actor.actor, stream=version.agent.stream, object=reference
    ):
        agent = locks.agent(version.agent_id)
        refuse(permissions.against_governing(actor, agent))
        _check(kinds, texts)
        _check_open(version)
        change, _made = ChangeRequest.objects.update_or_create(
            version=version,
            defaults={
                "agent": agent,
                "kinds": sorted(set(kinds)),
                "requested_by": actor,
                "requested_at": timezone.now(),
                **{name: text.strip() for name, text in texts.items()},
            },
        )
        history.record(
            changed=[change],
            stream=agent.stream,
            action=Action.CHANGE_DESCRIBED,
            actor=actor.actor,
            object=f"change_request/{change.pk}",
            provenance=version.digest,
            body={"version": str(version.pk), "label": version.label, "kinds": change.kinds, **texts},
        )
    return change


def _check(kinds: Sequence[str], texts: dict[str, str]) -> None:
    wrong = {name: "Say something here." for name, text in texts.items() if not text.strip()}
    if not kinds or not set(kinds) <= set(ChangeKind.values):
        wrong["kinds"] = f"Choose among: {', '.join(ChangeKind.values)}."
    if wrong:
        raise Invalid("The change is not described.", fields=wrong)


def _check_open(version: AgentVersion) -> None:
    """What people decide on, or have decided on, stands."""
    closed = Approval.objects.filter(
        subject=ApprovalSubject.AGENT_VERSION,
        subject_id=version.pk,
        state__in=(ApprovalState.PENDING, ApprovalState.APPROVED),
    ).first()
    if closed is not None:
        raise Conflict(
            f"The board's request on this version is {closed.get_state_display().lower()}: what it says of "
            "the change stands. Withdraw the request, or add another version."
        )
