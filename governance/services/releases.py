"""Releasing an approved version step by step, and taking it back in one (S1-18).

The board's yes to a successor of an active version begins a release: the candidate may run for a share of
the tasks, beside the active version. A promotion gives it the next share of its risk class, and with the
last one it is the active version. A candidate reads; writes belong to the version that is active.
"""

from datetime import date, datetime, timedelta

from django.utils import timezone

from agents.choices import AgentState, RevocationReason
from agents.models import Agent, AgentVersion, Person
from agents.releasing import WHOLE
from agents.services import register
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse
from governance import contents, permissions, release_selectors, selectors
from governance.choices import ApprovalState, ElevationEnd, ReleaseState
from governance.models import Approval, Release
from governance.services import elevations, grants, locks, role_grants, telling


def begin(
    *, actor: Actor, agent: Agent, version: AgentVersion, approval: Approval, steps: list[int]
) -> Release:
    """The board said yes to a successor: it may run for the first share. The agent's row is locked.

    Raises:
        Conflict: another release of the agent is under way.
    """
    if Release.objects.filter(agent=agent, state=ReleaseState.UNDER_WAY).exists():
        raise Conflict("Another version of this agent is being released. Complete it or roll it back first.")
    previous = agent.active_version
    if previous is None:
        raise Conflict("The agent has no active version that this one could follow.")
    now = timezone.now()
    release = Release.objects.create(
        agent=agent,
        version=version,
        approval=approval,
        previous=previous,
        previous_digest=agent.approved_digest,
        steps=steps,
        percent=steps[0],
        started_at=now,
        step_at=now,
    )
    register.set_share(agent=agent, version=version, digest=approval.digest, percent=release.percent)
    _record(Action.RELEASE_STARTED, actor, release, agent)
    role_grants.add_reads(
        actor=actor, agent=agent, approval=approval, functions=contents.read(approval)["reads"]
    )
    return release


def promote(*, actor: Person, release: Release) -> Release:
    """Give the candidate the next share; with the last one it becomes the active version.

    Raises:
        Denied: the actor neither answers for the agent nor is administrator; recorded.
        Conflict: the release is over, the agent may not act, what was approved is not there any more, or
            the promotion gate stands against it; the message says what.
    """
    with attempt(
        action=Action.RELEASE_PROMOTED,
        actor=actor.actor,
        stream=release.agent.stream,
        object=f"release/{release.pk}",
    ):
        agent = locks.agent(release.agent_id)
        current = _under_way(release)
        refuse(permissions.against_governing(actor, agent))
        if agent.state != AgentState.ACTIVE:
            raise Conflict(f"{agent} is {agent.get_state_display().lower()}: nothing is released.")
        if selectors.approved_dossier(agent, current.version) is None:
            raise Conflict("What the board approved is not what is there any more. Roll it back.")
        if reasons := why_not_promote(current):
            raise Conflict(" ".join(reasons))
        current.percent = current.next_step or WHOLE
        current.step_at = timezone.now()
        if current.percent == WHOLE:
            _complete(actor.actor, current, agent)
        else:
            current.save(update_fields=["percent", "step_at"])
            register.set_share(
                agent=agent,
                version=current.version,
                digest=current.approval.digest,
                percent=current.percent,
            )
            _record(Action.RELEASE_PROMOTED, actor.actor, current, agent)
    return current


def roll_back(*, actor: Person, release: Release, reason: str) -> Release:
    """Take the version back, at once: every task belongs to the version before it again.

    What was given to the version ends with it: its copies, credentials and elevations.

    Raises:
        Denied: the actor is neither of the owner's side, nor on the board, nor administrator; recorded.
        Invalid: there is no reason.
        Conflict: it is rolled back already, or is not the newest release.
    """
    with attempt(
        action=Action.RELEASE_ROLLED_BACK,
        actor=actor.actor,
        stream=release.agent.stream,
        object=f"release/{release.pk}",
    ):
        agent = locks.agent(release.agent_id)
        current = Release.objects.select_for_update(of=("self",), no_key=True).select_related(
            "version", "previous", "approval"
        ).get(pk=release.pk)  # fmt: skip
        refuse(permissions.against_ending_elevation(actor, agent, selectors.seat_of(actor)))
        if not reason.strip():
            raise Invalid("Say why it is rolled back.", fields={"reason": "Say why."})
        completed = current.state == ReleaseState.COMPLETE and agent.active_version_id == current.version_id
        if current.state != ReleaseState.UNDER_WAY and not completed:
            raise Conflict("This release is over. Look at the agent's page again.")
        if agent.state != AgentState.ACTIVE:
            raise Conflict(f"{agent} is {agent.get_state_display().lower()}: there is nothing to roll back.")
        now = timezone.now()
        current.state, current.ended_at, current.reason = ReleaseState.ROLLED_BACK, now, reason.strip()
        current.percent = 0
        current.save(update_fields=["state", "ended_at", "reason", "percent"])
        register.set_share(agent=agent, version=None)
        _record(Action.RELEASE_ROLLED_BACK, actor.actor, current, agent)
        grants.end_reads(actor=actor.actor, agent=agent, at=now, of=current.approval)
        if completed:
            _take_up_again(actor.actor, current, agent, now)
        else:
            register.raise_epoch(actor=actor.actor, agent=agent, reason=RevocationReason.ROLLED_BACK)
    return current


def end(*, actor: Actor, agent: Agent) -> None:
    """The agent's access ends, and a release with it. The agent's row is locked by the caller."""
    for release in Release.objects.filter(agent=agent, state=ReleaseState.UNDER_WAY).select_related(
        "version"
    ):
        release.state, release.ended_at, release.percent = ReleaseState.ENDED, timezone.now(), 0
        release.save(update_fields=["state", "ended_at", "percent"])
        register.set_share(agent=agent, version=None)
        _record(Action.RELEASE_ENDED, actor, release, agent)


def why_not_promote(release: Release) -> list[str]:
    """What the promotion gate says now; empty where the release may go on."""
    return release_selectors.why_not_promote([release])[release.pk]


def _under_way(release: Release) -> Release:
    current = (
        Release.objects.select_for_update(of=("self",), no_key=True)
        .select_related("version", "previous", "approval")
        .get(pk=release.pk)
    )
    if current.state != ReleaseState.UNDER_WAY:
        raise Conflict("This release is over. Look at the agent's page again.")
    return current


def _complete(actor: Actor, release: Release, agent: Agent) -> None:
    now = timezone.now()
    release.state, release.ended_at = ReleaseState.COMPLETE, now
    release.save(update_fields=["percent", "step_at", "state", "ended_at"])
    register.set_share(agent=agent, version=None)
    _record(Action.RELEASE_COMPLETED, actor, release, agent)
    grants.end_reads(actor=actor, agent=agent, at=now, but=release.approval)
    elevations.end_all(actor=actor, agent=agent, reason=ElevationEnd.CHANGED)
    register.activate(
        actor=actor,
        agent=agent,
        version=release.version,
        approved_digest=release.approval.digest,
        review_date=_review_date(agent),
    )


def _take_up_again(actor: Actor, release: Release, agent: Agent, now: datetime) -> None:
    """The version before it is the active one again, as far as its own approval still fits what is there."""
    approval = Approval.objects.filter(
        agent=agent,
        subject_id=release.previous_id,
        digest=release.previous_digest,
        state=ApprovalState.APPROVED,
    ).first()
    described = selectors.described_dossier(agent, release.previous)
    edited = contents.edited_parts(approval, described) if approval and described else None
    if approval is None or edited is None or contents.BUILD.intersection(edited):
        raise Conflict(
            f"Version {release.previous.label} is not what the board approved any more. Submit it again."
        )
    elevations.end_all(actor=actor, agent=agent, reason=ElevationEnd.CHANGED)
    grants.end_reads(actor=actor, agent=agent, at=now)
    role_grants.add_reads(
        actor=actor, agent=agent, approval=approval, functions=contents.read(approval)["reads"]
    )
    register.activate(
        actor=actor,
        agent=agent,
        version=release.previous,
        approved_digest=approval.digest,
        review_date=agent.review_date or _review_date(agent),
        edited=edited,
    )


def _review_date(agent: Agent) -> date:
    risk_class = selectors.risk_class_of(agent)
    days = risk_class.review_days if risk_class else 0
    return timezone.localdate() + timedelta(days=days)


def _record(action: Action, actor: Actor, release: Release, agent: Agent) -> None:
    history.record(
        changed=[release, agent],
        stream=agent.stream,
        action=action,
        actor=actor,
        object=f"release/{release.pk}",
        provenance=release.version.digest,
        body={
            "version": release.version.label,
            "previous": release.previous.label,
            "approval": str(release.approval_id),
            "percent": release.percent,
            "steps": release.steps,
            "state": str(release.state),
            "reason": release.reason,
        },
    )
    if action != Action.RELEASE_PROMOTED:
        telling.release_moved(release=release, agent=agent, actor=actor)
