"""What waits of agents that run: edits, releases, mitigations; and third parties that are overdue."""

from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from agents import secret_selectors
from agents.admin.origins import OWNER_SIDE
from agents.choices import AgentState
from agents.models import Agent, Person, SecretRotation, ThirdParty
from agents.selectors import is_steward
from audits.admin.show import EMPTY, show_foreign, show_link, show_time
from governance import release_selectors
from governance.choices import ApprovalState, ApprovalSubject, MitigationState, ReleaseState
from governance.models import Approval, Mitigation, Release
from portal.waiting.shown import Task, due, end_of, mine, risk_of, show_risk

SOON_DAYS = 30


# --- Which rows wait -------------------------------------------------------------------------------------
def edited(person: Person) -> QuerySet[Agent]:
    """Active agents that are not as approved, while the board is not asked about it."""
    asked = Approval.objects.filter(
        agent=OuterRef("pk"), subject=ApprovalSubject.AGENT_VERSION, state=ApprovalState.PENDING
    )
    rows = mine(person).filter(~Exists(asked), state=AgentState.ACTIVE).exclude(edited=[])
    return rows.annotate(risk=risk_of("pk")).order_by("name", "pk")


def releases(person: Person) -> QuerySet[Release]:
    rows = Release.objects.filter(agent__in=mine(person), state=ReleaseState.UNDER_WAY)
    with_rows = rows.select_related("agent", "version", "approval__requested_by")
    return with_rows.annotate(risk=risk_of("agent")).order_by("step_at", "pk")


def mitigations(person: Person) -> QuerySet[Mitigation]:
    """What this person promised and is due within a month; what is overdue comes first."""
    soon = timezone.localdate() + timedelta(days=SOON_DAYS)
    rows = Mitigation.objects.filter(owner=person, state=MitigationState.OPEN, due__lte=soon)
    with_rows = rows.exclude(assessment__agent__state=AgentState.RETIRED).select_related("assessment__agent")
    return with_rows.annotate(risk_class=risk_of("assessment__agent")).order_by("due", "pk")


def rotations(person: Person) -> QuerySet[SecretRotation]:
    """Secrets that this person has to rotate in their store."""
    return secret_selectors.waiting_for(person)


def third_parties(person: Person) -> QuerySet[ThirdParty]:
    """Of which something is overdue, for those who keep them."""
    if not person.is_active or not (person.is_superuser or is_steward(person)):
        return ThirdParty.objects.none()
    return ThirdParty.objects.filter(ThirdParty.overdue(timezone.localdate())).order_by(
        "assess_again_by", "pk"
    )


# --- How each is shown -----------------------------------------------------------------------------------
def edits(agents: list[Any]) -> list[Task]:
    return [
        Task(
            what=show_link(agent),
            detail=f"It only reads until it is put back or submitted again: {', '.join(agent.edited)}.",
            agent=show_link(agent),
            risk=show_risk(agent.risk),
            asked_by="What the board approved",
            since=EMPTY,
        )
        for agent in agents
    ]


def promotions(releases: list[Any]) -> list[Task]:
    """With what the promotion gate says, asked once for all of them."""
    reasons = release_selectors.why_not_promote(releases)
    return [_promotion(release, reasons[release.pk]) for release in releases]


def _promotion(release: Any, reasons: list[str]) -> Task:
    says = f"Not yet: {' '.join(reasons)}" if reasons else "Nothing stands against the next step."
    return Task(
        what=show_link(release),
        detail=f"{release.percent} of 100 tasks. {says}",
        agent=show_link(release.agent),
        risk=show_risk(release.risk),
        asked_by=str(release.approval.requested_by),
        since=show_time(release.step_at),
    )


def mitigation(promised: Any) -> Task:
    return Task(
        what=show_foreign(show_link(promised), OWNER_SIDE),
        detail="",
        agent=show_link(promised.assessment.agent),
        risk=show_risk(promised.risk_class),
        asked_by=promised.assessment.get_kind_display(),
        since=show_time(promised.assessment.signed_at),
        due=due(end_of(promised.due)),
    )


def third_party(party: Any) -> Task:
    today = timezone.localdate()
    days = [day for day in (party.assess_again_by, party.contract_ends_on) if day and day < today]
    words = ", ".join(party.why_overdue(today))
    return Task(
        what=show_link(party),
        detail=f"{words[:1].upper()}{words[1:]}.",
        agent=EMPTY,
        risk=EMPTY,
        asked_by="The register",
        since=EMPTY,
        due=due(end_of(min(days) - timedelta(days=1))) if days else None,
    )


def rotation(rotation: Any) -> Task:
    return Task(
        what=show_link(rotation.secret),
        detail=rotation.error or rotation.get_reason_display(),
        agent=EMPTY,
        risk=EMPTY,
        asked_by="Its rotation policy",
        since=show_time(rotation.asked_at),
        due=due(rotation.due_at),
    )
