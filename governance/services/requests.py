"""Opening and closing a question to people. What follows from the answer is its subject's business."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from agents.models import Agent, Person
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from governance import contents, electorate
from governance.choices import ApprovalState, ApprovalSubject
from governance.models import Approval, ChangeRequest
from governance.quorum import Rule
from governance.services import telling


def open_request(
    *,
    actor: Person,
    agent: Agent,
    subject: ApprovalSubject,
    subject_id: UUID,
    title: str,
    described: contents.Content,
    terms: dict[str, Any],
    expires_at: datetime,
    authors: Iterable[Person] = (),
    change: ChangeRequest | None = None,
    gates: list[dict[str, Any]] | None = None,
    by: Actor | None = None,
    revision: int = 1,
) -> Approval:
    """Put exact bytes before people. Must run inside the transaction of what it is asked for.

    Args:
        authors: who made what is asked for; they do not vote on it.
        change: what a new version changes, where it follows another one.
        gates: how the gates of the deployment checklist stand, for a dossier.
        by: who does the asking, where it is not the person who answers for it.
        revision: which wording this is of what is asked.

    Raises:
        Invalid: something described cannot be written canonically, or the risk class asks for votes that
            no board could give.
    """
    frozen = contents.frozen(
        terms=terms, agent=agent, requester=actor, authors=authors, change=change, gates=gates
    )
    try:
        Rule.read(terms["rule"])
        data = contents.to_bytes(described | frozen)
    except ValueError as error:
        raise Invalid(f"The content cannot be put before people: {error}") from error
    approval = Approval.objects.create(
        subject=subject,
        subject_id=subject_id,
        agent=agent,
        title=title,
        content=data.decode(),
        digest=contents.digest_of(data),
        revision=revision,
        rule=terms["rule"],
        excluded=frozen["excluded"],
        requested_by=actor,
        expires_at=expires_at,
    )
    history.record(
        changed=[approval],
        stream=agent.stream,
        action=Action.APPROVAL_REQUESTED,
        actor=by or actor.actor,
        object=f"approval/{approval.pk}",
        body={
            "subject": f"{subject.value}/{subject_id}",
            "title": title,
            "digest": approval.digest,
            "revision": revision,
            "rule": terms["rule"],
            "excluded": frozen["excluded"],
            "vacant": [*electorate.vacant(approval)],
            "expires_at": expires_at.isoformat(),
        },
    )
    telling.requested(approval=approval)
    return approval


def close(
    *,
    actor: Actor,
    approval: Approval,
    state: ApprovalState,
    reason: str,
    by: Mapping[str, JSON] | None = None,
) -> None:
    """Resolve a pending approval, once. `by` is what else the event says of who did.

    Raises:
        Conflict: it is resolved already.
    """
    now = timezone.now()
    moved = Approval.objects.filter(pk=approval.pk, state=ApprovalState.PENDING).update(
        state=state, resolved_at=now, reason=reason
    )
    if not moved:
        raise Conflict("This request has been resolved already. Look at its page again.")
    approval.state, approval.resolved_at, approval.reason = state, now, reason
    history.record(
        changed=[approval],
        stream=approval.agent.stream,
        action=Action.APPROVAL_WITHDRAWN if state == ApprovalState.WITHDRAWN else Action.APPROVAL_RESOLVED,
        actor=actor,
        object=f"approval/{approval.pk}",
        body={"state": state.value, "reason": reason, "digest": approval.digest, **(by or {})},
    )
    telling.closed(approval=approval, actor=actor)
