"""Reads: what the services and pages of governance need to know."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from agents.models import Agent, AgentVersion, Person
from governance import contents
from governance.choices import ApprovalState, ApprovalSubject, ElevationState
from governance.models import Approval, Elevation, RiskAssessment, RiskClass, Seat, Vote
from governance.quorum import Ballot, Rule, Tally, count

ABSENT = "—"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not what it was: its path, the old and the new value as text."""

    path: str
    before: str
    after: str


def current_seats(at: datetime | None = None) -> QuerySet[Seat]:
    """Seats that are held at that time (now, if none is given)."""
    at = at or timezone.now()
    return Seat.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), starts_at__lte=at)


def seat_of(person: Person) -> Seat | None:
    """The seat that the person holds now; the one they took first, should there be two."""
    return current_seats().filter(person=person).order_by("starts_at", "pk").first()


def latest_assessment(agent: Agent) -> RiskAssessment | None:
    return (
        RiskAssessment.objects.filter(agent=agent)
        .select_related("risk_class")
        .order_by("-assessed_at", "-pk")
        .first()
    )


def risk_class_of(agent: Agent) -> RiskClass | None:
    assessment = latest_assessment(agent)
    return assessment.risk_class if assessment else None


def described_dossier(agent: Agent, version: AgentVersion) -> contents.Content | None:
    """The dossier as it would be now; None where the agent has no risk assessment."""
    assessment = latest_assessment(agent)
    return contents.dossier(agent, version, assessment) if assessment else None


def approved_dossier(agent: Agent) -> Approval | None:
    """The board's approval of what the agent runs now, if it is still what is there (promise 4).

    None where there is none, its bytes were altered, or anything that it describes has changed.
    """
    version = agent.active_version
    if version is None or not agent.approved_digest:
        return None
    approval = Approval.objects.filter(
        subject=ApprovalSubject.AGENT_VERSION,
        subject_id=version.pk,
        agent=agent,
        digest=agent.approved_digest,
        state=ApprovalState.APPROVED,
    ).first()
    described = described_dossier(agent, version)
    if approval is None or described is None or version.agent_id != agent.pk:
        return None
    return approval if contents.still_describes(approval, described) else None


def subject_of(approval: Approval) -> AgentVersion | Elevation:
    """The version or elevation that an approval decides on."""
    if approval.subject == ApprovalSubject.ELEVATION:
        return Elevation.objects.select_related("proposal__finding").get(pk=approval.subject_id)
    return AgentVersion.objects.get(pk=approval.subject_id)


def tally(approval: Approval) -> Tally:
    """Where the votes on an approval stand, by the rule that was frozen with it."""
    return count(Rule.read(approval.rule), [_ballot(vote) for vote in approval.votes.all()])


def waiting_for(person: Person) -> QuerySet[Approval]:
    """Pending approvals that this person can vote on and has not."""
    seat = seat_of(person)
    if seat is None or not person.is_active:
        return Approval.objects.none()
    taken = Vote.objects.filter(approval=OuterRef("pk")).filter(
        Q(person=person) | Q(discipline=seat.discipline)
    )
    return (
        _undecided(person)
        .exclude(agent__owner=person)
        .exclude(agent__deputies=person)
        .exclude(requested_by=person)
        .filter(~Exists(taken))
    )


def _undecided(person: Person) -> QuerySet[Approval]:
    """Pending approvals that were not closed to this person when they were requested."""
    pending = Approval.objects.filter(state=ApprovalState.PENDING, expires_at__gt=timezone.now())
    excluded = [pk for pk, people in pending.values_list("pk", "excluded") if str(person.pk) in people]
    return pending.exclude(pk__in=excluded)


def previous_approval(approval: Approval) -> Approval | None:
    """The dossier that the board approved before this one, for the same agent."""
    if approval.subject != ApprovalSubject.AGENT_VERSION:
        return None
    return (
        Approval.objects.filter(
            agent=approval.agent_id,
            subject=ApprovalSubject.AGENT_VERSION,
            state=ApprovalState.APPROVED,
            requested_at__lt=approval.requested_at,
        )
        .order_by("-resolved_at")
        .first()
    )


def differences(approval: Approval) -> list[Difference]:
    """Field by field, what differs from the last approved dossier; empty where there is none."""
    previous = previous_approval(approval)
    if previous is None:
        return []
    before = dict(_leaves(contents.read(previous)))
    after = dict(_leaves(contents.read(approval)))
    return [
        Difference(path, before.get(path, ABSENT), after.get(path, ABSENT))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    ]


def live_elevations() -> QuerySet[Elevation]:
    return Elevation.objects.filter(state=ElevationState.ACTIVE)


def _ballot(vote: Vote) -> Ballot:
    return Ballot(person=str(vote.person_id), discipline=vote.discipline, choice=vote.choice)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value below, with its path. Functions are named by their name, not by their place."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _leaves(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for name, child in _named(value):
            yield from _leaves(child, f"{path}[{name}]")
    else:
        yield path, ABSENT if value is None else str(value)


def _named(items: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for position, item in enumerate(items):
        names = [item[key] for key in ("name", "username", "action") if key in item] if isinstance(
            item, dict
        ) else []  # fmt: skip
        yield (str(names[0]) if names else str(position)), item
