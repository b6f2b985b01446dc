"""Who is told what of approvals, write elevations and releases, by the verb that does what it tells of.

Nobody is told of what they did themselves. How to add something: `agents/services/notifications.py`.
"""

from collections.abc import Iterable

from django.utils import timezone

from agents.choices import NotificationKind
from agents.models import Agent, Person
from agents.selectors import people_answering_for
from agents.services import notifications
from agents.services.telling import others
from audits.actor import Actor
from governance import selectors
from governance.choices import ApprovalState, ApprovalSubject, ElevationEnd, ReleaseState, RiskLevel
from governance.models import Approval, BreakGlass, Elevation, Release

WORDS = {
    ApprovalSubject.AGENT_VERSION.value: "the dossier of",
    ApprovalSubject.ELEVATION.value: "a write elevation for",
    ApprovalSubject.RISK_OVERRIDE.value: "another risk class for",
    ApprovalSubject.KILL.value: "the end for good of",
}
# What asks for a vote; it is done with once the person has voted, or nobody can any more.
FOR_A_VOTE = (
    NotificationKind.APPROVAL_REQUESTED,
    NotificationKind.ELEVATION_REQUESTED,
    NotificationKind.APPROVAL_REMINDED,
)


def requested(*, approval: Approval) -> None:
    """Everybody who can vote on it."""
    _ask(approval, selectors.voters(approval))


def seated(*, person: Person) -> None:
    """Who takes a seat hears of what waits for it already."""
    for approval in selectors.waiting_for(person).select_related("agent", "requested_by"):
        _ask(approval, [person])


def voted(*, approval: Approval, person: Person) -> None:
    """Nothing asks this person for a vote any more."""
    notifications.settle(reference=_reference(approval), kinds=FOR_A_VOTE, person=person)


def reminded(*, approval: Approval, people: list[Person], is_last: bool) -> None:
    """Who has not voted. The number of the reminder is in the key: each comes once."""
    notifications.tell(
        people=people,
        kind=NotificationKind.APPROVAL_REMINDED,
        reference=_reference(approval),
        title=f"{'Last reminder: your' if is_last else 'Your'} vote is missing on {_subject(approval)}",
        key=f"{_reference(approval)}/reminder/{approval.reminders}",
        agent=approval.agent,
        asked_by=approval.requested_by,
        due_at=approval.expires_at,
    )


def closed(*, approval: Approval, actor: Actor) -> None:
    """Requester, owner and deputies, and of what was withdrawn those who had voted on it.

    What became of an elevation it says itself.
    """
    notifications.settle(reference=_reference(approval), kinds=FOR_A_VOTE)
    if approval.subject == ApprovalSubject.ELEVATION:
        return
    voted = voters(approval) if approval.state == ApprovalState.WITHDRAWN else []
    notifications.tell(
        people=others(actor, [approval.requested_by, *people_answering_for(approval.agent), *voted]),
        kind=NotificationKind.APPROVAL_RESOLVED,
        reference=_reference(approval),
        title=f"{_capitalised(_subject(approval))}: {ApprovalState(approval.state).label.lower()}",
        key=f"{_reference(approval)}/closed",
        agent=approval.agent,
    )


def elevation_asked_by_copy(*, elevation: Elevation) -> None:
    """Owner and deputies: their agent asks for something by itself."""
    notifications.tell(
        people=people_answering_for(elevation.agent),
        kind=NotificationKind.ACTION_PROPOSED,
        reference=f"elevation/{elevation.pk}",
        title=f"{elevation.agent.slug} asks for write elevation by itself",
        key=f"elevation/{elevation.pk}/asked",
        agent=elevation.agent,
    )


def elevation_started(*, elevation: Elevation) -> None:
    """Requester and owner."""
    notifications.tell(
        people=[elevation.requested_by, elevation.agent.owner],
        kind=NotificationKind.ELEVATION_STARTED,
        reference=f"elevation/{elevation.pk}",
        title=f"The write elevation for {elevation.agent.slug} was approved and began",
        key=f"elevation/{elevation.pk}/started",
        agent=elevation.agent,
        due_at=elevation.ends_at,
    )


def elevation_ended(*, elevation: Elevation, actor: Actor) -> None:
    """Requester and owner, with the reason."""
    reason = ElevationEnd(elevation.end_reason).label
    notifications.tell(
        people=others(actor, [elevation.requested_by, elevation.agent.owner]),
        kind=NotificationKind.ELEVATION_ENDED,
        reference=f"elevation/{elevation.pk}",
        title=f"The write elevation for {elevation.agent.slug} is over: {reason[0].lower()}{reason[1:]}",
        key=f"elevation/{elevation.pk}/ended",
        agent=elevation.agent,
    )


def glass_broken(*, glass: BreakGlass) -> None:
    """Everybody who could have been asked, wants the agent, or administers."""
    notifications.tell(
        people=others(glass.person.actor, _everybody(glass.agent)),
        kind=NotificationKind.GLASS_BROKEN,
        reference=f"break_glass/{glass.pk}",
        title=f"{glass.person.username} broke the glass for {glass.agent.slug}: review it",
        key=f"break_glass/{glass.pk}/broken",
        agent=glass.agent,
        due_at=glass.review_due_at,
    )


def glass_reviewed(*, glass: BreakGlass, actor: Actor) -> None:
    """Everybody who was told of it; nobody has to review it any more."""
    reference = f"break_glass/{glass.pk}"
    notifications.settle(reference=reference, kinds=(NotificationKind.GLASS_BROKEN,))
    found = "was an emergency" if glass.is_justified else "was no emergency"
    notifications.tell(
        people=others(actor, [glass.person, *_everybody(glass.agent)]),
        kind=NotificationKind.GLASS_REVIEWED,
        reference=reference,
        title=f"The glass that was broken for {glass.agent.slug} {found}, its review says",
        key=f"{reference}/reviewed",
        agent=glass.agent,
    )


def glass_locked(*, glass: BreakGlass, was_locked: bool) -> None:
    """The same people: it still waits for its review."""
    became = "was locked" if was_locked else "could not be locked"
    notifications.tell(
        people=_everybody(glass.agent),
        kind=NotificationKind.GLASS_REVIEWED,
        reference=f"break_glass/{glass.pk}",
        title=f"Nobody reviewed the glass broken for {glass.agent.slug}: the account {became}",
        key=f"break_glass/{glass.pk}/locked",
        agent=glass.agent,
    )


def _everybody(agent: Agent) -> list[Person]:
    seated = [seat.person for seat in selectors.current_seats().select_related("person")]
    administrators = Person.objects.filter(is_superuser=True)
    sponsor = [agent.sponsor] if agent.sponsor else []
    return [*people_answering_for(agent), *sponsor, *seated, *administrators]


def release_moved(*, release: Release, agent: Agent, actor: Actor) -> None:
    """The owner's side and those who voted on it: that it began, and how it ended."""
    became = {
        ReleaseState.UNDER_WAY: f"is being released: {release.percent} of 100 tasks",
        ReleaseState.COMPLETE: "is released",
        ReleaseState.ROLLED_BACK: "was rolled back",
        ReleaseState.ENDED: "is not released any further: the agent was stopped",
    }[ReleaseState(release.state)]
    notifications.tell(
        people=others(actor, [*people_answering_for(agent), *voters(release.approval)]),
        kind=NotificationKind.RELEASE_MOVED,
        reference=f"release/{release.pk}",
        title=f"The new version of {agent.slug} {became}",
        key=f"release/{release.pk}/{release.state}",
        agent=agent,
    )


def class_changed(*, level: RiskLevel, agents: Iterable[Agent], actor: Actor) -> None:
    """The owners of the agents that the change affects, each once."""
    notifications.tell(
        people=others(actor, [agent.owner for agent in agents]),
        kind=NotificationKind.RISK_CLASS_CHANGED,
        reference=f"riskclass/{level}",
        title=f"The risk class {RiskLevel(level).label} was changed, and agents of yours are affected",
        key=f"riskclass/{level}/{timezone.now().isoformat()}",
    )


def _ask(approval: Approval, people: list[Person]) -> None:
    is_elevation = approval.subject == ApprovalSubject.ELEVATION
    notifications.tell(
        people=people,
        kind=NotificationKind.ELEVATION_REQUESTED if is_elevation else NotificationKind.APPROVAL_REQUESTED,
        reference=_reference(approval),
        title=f"Your vote is asked for on {_subject(approval)}",
        key=f"{_reference(approval)}/requested",
        agent=approval.agent,
        asked_by=approval.requested_by,
        due_at=approval.expires_at,
    )


def _reference(approval: Approval) -> str:
    return f"approval/{approval.pk}"


def _subject(approval: Approval) -> str:
    """In words of the product alone: a dossier's and an elevation's title quote people."""
    return f"{WORDS.get(approval.subject, 'a request about')} {approval.agent.slug}"


def voters(approval: Approval) -> list[Person]:
    """Who has voted on it."""
    return list(Person.objects.filter(votes__approval=approval).distinct())


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]
