"""Reads: what services and pages need to know about agents and people."""

from datetime import timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from agents.choices import OPEN_PROPOSALS, SETTLED, STEWARDS, AgentPolicyState, RevocationLevel, SessionEnd
from agents.models import (
    Agent,
    AgentPolicy,
    AgentVersion,
    Exposure,
    Finding,
    Person,
    ProposedAction,
    Report,
    Revocation,
    Run,
    Session,
)
from audits.actor import Actor

ERASED = "erased-"
"""How the username of an account begins that is nobody's since its person was erased."""


def answers_for(person_id: str, agent: Agent) -> bool:
    """Whether the person is the agent's owner or a deputy."""
    return str(agent.owner_id) == person_id or agent.deputies.filter(pk=person_id).exists()


def people_answering_for(agent: Agent) -> list[Person]:
    """The owner and the deputies as they are now."""
    return [agent.owner, *agent.deputies.all()]


def is_steward(person: Person) -> bool:
    """Whether the person keeps what all agents share (S1-22). An administrator is none by being one."""
    return person.is_active and person.groups.filter(name=STEWARDS).exists()


def active_policy() -> AgentPolicy | None:
    """The agent policy that was applied last; None where the one that ships with the product counts."""
    return AgentPolicy.objects.filter(state=AgentPolicyState.ACTIVE).first()


def is_active_administrator(actor: Actor) -> bool:
    return (
        actor.kind == "person"
        and Person.objects.filter(pk=actor.id, is_active=True, is_superuser=True).exists()
    )


def is_active_person(actor: Actor) -> bool:
    return actor.kind == "person" and Person.objects.filter(pk=actor.id, is_active=True).exists()


def version_named(agent: Agent, name: str) -> AgentVersion | None:
    """The version of that label or digest; of several builds of one digest, what runs, else the newest."""
    named = agent.versions.filter(Q(label=name) | Q(digest=name))
    runs = [version for version in named if version.pk == agent.active_version_id]
    return runs[0] if runs else named.order_by("-added_at").first()


def known_proposal(run: Run, finding: Finding, function: str, digest: str) -> ProposedAction | None:
    """What already stands for this write: this run's proposal for it, or an equal one that is open."""
    of_this_run = Q(run=run, finding=finding, function=function)
    equal_and_open = Q(digest=digest, state__in=OPEN_PROPOSALS)
    return ProposedAction.objects.filter(of_this_run | equal_and_open, agent=run.agent_id).first()


def to_analyse(report: Report) -> QuerySet[Finding]:
    """Its findings without those about which it says itself that nothing is left to do (VEX)."""
    return Finding.objects.filter(report=report).exclude(vex_state__in=SETTLED)


def earlier_scan(report: Report) -> Report | None:
    """The scan of the same target before this one; None where there is none, or nothing named the target."""
    if report.scanned_target_id is None:
        return None
    before = Report.objects.filter(scanned_target=report.scanned_target_id, scanned_at__lt=report.scanned_at)
    return before.order_by("-scanned_at").first()


def gone_since(report: Report, earlier: Report) -> QuerySet[Exposure]:
    """What the earlier scan found and this one did not."""
    return _of(report).filter(_found_by(earlier), ~_found_by(report))


def new_since(report: Report, earlier: Report) -> QuerySet[Exposure]:
    """What this scan found and the earlier one did not."""
    return _of(report).filter(_found_by(report), ~_found_by(earlier))


def found_by_both(report: Report, earlier: Report) -> QuerySet[Exposure]:
    return _of(report).filter(_found_by(report), _found_by(earlier))


def _found_by(report: Report) -> Exists:
    return Exists(Finding.objects.filter(report=report, exposure=OuterRef("pk")))


def _of(report: Report) -> QuerySet[Exposure]:
    return Exposure.objects.filter(target=report.scanned_target_id)


def provisioned_people() -> QuerySet[Person]:
    """Those whom a directory may know: everybody but whose account is nobody's since they were erased."""
    return Person.objects.exclude(is_active=False, email="", username__startswith=ERASED).order_by("pk")


def person_named(username: str) -> Person | None:
    """The person who signs in under this name; capitals make no difference, as at the sign-in."""
    named = [
        person
        for person in Person.objects.filter(username__iexact=username)
        if person.username.lower() == username.lower()
    ]
    return named[0] if len(named) == 1 else None


def has_second_factor(person: Person) -> bool:
    """Whether the person has an authenticator app or a security key; recovery codes alone are none."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return bool(Authenticator.objects.filter(user_id=person.pk, type__in=kinds).exists())


def open_session(session_id: str, person: Person) -> Session | None:
    """The person's session of that id, if it has not ended and its time is not over."""
    try:
        found = Session.objects.filter(pk=UUID(session_id), person=person, ended_at__isnull=True).first()
    except ValueError:
        return None
    return found if found and why_session_over(found) is None else None


def why_session_over(session: Session) -> SessionEnd | None:
    """Why a session's time is over, if it is: its absolute limit first, then how long it was idle."""
    now = timezone.now()
    if now - session.started_at >= timedelta(hours=settings.SESSION_HOURS):
        return SessionEnd.EXPIRED
    if now - session.seen_at >= timedelta(minutes=settings.SESSION_IDLE_MINUTES):
        return SessionEnd.IDLE
    return None


def sessions_over() -> QuerySet[Session]:
    """Sessions that nobody has ended, and whose time is over."""
    now = timezone.now()
    over = Q(started_at__lte=now - timedelta(hours=settings.SESSION_HOURS)) | Q(
        seen_at__lte=now - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    )
    return Session.objects.filter(over, ended_at__isnull=True)


def epoch_of(agent: Agent) -> int:
    """The number of its newest revocation as an agent, or 0; already known where `with_epochs` asked."""
    known = getattr(agent, "epoch", None)
    if known is None:
        own = Revocation.objects.filter(level=RevocationLevel.AGENT, subject=agent.slug)
        known = own.aggregate(newest=Max("number"))["newest"]
    return int(known or 0)


def with_epochs(agents: "QuerySet[Agent]") -> "QuerySet[Agent]":
    """Each with `epoch`, the number of its newest revocation as an agent, or 0."""
    own = Revocation.objects.filter(level=RevocationLevel.AGENT, subject=OuterRef("slug"))
    newest = own.filter(number__isnull=False).order_by("-number").values("number")[:1]
    return agents.annotate(epoch=Coalesce(Subquery(newest), Value(0)))
