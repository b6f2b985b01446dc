"""Breaking the glass: one person opens a write alone, in an emergency (S4-2).

For half an hour at most, for one resource, with a reason, after a fresh proof of who it is, and never over
the API. Everybody who could have been asked is told at once. Somebody else reviews it within a day; where
nobody does, the account that broke it is locked.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents.authentication import Authentication
from agents.models import Agent, Person
from agents.permissions import why_not_act, why_not_confirmed
from agents.services import people
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse
from governance import contents, elevation_selectors, elevation_terms, manifest, permissions, selectors
from governance.choices import ElevationState
from governance.elevation_terms import Wanted
from governance.models import BreakGlass, Elevation
from governance.services import grants, locks, telling
from governance.services.actors import SWEEPER

MAX_REASON = 4000


def break_glass(
    *,
    actor: Person,
    agent: Agent,
    action: str,
    resource: str,
    reason: str,
    minutes: int,
    uses: int,
    authentication: Authentication,
) -> BreakGlass:
    """Open one write now, without being asked by anybody.

    Nothing is overridden but the vote: the agent has to be active, with an owner, and what was approved.

    Raises:
        Denied: the actor is neither the owner, nor a deputy, nor an administrator; the sign-in is too old, or
            lacks the second factor; the agent may not act at all; recorded.
        Invalid: not a write of the approved version, not one resource, longer than half an hour, or without
            a reason; `fields` says which.
        Conflict: what runs is not what was approved.
    """
    wanted = Wanted(action, resource, reason, minutes, uses).tidied()
    with attempt(
        action=Action.GLASS_BROKEN, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        agent = locks.agent(agent.pk)
        refuse(permissions.against_breaking_glass(actor, agent))
        refuse(why_not_confirmed(actor, authentication, second_factor=settings.MFA == "required"))
        refuse(why_not_act(agent))
        longest = min(elevation_terms.terms(agent)["max_minutes"], settings.BREAK_GLASS_MINUTES)
        _check(wanted, agent, longest)
        glass = _open(actor, agent, wanted)
        history.record(
            changed=[glass.elevation, glass],
            stream=agent.stream,
            action=Action.GLASS_BROKEN,
            actor=actor.actor,
            object=f"break_glass/{glass.pk}",
            body={
                "elevation": str(glass.elevation_id),
                "action": action,
                "resource": resource,
                "reason": wanted.intent,
                "minutes": minutes,
                "uses": uses,
                "digest": glass.digest,
                "review_due_at": glass.review_due_at.isoformat(),
                "authentication": authentication.evidence,
            },
        )
        approval = selectors.approval_of_active_version(agent)
        assert approval is not None  # noqa: S101 - the terms are read from it
        grants.add_write(actor=actor.actor, elevation=glass.elevation, approval=approval)
        telling.glass_broken(glass=glass)
    return glass


def review(
    *, actor: Person, glass: BreakGlass, is_justified: bool, review: str, authentication: Authentication
) -> BreakGlass:
    """Say afterwards whether it was an emergency, and why one thinks so. It is said once.

    An account that was locked meanwhile stays so, until an administrator reactivates it.

    Raises:
        Denied: the actor broke it, wants the agent, is in the hands of one of these, or neither holds a seat
            nor administers; or the sign-in is too old; recorded.
        Invalid: nothing is said.
        Conflict: it was reviewed already.
    """
    if not review.strip():
        raise Invalid("Say what you found.", fields={"review": "must not be empty"})
    with attempt(
        action=Action.GLASS_REVIEWED,
        actor=actor.actor,
        stream=glass.agent.stream,
        object=f"break_glass/{glass.pk}",
    ):
        agent = locks.agent(glass.agent_id)
        refuse(permissions.against_reviewing_glass(actor, glass))
        refuse(why_not_confirmed(actor, authentication, second_factor=settings.MFA == "required"))
        values = {
            "reviewed_at": timezone.now(),
            "reviewed_by": actor,
            "is_justified": is_justified,
            "review": review.strip(),
        }
        if not BreakGlass.objects.filter(pk=glass.pk, reviewed_at__isnull=True).update(**values):
            raise Conflict("Somebody has reviewed it already. Look at its page again.")
        for name, value in values.items():
            setattr(glass, name, value)
        history.record(
            changed=[glass],
            stream=agent.stream,
            action=Action.GLASS_REVIEWED,
            actor=actor.actor,
            object=f"break_glass/{glass.pk}",
            body={
                "is_justified": is_justified,
                "review": glass.review,
                "authentication": authentication.evidence,
            },
        )
        telling.glass_reviewed(glass=glass, actor=actor.actor)
    return glass


def sweep() -> int:
    """Lock the accounts that broke a glass which nobody reviewed in time. Returns how many glasses."""
    overdue = elevation_selectors.unreviewed_glass().filter(locked_at__isnull=True)
    late = overdue.filter(review_due_at__lte=timezone.now())
    found = list(late.select_related("agent__owner", "person", "elevation"))
    for glass in found:
        _lock(glass)
    return len(found)


def _check(wanted: Wanted, agent: Agent, longest: int) -> None:
    if manifest.STAR in wanted.resource:
        raise Invalid("The glass is broken for one resource.", fields={"resource": "Name exactly one."})
    if not wanted.intent or len(wanted.intent) > MAX_REASON:
        raise Invalid(
            "Say what the emergency is.", fields={"reason": f"A text of 1 to {MAX_REASON} characters."}
        )
    elevation_terms.check(wanted, agent, longest)


def _open(actor: Person, agent: Agent, wanted: Wanted) -> BreakGlass:
    now = timezone.now()
    elevation = Elevation(
        agent=agent,
        action=wanted.action,
        resource=wanted.resource,
        intent=wanted.intent,
        minutes=wanted.minutes,
        uses=wanted.uses,
        requested_by=actor,
        state=ElevationState.ACTIVE,
        starts_at=now,
        ends_at=now + timedelta(minutes=wanted.minutes),
    )
    elevation.save(force_insert=True)
    data = contents.to_bytes(contents.elevation(elevation, agent))
    glass = BreakGlass(
        elevation=elevation,
        agent=agent,
        person=actor,
        reason=wanted.intent,
        content=data.decode(),
        digest=contents.digest_of(data),
        broken_at=now,
        review_due_at=now + timedelta(hours=settings.BREAK_GLASS_REVIEW_HOURS),
    )
    glass.save(force_insert=True)
    return glass


def _lock(glass: BreakGlass) -> None:
    """The account first, in its own transaction: should it be the last administrator's, it stays, and the
    event says so."""
    try:
        people.deactivate(actor=SWEEPER, person=glass.person)
        was_locked, why = True, ""
    except Conflict as error:
        was_locked, why = not glass.person.is_active, error.message
    with transaction.atomic():
        BreakGlass.objects.filter(pk=glass.pk, locked_at__isnull=True).update(locked_at=timezone.now())
        history.record(
            changed=[glass],
            stream=glass.agent.stream,
            action=Action.GLASS_ACCOUNT_LOCKED,
            actor=SWEEPER,
            object=f"break_glass/{glass.pk}",
            body={"person": str(glass.person_id), "was_locked": was_locked, "why_not": why},
        )
        telling.glass_locked(glass=glass, was_locked=was_locked)
