"""Reads: what services and pages need to know about agents and people."""

from datetime import timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from agents.choices import OPEN_PROPOSALS, SETTLED, SessionEnd
from agents.models import Agent, Exposure, Finding, Person, ProposedAction, Report, Run, Session
from audits.actor import Actor


def answers_for(person_id: str, agent: Agent) -> bool:
    """Whether the person is the agent's owner or a deputy."""
    return str(agent.owner_id) == person_id or agent.deputies.filter(pk=person_id).exists()


def is_active_administrator(actor: Actor) -> bool:
    return (
        actor.kind == "person"
        and Person.objects.filter(pk=actor.id, is_active=True, is_superuser=True).exists()
    )


def is_active_person(actor: Actor) -> bool:
    return actor.kind == "person" and Person.objects.filter(pk=actor.id, is_active=True).exists()


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
