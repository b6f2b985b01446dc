"""From shadow to active: two people approve a policy version by its digest, and one step leads back.

Nobody approves what they wrote or proposed, and nobody by an API token. The second approval lets it decide;
a rejection ends it. A version that was approved once can be rolled back to without asking again.
"""

from django.utils import timezone

from agents.authentication import Authentication
from agents.models import Person
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import cedar, policy_permissions
from governance.choices import PolicyChoice, PolicyState
from governance.models import PolicyReplay, PolicyVersion, PolicyVote
from governance.services import elevations, locks, policy_telling
from governance.services.policies import close, hold, record, require

APPROVERS = 2
STALE = "What you were shown is not what is asked. Open the page again and read it anew."


def propose(*, actor: Person, version: PolicyVersion) -> PolicyVersion:
    """Ask two people to approve a version that is in shadow, once it was replayed against what is active.

    Raises:
        Denied: the actor is no administrator; recorded.
        Conflict: it is not in shadow; it was not replayed; another version is proposed.
    """
    with attempt(
        action=Action.POLICY_PROPOSED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"policy_version/{version.pk}",
    ):
        held = hold(version.pk)
        refuse(policy_permissions.against_proposing(Person.objects.get(pk=actor.pk)))
        require(held, PolicyState.SHADOW, "Let it run in shadow first.")
        replay = _replayed(held)
        other = PolicyVersion.objects.filter(state=PolicyState.PROPOSED).first()
        if other:
            raise Conflict(f"{other.label} is proposed already. It is decided or withdrawn first.")
        held.state, held.proposed_at, held.proposed_by = PolicyState.PROPOSED, timezone.now(), actor
        held.save(update_fields=["state", "proposed_at", "proposed_by"])
        record(Action.POLICY_PROPOSED, actor.actor, held, replay=str(replay.pk), replay_sha256=replay.sha256)
        policy_telling.proposed(version=held)
    return held


def vote(
    *,
    actor: Person,
    version: PolicyVersion,
    choice: str,
    digest: str,
    authentication: Authentication,
    comment: str = "",
) -> PolicyVersion:
    """One person's word on a proposed version; the second approval lets it decide, a rejection ends it.

    Args:
        digest: the SHA-256 that the actor was shown.

    Raises:
        Denied: the actor wrote or proposed it, holds no seat, or signed in too long ago; recorded.
        Conflict: it is not proposed; another digest; the actor has voted; its replay is out of date.
        Invalid: there is no such choice, or a rejection says not why.
    """
    _check(choice, comment)
    with attempt(
        action=Action.POLICY_VOTED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"policy_version/{version.pk}",
    ):
        held = hold(version.pk)
        person = Person.objects.get(pk=actor.pk)
        seat, at = locks.seat_of(person)
        refuse(policy_permissions.against_voting(person, held, seat))
        require(held, PolicyState.PROPOSED, "Nobody votes on it.")
        _check_digest(held, digest)
        if held.votes.filter(person=person).exists():
            raise Conflict("You have voted on it. A vote is not changed.")
        refuse(policy_permissions.against_deciding_with(person, authentication))
        assert seat is not None  # noqa: S101 - against_voting refuses people without a seat
        cast = PolicyVote.objects.create(
            version=held, person=person, discipline=seat.discipline, choice=choice, comment=comment.strip(),
            digest=held.sha256, voted_at=at,
        )  # fmt: skip
        record(
            Action.POLICY_VOTED, actor.actor, held, vote=str(cast.pk), choice=choice, comment=cast.comment,
            discipline=seat.discipline, digest=held.sha256, authentication=authentication.evidence,
        )  # fmt: skip
        policy_telling.voted(version=held, person=person)
        if choice == PolicyChoice.REJECT:
            close(actor.actor, held, f"Rejected: {cast.comment}")
        else:
            _resolve(actor, held)
    return held


def roll_back(
    *, actor: Person, version: PolicyVersion, digest: str, reason: str, authentication: Authentication
) -> PolicyVersion:
    """Let a version decide again that did before. Who approved it then stands for it still.

    Raises:
        Denied: the actor is neither administrator nor on the board, or signed in too long ago; recorded.
        Invalid: no reason is given.
        Conflict: it never decided, or decides now; another digest.
    """
    if not reason.strip():
        raise Invalid("Say why it is rolled back.", fields={"reason": "must not be empty"})
    with attempt(
        action=Action.POLICY_ROLLED_BACK,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"policy_version/{version.pk}",
    ):
        held = hold(version.pk)
        person = Person.objects.get(pk=actor.pk)
        refuse(policy_permissions.against_rolling_back(person))
        refuse(policy_permissions.against_deciding_with(person, authentication))
        require(held, PolicyState.SUPERSEDED, "Only a version that decided before is rolled back to.")
        _check_digest(held, digest)
        held.reason = reason.strip()
        before = _activate(actor, held)
        record(
            Action.POLICY_ROLLED_BACK, actor.actor, held, replaced=before.label if before else None,
            reason=held.reason, digest=held.sha256, authentication=authentication.evidence,
        )  # fmt: skip
    return held


def approvals(version: PolicyVersion) -> list[PolicyVote]:
    """The approvals that count: of this digest, by others than who wrote or proposed it."""
    votes = version.votes.filter(choice=PolicyChoice.APPROVE, digest=version.sha256).select_related("person")
    return [vote for vote in votes if vote.person_id not in {version.author_id, version.proposed_by_id}]


def _resolve(actor: Person, version: PolicyVersion) -> None:
    approving = approvals(version)
    if len({vote.person_id for vote in approving}) < APPROVERS:
        return
    _replayed(version)
    version.shadow_ended_at = timezone.now()
    before = _activate(actor, version)
    policy_telling.settled(version=version, actor=actor.actor)
    record(
        Action.POLICY_APPLIED,
        actor.actor,
        version,
        replaced=before.label if before else None,
        approved_by=[f"person/{vote.person_id}" for vote in approving],
    )


def _activate(actor: Person, version: PolicyVersion) -> PolicyVersion | None:
    """Let a held version decide; the one before is superseded in the same transaction.

    Write elevations that were approved under that one end: whoever approved them read other rules.
    """
    now = timezone.now()
    before = PolicyVersion.objects.filter(state=PolicyState.ACTIVE).first()
    if before:
        before.state, before.replaced_at = PolicyState.SUPERSEDED, now
        before.save(update_fields=["state", "replaced_at"])
    version.state, version.applied_at, version.replaced_at = PolicyState.ACTIVE, now, None
    version.save()
    elevations.end_for_policy(actor=actor.actor)
    return before


def _replayed(version: PolicyVersion) -> PolicyReplay:
    """The latest replay, which has to be against what is active now.

    Raises:
        Conflict: there is none, or another version is active since.
    """
    latest = version.replays.order_by("-replayed_at", "-pk").first()
    active = PolicyVersion.objects.filter(state=PolicyState.ACTIVE).values_list("pk", flat=True).first()
    if latest is None:
        raise Conflict("It was not replayed over recorded decisions yet. Look what it would change first.")
    if latest.against_id != active:
        raise Conflict("Another version is active since it was replayed. Replay it again.")
    return latest


def _check_digest(version: PolicyVersion, digest: str) -> None:
    """
    Raises:
        Conflict: the person was shown other bytes, or what is stored is not what was validated.
    """
    stored = cedar.digests(version.policies, version.schema, version.entities)["sha256"]
    if not digest == version.sha256 == stored:
        raise Conflict(STALE)


def _check(choice: str, comment: str) -> None:
    if choice not in PolicyChoice.values:
        raise Invalid("There is no such choice.", fields={"choice": "Approve or reject."})
    if choice == PolicyChoice.REJECT and not comment.strip():
        raise Invalid(
            "Say why: the author has to know.", fields={"comment": "must not be empty for this vote"}
        )
