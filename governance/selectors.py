"""Reads: what the services and pages of governance need to know."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from agents.approved_entry import ApprovedEntry
from agents.choices import AgentState, FreezeReason
from agents.models import Agent, AgentVersion, Person
from governance import contents
from governance.choices import ApprovalState, ApprovalSubject, ElevationState
from governance.models import (
    Approval,
    ChangeRequest,
    Elevation,
    Grant,
    RiskAssessment,
    RiskClass,
    RoleAssignment,
    Seat,
    Vote,
)
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


def is_held(seat: Seat, at: datetime | None = None) -> bool:
    """Whether that seat is held at that time (now, if none is given)."""
    at = at or timezone.now()
    return seat.starts_at <= at and (seat.ends_at is None or seat.ends_at > at)


def is_over(seat: Seat, at: datetime) -> bool:
    """Whether it has ended by then, or was ended before it began."""
    return seat.ends_at is not None and seat.ends_at <= max(at, seat.starts_at)


def chair() -> Seat | None:
    """The seat that chairs the board now."""
    return current_seats().filter(is_chair=True).select_related("person").first()


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


def governed_by(person: Person) -> QuerySet[Agent]:
    """Agents for which this person may have the risk assessed and write assessments."""
    agents = Agent.objects.exclude(state=AgentState.RETIRED).order_by("name", "pk")
    if person.is_active and person.is_superuser:
        return agents
    mine = Agent.objects.filter(Q(owner=person) | Q(deputies=person)).values("pk")
    return agents.filter(pk__in=mine) if person.is_active else agents.none()


def risk_class_of(agent: Agent) -> RiskClass | None:
    assessment = latest_assessment(agent)
    return assessment.risk_class if assessment else None


def suspended_from(agent: Agent) -> date | None:
    """The day on which the agent is suspended unless its entry is reviewed; None where no review is due.

    Where nothing says what class it is, that is the day after the review was due.
    """
    if agent.review_date is None:
        return None
    risk_class = risk_class_of(agent)
    return agent.review_date + timedelta(days=1 + (risk_class.review_suspend_days if risk_class else 0))


def is_suspended(agent: Agent) -> bool:
    """Whether the review of its entry is so long overdue that it may do nothing until it is done."""
    today = timezone.localdate()
    if agent.review_date is None or agent.review_date >= today:
        return False
    day = suspended_from(agent)
    return day is not None and day <= today


def review_warned_from(agent: Agent) -> date | None:
    """From which day on its owner is warned that the review is due; None where none is."""
    if agent.review_date is None:
        return None
    risk_class = risk_class_of(agent)
    return agent.review_date - timedelta(days=risk_class.review_warn_days if risk_class else 0)


def reviews_due(person: Person) -> QuerySet[Agent]:
    """The agents that this person owns and should review by now, the most urgent first."""
    newest = RiskAssessment.objects.filter(agent=OuterRef("pk")).order_by("-assessed_at", "-pk")
    today = timezone.localdate()
    due = Q(review_date__lte=today)
    for risk_class in RiskClass.objects.all():
        warned = today + timedelta(days=risk_class.review_warn_days)
        due |= Q(risk=risk_class.level, review_date__lte=warned)
    can_be_done = Q(state=AgentState.ACTIVE) | Q(
        state=AgentState.FROZEN, freeze_reason__in=FreezeReason.values
    )
    owned = Agent.objects.filter(can_be_done, owner=person, ownerless_at__isnull=True)
    with_class = owned.annotate(risk=Subquery(newest.values("risk_class")[:1]))
    return with_class.filter(due).order_by("review_date", "pk")


def alive(agent: Agent) -> dict[str, int]:
    """How much of what governance gave an agent, or was asked for it, is not over."""
    now = timezone.now()
    open_ends = Q(ends_at__isnull=True) | Q(ends_at__gt=now)
    unsettled = (ElevationState.PENDING, ElevationState.ACTIVE)
    return {
        "grants": Grant.objects.filter(open_ends, agent=agent).count(),
        "elevations": Elevation.objects.filter(agent=agent, state__in=unsettled).count(),
        "roles": RoleAssignment.objects.filter(agent=agent, ended_at__isnull=True).count(),
        "requests": Approval.objects.filter(agent=agent, state=ApprovalState.PENDING).count(),
    }


def lacks_change(agent: Agent, version: AgentVersion) -> bool:
    """Whether it has still to be said what the version changes: it follows an active one (S1-24)."""
    follows = agent.active_version_id not in {None, version.pk}
    return follows and not ChangeRequest.objects.filter(version=version).exists()


def described_dossier(agent: Agent, version: AgentVersion) -> contents.Content | None:
    """The dossier as it would be now; None where the agent has no risk assessment."""
    assessment = latest_assessment(agent)
    return contents.dossier(agent, version, assessment) if assessment else None


def approved_dossier(agent: Agent, version: AgentVersion | None = None) -> Approval | None:
    """The board's approval of what the agent runs now, if it is still what is there (promise 4).

    Asked about the candidate of a release, it is that one's approval. None where there is none, its bytes
    were altered, or anything that it describes has changed.
    """
    version = version or agent.active_version
    approval = approval_of(agent, version) if version else None
    if approval is None or version is None:
        return None
    described = described_dossier(agent, version)
    return approval if described and contents.still_describes(approval, described) else None


def approval_of_active_version(agent: Agent) -> Approval | None:
    """The board's approval of what the agent runs, whatever was edited since; its votes carry it."""
    return approval_of(agent, agent.active_version) if agent.active_version else None


def approval_of(agent: Agent, version: AgentVersion) -> Approval | None:
    """The approval that the agent names for its active version, or for its candidate; its votes carry it."""
    named = {agent.active_version_id: agent.approved_digest, agent.candidate_id: agent.candidate_digest}
    digest = named.get(version.pk, "")
    if not digest or version.agent_id != agent.pk:
        return None
    approval = Approval.objects.filter(
        subject=ApprovalSubject.AGENT_VERSION,
        subject_id=version.pk,
        agent=agent,
        digest=digest,
        state=ApprovalState.APPROVED,
    ).first()
    return approval if approval and is_carried(approval) else None


def is_carried(approval: Approval) -> bool:
    """Whether the votes that are there carry the approval, counted anew by the rule in its bytes (promise 5).

    A vote counts that was cast on this digest, by somebody who was not excluded, in a seat that they held
    then: an approval that somebody wrote into the database without them is worth nothing.
    """
    if not contents.is_intact(approval):
        return False
    content = contents.read(approval)
    held = Seat.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=OuterRef("voted_at")),
        person=OuterRef("person"),
        discipline=OuterRef("discipline"),
        starts_at__lte=OuterRef("voted_at"),
    )
    votes = Vote.objects.filter(Exists(held), approval=approval, digest=approval.digest).order_by()
    ballots = [
        Ballot(person=str(person), discipline=discipline, choice=choice)
        for person, discipline, choice in votes.values_list("person_id", "discipline", "choice")
        if str(person) not in content["excluded"]
    ]
    return count(Rule.read(content["terms"]["rule"]), ballots).state == ApprovalState.APPROVED


def edited_dossier(agent: Agent, version: AgentVersion | None = None) -> Approval | None:
    """The approval of what the agent runs, where what differs since was edited through the product.

    `Agent.edited` names these parts. Where anything else differs, or the build does, there is none: then
    somebody has gone around the product, and the approval is worth nothing.
    """
    version = version or agent.active_version
    approval = approval_of(agent, version) if version else None
    if approval is None or version is None:
        return None
    described = described_dossier(agent, version)
    parts = contents.edited_parts(approval, described) if described else None
    if not parts or contents.BUILD.intersection(parts) or not set(parts) <= set(agent.edited):
        return None
    return approval


def edited_parts(agent: Agent) -> list[str] | None:
    """What of the agent is not what the board approved, by its names in the dossier, whoever edited it.

    None where no approval is worth anything, or the agent has no risk assessment.
    """
    approval = approval_of_active_version(agent)
    if approval is None or agent.active_version is None:
        return None
    described = described_dossier(agent, agent.active_version)
    return contents.edited_parts(approval, described) if described else None


def approved_entry(approval: Approval, agent: Agent) -> ApprovedEntry:
    """What can be put back of an approved dossier; people only whose accounts are still open."""
    content = contents.read(approval)
    kept = {field.name for field in Agent._meta.concrete_fields} - {"id", "slug"}  # noqa: SLF001 - public in Django
    sponsor = content["sponsor"]
    people = [*content["deputies"], *([sponsor] if sponsor else [])]
    active = Person.objects.filter(pk__in=[person["id"] for person in people], is_active=True)
    by_id = {str(person.pk): person for person in active}
    approved = [by_id.get(person["id"]) for person in content["deputies"]]
    return ApprovedEntry(
        fields={name: value for name, value in content["agent"].items() if name in kept},
        deputies=[person for person in approved if person and person.pk != agent.owner_id],
        sponsor=by_id.get(sponsor["id"]) if sponsor else None,
    )


def subject_of(approval: Approval) -> Agent | AgentVersion | Elevation | RiskAssessment:
    """The agent, version, elevation or risk assessment that an approval decides on."""
    if approval.subject == ApprovalSubject.KILL:
        return Agent.objects.get(pk=approval.subject_id)
    if approval.subject == ApprovalSubject.RISK_OVERRIDE:
        return RiskAssessment.objects.select_related("agent", "risk_class").get(pk=approval.subject_id)
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
        .exclude(agent__sponsor=person)
        .exclude(requested_by=person)
        .filter(~Exists(taken))
    )


def voters(approval: Approval) -> list[Person]:
    """Who can vote on a pending approval and has not: for each of them it is in `waiting_for`."""
    votes = approval.votes.values_list("person", "discipline")
    voted, taken = {pk for pk, _ in votes}, {discipline for _, discipline in votes}
    closed = {*approval.excluded, str(approval.requested_by_id)}
    closed |= contents.people_wanting(approval.agent)
    seats: dict[UUID, Seat] = {}
    for seat in current_seats().select_related("person").order_by("starts_at", "pk"):
        seats.setdefault(seat.person_id, seat)
    return [
        seat.person
        for pk, seat in seats.items()
        if seat.person.is_active
        and str(pk) not in closed
        and pk not in voted
        and seat.discipline not in taken
    ]


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
    return _compared(_of_the_agent(contents.read(previous)), _of_the_agent(contents.read(approval)))


def edits(agent: Agent) -> list[Difference]:
    """Field by field, what the register says of an agent and the board did not approve."""
    approval = approval_of_active_version(agent)
    version = agent.active_version
    described = described_dossier(agent, version) if version else None
    if approval is None or described is None:
        return []
    approved = contents.read(approval)
    return _compared(
        {name: approved.get(name) for name in approved if name not in contents.FROZEN}, described
    )


def _of_the_agent(content: contents.Content) -> contents.Content:
    """Without what is of this request alone, and shown by itself: how the gates stood, why it is asked."""
    return {name: value for name, value in content.items() if name not in {"gates", "change"}}


def _compared(one: contents.Content, other: contents.Content) -> list[Difference]:
    before, after = dict(_leaves(one)), dict(_leaves(other))
    return [
        Difference(path, before.get(path, ABSENT), after.get(path, ABSENT))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    ]


def live_elevations() -> QuerySet[Elevation]:
    return Elevation.objects.filter(state=ElevationState.ACTIVE)


def open_elevations() -> QuerySet[Elevation]:
    """Those that live, and those that people are asked about."""
    return Elevation.objects.filter(state__in=(ElevationState.PENDING, ElevationState.ACTIVE))


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
